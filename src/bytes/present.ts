/** Objects without the members that lack a value. */

type Lacking = null | undefined;

type Present<T> = {
  [K in keyof T as Extract<T[K], Lacking> extends never ? K : never]: T[K];
} & {
  [K in keyof T as Extract<T[K], Lacking> extends never ? never : K]?: Exclude<T[K], Lacking>;
};

/** The members that are there: neither `undefined` nor `null`. */
export function present<T extends object>(members: T): Present<T> {
  const found = Object.entries(members).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(found) as Present<T>;
}

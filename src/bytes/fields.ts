/**
 * A structure as one list of parts, from which it is both read and written, and from which its static type follows:
 *
 *     const FAULT = { code: one('errorCode', INTEGER), details: optional(one('details', STRING)) };
 *     type Fault = ValueOf<typeof FAULT>;   // { readonly code: number; readonly details?: string }
 *
 * What a part reads from and writes to is the format's own: the children of an XML element, the components of an ASN.1
 * SEQUENCE. The order of the list is the order on the wire.
 */

/** Where the value of a part goes: under its own key, under its key if it is there, or among those of the structure. */
export type PartPlace = 'required' | 'optional' | 'spread';

export interface Part<Source, Target, T, P extends PartPlace = PartPlace> {
  readonly place: P;
  /** The value; `undefined` if the part is absent. */
  read(source: Source): T | undefined;
  write(value: T, target: Target[]): void;
  /** The error that names what is missing. */
  missing(source: Source): Error;
}

export type PartList<Source, Target> = Readonly<Record<string, Part<Source, Target, unknown>>>;

type Held<P> = P extends Part<never, never, infer T> ? T : never;
type Keys<P, W extends PartPlace> = {
  [K in keyof P]: P[K] extends { readonly place: W } ? K : never;
}[keyof P];
type Joined<U> = (U extends unknown ? (value: U) => void : never) extends (value: infer T) => void
  ? T
  : never;
type Flat<T> = { [K in keyof T]: T[K] };

/** The value that a list of parts describes. */
export type ValueOf<P> = Flat<
  { readonly [K in keyof P as K extends Keys<P, 'required'> ? K : never]: Held<P[K]> } & {
    readonly [K in keyof P as K extends Keys<P, 'optional'> ? K : never]?: Held<P[K]>;
  } & Joined<Held<P[Keys<P, 'spread'>]>>
>;

/** Reads all parts in order; the source refuses by itself what is left over. */
export function readParts<Source, Target, P extends PartList<Source, Target>>(
  parts: P,
  source: Source,
): ValueOf<P> {
  const value: Record<string, unknown> = {};
  for (const key in parts) {
    const part: Part<Source, Target, unknown> = parts[key] as P[typeof key];
    const read = part.read(source);
    if (read === undefined) {
      if (part.place !== 'optional') throw part.missing(source);
    } else if (part.place === 'spread') {
      Object.assign(value, read);
    } else {
      value[key] = read;
    }
  }
  return value as ValueOf<P>;
}

/** Writes all parts in order. */
export function writeParts<Source, Target, P extends PartList<Source, Target>>(
  parts: P,
  value: ValueOf<P>,
  target: Target[],
): void {
  const values = value as Readonly<Record<string, unknown>>;
  for (const key in parts) {
    const part: Part<Source, Target, unknown> = parts[key] as P[typeof key];
    if (part.place === 'spread') part.write(value, target);
    else if (part.place === 'required' || values[key] !== undefined) part.write(values[key], target);
  }
}

/** A part that may be absent. */
export function optional<S, W, T>(part: Part<S, W, T>): Part<S, W, T, 'optional'> {
  return at('optional', part);
}

/** A part whose fields stand among those of the structure around it. */
export function spread<S, W, T extends object>(part: Part<S, W, T>): Part<S, W, T, 'spread'> {
  return at('spread', part);
}

/** A part that is read as `fallback` where it is absent, and left out on output where `omits` says so. */
export function orElse<S, W, T>(
  part: Part<S, W, T>,
  fallback: T,
  omits: (value: T) => boolean = () => false,
): Part<S, W, T, 'required'> {
  return {
    place: 'required',
    read: (source) => part.read(source) ?? fallback,
    write: (value, target) => {
      if (!omits(value)) part.write(value, target);
    },
    missing: (source) => part.missing(source),
  };
}

/** A list that is left out where it is empty. */
export function unlessEmpty<S, W, T>(part: Part<S, W, readonly T[]>): Part<S, W, readonly T[], 'required'> {
  return orElse(part, [], (list) => list.length === 0);
}

/** A part that is checked on input if it is there, kept nowhere and never written. */
export function passedOver<S, W, T>(part: Part<S, W, T>): Part<S, W, object, 'spread'> {
  return {
    place: 'spread',
    read: (source) => {
      part.read(source);
      return {};
    },
    write: () => undefined,
    missing: (source) => part.missing(source),
  };
}

function at<S, W, T, P extends PartPlace>(place: P, part: Part<S, W, T>): Part<S, W, T, P> {
  return {
    place,
    read: (source) => part.read(source),
    write: (value, target) => {
      part.write(value, target);
    },
    missing: (source) => part.missing(source),
  };
}

/**
 * What an object consists of: a table of members in the order of the schema, each of which may be absent. An element
 * that is not in the table, of a later version or a country, is kept where it stood, so that the object can be given
 * back as it came.
 */
import { XmlDocumentError } from '../xml/errors.ts';
import { node, unexpected } from '../xml/forms.ts';
import type { ElementForm } from '../xml/forms.ts';
import type { QName, XmlElement } from '../xml/tree.ts';

/** One row of the table; a member that may stand repeatedly has a list as its value. */
export interface Member<T> {
  readonly namespace: string;
  readonly repeated: boolean;
  read(elements: readonly XmlElement[]): T;
  write(name: QName, value: T): readonly XmlElement[];
}

/** Their order is the order on the wire. */
export type MemberTable = Readonly<Record<string, Member<unknown>>>;

export type MembersOf<M> = {
  readonly [K in keyof M]?: M[K] extends { read: (elements: readonly XmlElement[]) => infer T } ? T : never;
};

/** An element that the table does not have, and the member of the table after which it stands. */
export interface UnknownMember {
  readonly after: string | null;
  readonly element: XmlElement;
}

/** Members of one namespace. */
export function membersOf<F extends Readonly<Record<string, ElementForm<unknown>>>>(
  namespace: string,
  forms: F,
): { readonly [K in keyof F]: Member<F[K] extends ElementForm<infer T> ? T : never> } {
  const rows = Object.entries(forms).map(([name, form]) => [name, single(namespace, form)]);
  return Object.fromEntries(rows) as {
    [K in keyof F]: Member<F[K] extends ElementForm<infer T> ? T : never>;
  };
}

function single<T>(namespace: string, form: ElementForm<T>): Member<T> {
  return {
    namespace,
    repeated: false,
    read: ([element]) => {
      if (element === undefined) throw new XmlDocumentError('schema', 'a member is missing');
      return form.read(element);
    },
    write: (name, value) => [form.write(name, value)],
  };
}

/** A member that may stand repeatedly. */
export function repeated<T>(namespace: string, form: ElementForm<T>): Member<readonly T[]> {
  return {
    namespace,
    repeated: true,
    read: (elements) => elements.map((element) => form.read(element)),
    write: (name, values) => values.map((value) => form.write(name, value)),
  };
}

export interface ReadMembers {
  readonly members: Readonly<Record<string, unknown>>;
  readonly unknown: readonly UnknownMember[];
}

/** @throws XmlDocumentError `schema` if a member is not as its type has it, or out of order */
export function readMembers(table: MemberTable, element: XmlElement): ReadMembers {
  if (element.text.trim() !== '')
    throw new XmlDocumentError('schema', `${element.name} has text between elements`);
  const names = Object.keys(table);
  const found = new Map<string, XmlElement[]>();
  const unknown: UnknownMember[] = [];
  let at = -1;
  for (const child of element.children) {
    const row = Object.hasOwn(table, child.name) ? table[child.name] : undefined;
    if (row?.namespace !== child.namespace) {
      unknown.push({ after: names[at] ?? null, element: child });
      continue;
    }
    const place = names.indexOf(child.name);
    if (place < at || (place === at && !row.repeated)) throw unexpected(element, child);
    at = place;
    found.set(child.name, [...(found.get(child.name) ?? []), child]);
  }
  const members: Record<string, unknown> = {};
  for (const [name, elements] of found) members[name] = table[name]?.read(elements);
  return { members, unknown };
}

export function writeMembers(table: MemberTable, name: QName, { members, unknown }: ReadMembers): XmlElement {
  const children: XmlElement[] = [];
  const keep = (after: string | null): void => {
    for (const each of unknown) if (each.after === after) children.push(each.element);
  };
  keep(null);
  for (const [key, row] of Object.entries(table)) {
    const value = members[key];
    if (value !== undefined) children.push(...row.write({ namespace: row.namespace, name: key }, value));
    keep(key);
  }
  return node(name, children);
}

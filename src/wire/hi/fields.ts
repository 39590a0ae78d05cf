/**
 * The ASN.1 types of HI2 and HI3, each described once for both ways. A component of a SEQUENCE is a tag and a name with
 * a type; components make a structure (`bytes/fields.ts`).
 *
 * X.680's extension rule in one sentence: what lies beyond the last root tag and is not known here is an addition of a
 * later version and is passed over; anything else that is not known is an error.
 *
 * One value that cannot be read does not take others with it: a component that may be absent is taken for absent, an
 * element of a list is left out while another can be read, and what was not read is noted.
 */
import { tlv, UNIVERSAL } from '../../bytes/der.ts';
import type { DerValue } from '../../bytes/der.ts';
import { BytesError } from '../../bytes/errors.ts';
import { optional, readParts, writeParts } from '../../bytes/fields.ts';
import type { Part, PartList, ValueOf } from '../../bytes/fields.ts';
import { concat } from '../../bytes/octets.ts';
import { elementsOf, malformed, requireContext, requireForm } from './ber.ts';
import { HiError } from './errors.ts';

/** A type: the contents below a tag, and the value that they mean. */
export interface Asn1Type<T> {
  /** Whether the contents are elements. */
  readonly constructed: boolean;
  /** Its own tag, which stands where it has no other: in a list. */
  readonly universal: number;
  /** @param what path of the value, for errors. @throws HiError `malformed`, BytesError */
  read(value: DerValue, what: string, unread: Unread): T;
  /** @param what name of the component, for errors. @throws HiError `range` */
  contents(value: T, what: string): Uint8Array;
}

/** What could not be read within one PDU: the first of it in words, the rest by number. */
export class Unread {
  readonly #notes: string[] = [];
  #more = 0;

  note(what: string): void {
    if (this.#notes.length < MOST_NOTES) this.#notes.push(what);
    else this.#more++;
  }

  get notes(): readonly string[] {
    return this.#more === 0 ? this.#notes : [...this.#notes, `${this.#more} more`];
  }
}

const MOST_NOTES = 32;

/** A component of a SEQUENCE. */
export type Component<T> = Part<Components, Uint8Array, T, 'required'>;
export type ComponentList = PartList<Components, Uint8Array>;

/** The components of one SEQUENCE, by tag. */
export class Components {
  readonly what: string;
  readonly unread: Unread;
  readonly #values = new Map<number, DerValue>();

  /**
   * @param root tags of the root components, ascending
   * @param later tags above the last root tag: `skipped` where the type is extensible, else `refused`
   */
  constructor(
    contents: Uint8Array,
    what: string,
    root: readonly number[],
    later: 'skipped' | 'refused',
    unread: Unread,
  ) {
    this.what = what;
    this.unread = unread;
    const lastRoot = root.at(-1) ?? -1;
    let last = -1;
    for (const value of elementsOf(contents, what)) {
      requireContext(value, what);
      if (value.number <= last) throw malformed(`${what}: [${value.number}] after [${last}]`);
      last = value.number;
      const known = root.includes(last) || (last > lastRoot && later === 'skipped');
      if (!known) throw malformed(`${what}: no component [${last}]`);
      this.#values.set(last, value);
    }
  }

  get(tag: number): DerValue | undefined {
    return this.#values.get(tag);
  }
}

/** [tag] of a SEQUENCE; around a CHOICE the tag is explicit. */
export function component<T>(tag: number, name: string, type: Asn1Type<T>): Component<T> {
  return {
    place: 'required',
    read: (components) => {
      const value = components.get(tag);
      return value === undefined
        ? undefined
        : type.read(value, `${components.what}.${name}`, components.unread);
    },
    write: (value, target) => {
      target.push(tlv('context', type.constructed, tag, type.contents(value, name)));
    },
    missing: (components) => malformed(`${components.what}.${name} [${tag}] is missing`),
  };
}

/** A component that is OPTIONAL: one that cannot be read is noted and taken for absent. */
export function optionalComponent<T>(tag: number, name: string, type: Asn1Type<T>) {
  return optional(ifReadable(component(tag, name, type)));
}

/** A component that is taken for absent if it cannot be read. */
export function ifReadable<T>(part: Component<T>): Component<T> {
  return {
    ...part,
    read: (components) => attempt(() => part.read(components), components.unread),
  };
}

/** What `read` gives; `undefined`, and a note of it, if the octets are not what it expects. */
function attempt<T>(read: () => T, unread: Unread): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof HiError || error instanceof BytesError)) throw error;
    unread.note(error.message);
    return undefined;
  }
}

/* ---------------------------------------------------------------- structures */

/**
 * SEQUENCE.
 *
 * @param root tags of the root components, ascending, used here or not
 * @param later whether the type is extensible
 */
export function sequence<P extends ComponentList>(
  root: readonly number[],
  later: 'skipped' | 'refused',
  parts: P,
): Asn1Type<ValueOf<P>> {
  return {
    constructed: true,
    universal: UNIVERSAL.sequence,
    read: (value, what, unread) => {
      requireForm(value, true, what);
      return readParts(parts, new Components(value.contents, what, root, later, unread));
    },
    contents: (value) => {
      const elements: Uint8Array[] = [];
      writeParts(parts, value, elements);
      return concat(...elements);
    },
  };
}

/** SEQUENCE OF or SET OF, whose elements have their type's own tag. Elements that cannot be read are left out. */
export function sequenceOf<T>(type: Asn1Type<T>, min = 0, max = Infinity): Asn1Type<readonly T[]> {
  const whole = wholeSequenceOf(type, min, max);
  return {
    ...whole,
    read: (value, what, unread) =>
      readable(
        listElements(value, what, min, max),
        (element) => readElement(type, element, what, unread),
        unread,
      ),
  };
}

/** SEQUENCE OF that is read whole or not at all. */
export function wholeSequenceOf<T>(type: Asn1Type<T>, min = 0, max = Infinity): Asn1Type<readonly T[]> {
  return {
    constructed: true,
    universal: UNIVERSAL.sequence,
    read: (value, what, unread) =>
      listElements(value, what, min, max).map((element) => readElement(type, element, what, unread)),
    contents: (values, what) => {
      const wrong = wrongSize(values.length, 'elements', min, max);
      if (wrong !== null) throw new HiError('range', `${what}: ${wrong}`);
      return concat(
        ...values.map((value) =>
          tlv('universal', type.constructed, type.universal, type.contents(value, what)),
        ),
      );
    },
  };
}

/** Those elements that can be read; the others are noted. @throws HiError, BytesError if none of several can */
export function readable<T>(
  elements: readonly DerValue[],
  read: (element: DerValue) => T,
  unread: Unread,
): T[] {
  const values: T[] = [];
  let left = elements.length;
  for (const element of elements) {
    left--;
    // The last hope is not caught: a list of nothing is not what was sent.
    const value = values.length === 0 && left === 0 ? read(element) : attempt(() => read(element), unread);
    if (value !== undefined) values.push(value);
  }
  return values;
}

function readElement<T>(type: Asn1Type<T>, element: DerValue, what: string, unread: Unread): T {
  if (element.tagClass !== 'universal' || element.number !== type.universal) {
    throw malformed(`${what}: ${element.tagClass} tag ${element.number} in the list`);
  }
  return type.read(element, what, unread);
}

function listElements(value: DerValue, what: string, min: number, max: number): DerValue[] {
  requireForm(value, true, what);
  const elements = elementsOf(value.contents, what);
  const wrong = wrongSize(elements.length, 'elements', min, max);
  if (wrong !== null) throw malformed(`${what}: ${wrong}`);
  return elements;
}

/** Why a number of things is not between `min` and `max`; `null` if it is. */
export function wrongSize(size: number, things: string, min: number, max: number): string | null {
  return size < min || size > max ? `${size} ${things}, ${min} to ${max} allowed` : null;
}

/** An alternative of a CHOICE. */
export interface Alternative<T> {
  readonly tag: number;
  readonly type: Asn1Type<T>;
}

export function alternative<T>(tag: number, type: Asn1Type<T>): Alternative<T> {
  return { tag, type };
}

/** What becomes of alternatives that are not known here. */
export interface OtherAlternatives<T> {
  /** Whether those that are known and cannot be read are treated the same, and noted. */
  readonly unreadable: boolean;
  read(value: DerValue): T;
  /** The whole TLV. */
  write(value: T): Uint8Array;
}

/** An alternative that is carried along undecoded; `element` is the whole TLV. */
export interface OtherAlternative {
  readonly kind: 'other';
  readonly tag: number;
  readonly element: Uint8Array;
}

export const OTHER = {
  unreadable: false,
  read: (value: DerValue): OtherAlternative => ({
    kind: 'other',
    tag: value.number,
    element: value.raw.slice(),
  }),
  write: ({ element }: OtherAlternative) => element,
};

/** Alternatives that are not known here, and known ones that cannot be read. */
export const OTHER_OR_UNREADABLE = { ...OTHER, unreadable: true };

/** CHOICE: the alternatives by name; `which` names that of a value. Others are refused unless `other` takes them. */
export function choice<T>(
  alternatives: Readonly<Record<string, Alternative<T>>>,
  which: (value: T) => string,
  other?: OtherAlternatives<T>,
): Asn1Type<T> {
  const byTag = new Map(Object.entries(alternatives).map(([name, { tag, type }]) => [tag, { name, type }]));
  return {
    constructed: true,
    universal: UNIVERSAL.sequence,
    read: (value, what, unread) => {
      requireForm(value, true, what);
      const element = onlyElement(value.contents, what);
      const known = byTag.get(element.number);
      if (known !== undefined) {
        const read = () => known.type.read(element, `${what}.${known.name}`, unread);
        return other?.unreadable === true ? (attempt(read, unread) ?? other.read(element)) : read();
      }
      if (other === undefined) throw malformed(`${what}: no alternative [${element.number}]`);
      return other.read(element);
    },
    contents: (value, what) => {
      const name = which(value);
      const known = alternatives[name];
      if (known !== undefined) {
        const { tag, type } = known;
        return tlv('context', type.constructed, tag, type.contents(value, name));
      }
      if (other === undefined) throw new HiError('range', `${what}: no alternative ${name}`);
      return other.write(value);
    },
  };
}

/** The element of an explicit tag around a CHOICE. */
export function onlyElement(contents: Uint8Array, what: string): DerValue {
  const [element, ...rest] = elementsOf(contents, what);
  if (element === undefined || rest.length > 0) throw malformed(`${what}: exactly one alternative expected`);
  requireContext(element, what);
  return element;
}

/** A type whose values are others than those of ASN.1. */
export function converted<A, B>(
  type: Asn1Type<A>,
  read: (value: A, what: string) => B,
  write: (value: B, what: string) => A,
): Asn1Type<B> {
  return {
    constructed: type.constructed,
    universal: type.universal,
    read: (value, what, unread) => read(type.read(value, what, unread), what),
    contents: (value, what) => type.contents(write(value, what), what),
  };
}

/** A type whose value is one member of an object. */
export function memberOf<N extends string, T>(name: N, type: Asn1Type<T>) {
  return converted<T, Readonly<Record<N, T>>>(
    type,
    (value) => ({ [name]: value }) as Record<N, T>,
    (holder) => holder[name],
  );
}

/** A type whose values say by `kind` which of several they are; what `type` has is their member `name`. */
export function ofKind<K extends string, N extends string, T>(kind: K, name: N, type: Asn1Type<T>) {
  return converted<Readonly<Record<N, T>>, { readonly kind: K } & Readonly<Record<N, T>>>(
    memberOf(name, type),
    (holder) => ({ kind, ...holder }),
    (holder) => holder,
  );
}

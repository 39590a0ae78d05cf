/**
 * The ASN.1 types of HI2 and HI3, each described once for both ways. A component of a SEQUENCE is a tag and a name with
 * a type; components make a structure (`bytes/fields.ts`).
 *
 * X.680's extension rule in one sentence: what lies beyond the last root tag and is not known here is an addition of a
 * later version and is passed over; anything else that is not known is an error.
 */
import { berString } from '../../bytes/ber.ts';
import {
  integerContents,
  oidContents,
  oidValue,
  relativeOidContents,
  relativeOidValue,
  tlv,
  UNIVERSAL,
} from '../../bytes/der.ts';
import type { DerValue } from '../../bytes/der.ts';
import { readParts, writeParts } from '../../bytes/fields.ts';
import type { Part, PartList, ValueOf } from '../../bytes/fields.ts';
import { concat, toHex } from '../../bytes/octets.ts';
import { elementsOf, malformed, requireContext, requireForm } from './ber.ts';
import { HiError } from './errors.ts';

/** A type: the contents below a tag, and the value that they mean. */
export interface Asn1Type<T> {
  /** Whether the contents are elements. */
  readonly constructed: boolean;
  /** Its own tag, which stands where it has no other: in a list. */
  readonly universal: number;
  /** @param what path of the value, for errors. @throws HiError `malformed`, BytesError */
  read(value: DerValue, what: string): T;
  /** @param what name of the component, for errors. @throws HiError `range` */
  contents(value: T, what: string): Uint8Array;
}

/** A component of a SEQUENCE. */
export type Component<T> = Part<Components, Uint8Array, T, 'required'>;
export type ComponentList = PartList<Components, Uint8Array>;

/** The components of one SEQUENCE, by tag. */
export class Components {
  readonly what: string;
  readonly #values = new Map<number, DerValue>();

  /**
   * @param root tags of the root components, ascending
   * @param later tags above the last root tag: `skipped` where the type is extensible, else `refused`
   */
  constructor(contents: Uint8Array, what: string, root: readonly number[], later: 'skipped' | 'refused') {
    this.what = what;
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
      return value === undefined ? undefined : type.read(value, `${components.what}.${name}`);
    },
    write: (value, target) => {
      target.push(tlv('context', type.constructed, tag, type.contents(value, name)));
    },
    missing: (components) => malformed(`${components.what}.${name} [${tag}] is missing`),
  };
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
    read: (value, what) => {
      requireForm(value, true, what);
      return readParts(parts, new Components(value.contents, what, root, later));
    },
    contents: (value) => {
      const elements: Uint8Array[] = [];
      writeParts(parts, value, elements);
      return concat(...elements);
    },
  };
}

/** SEQUENCE OF or SET OF, whose elements have their type's own tag. */
export function sequenceOf<T>(type: Asn1Type<T>, min = 0, max = Infinity): Asn1Type<readonly T[]> {
  const size = (length: number): string | null =>
    length < min || length > max ? `${length} elements, ${min} to ${max} allowed` : null;
  return {
    constructed: true,
    universal: UNIVERSAL.sequence,
    read: (value, what) => {
      requireForm(value, true, what);
      const elements = elementsOf(value.contents, what);
      const wrong = size(elements.length);
      if (wrong !== null) throw malformed(`${what}: ${wrong}`);
      return elements.map((element) => {
        if (element.tagClass !== 'universal' || element.number !== type.universal) {
          throw malformed(`${what}: ${element.tagClass} tag ${element.number} in the list`);
        }
        return type.read(element, what);
      });
    },
    contents: (values, what) => {
      const wrong = size(values.length);
      if (wrong !== null) throw new HiError('range', `${what}: ${wrong}`);
      return concat(
        ...values.map((value) =>
          tlv('universal', type.constructed, type.universal, type.contents(value, what)),
        ),
      );
    },
  };
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
  read: (value: DerValue): OtherAlternative => ({
    kind: 'other',
    tag: value.number,
    element: value.raw.slice(),
  }),
  write: ({ element }: OtherAlternative) => element,
};

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
    read: (value, what) => {
      requireForm(value, true, what);
      const element = onlyElement(value.contents, what);
      const known = byTag.get(element.number);
      if (known !== undefined) return known.type.read(element, `${what}.${known.name}`);
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
    read: (value, what) => read(type.read(value, what), what),
    contents: (value, what) => type.contents(write(value, what), what),
  };
}

/* ---------------------------------------------------------------- contents */

/** OCTET STRING, or a character string as its octets, in one piece or in segments. */
export function octetString(min = 0, max = Infinity): Asn1Type<Uint8Array> {
  const wrong = (length: number): string | null =>
    length < min || length > max ? `${length} octets, ${min} to ${max} allowed` : null;
  return {
    constructed: false,
    universal: UNIVERSAL.octetString,
    read: (value, what) => {
      const octets = berString(value, what);
      const size = wrong(octets.length);
      if (size !== null) throw malformed(`${what}: ${size}`);
      return octets.slice();
    },
    contents: (octets, what) => {
      const size = wrong(octets.length);
      if (size !== null) throw new HiError('range', `${what}: ${size}`);
      return octets;
    },
  };
}

/** INTEGER or ENUMERATED; needless leading octets, which no rule allows (X.690 8.3.2), leave no number in doubt. */
export function integer(min = 0, max = 0xffffffff): Asn1Type<number> {
  const wrong = (value: number | bigint): string | null =>
    value < min || value > max ? `${value} is not within ${min}…${max}` : null;
  return primitiveType(
    (octets, what) => {
      const value = integerOf(octets, what);
      const range = wrong(value);
      if (range !== null) throw malformed(`${what}: ${range}`);
      return Number(value);
    },
    (value, what) => {
      const range = Number.isSafeInteger(value) ? wrong(value) : `${value} is not an integer`;
      if (range !== null) throw new HiError('range', `${what}: ${range}`);
      return value >= 0 && value < 0x80 ? Uint8Array.of(value) : integerContents(BigInt(value));
    },
  );
}

function integerOf(octets: Uint8Array, what: string): number | bigint {
  const [first, second] = octets;
  if (first === undefined) throw malformed(`${what}: empty INTEGER`);
  if (second === undefined && first < 0x80) return first;
  return BigInt.asIntN(8 * octets.length, BigInt(`0x${toHex(octets)}`));
}

/** OBJECT IDENTIFIER in dotted decimal. */
export const OBJECT_IDENTIFIER = primitiveType(oidValue, oidContents);

/** RELATIVE-OID in dotted decimal. */
export const RELATIVE_OID = primitiveType(relativeOidValue, relativeOidContents);

/** NULL, whose presence says `value`. */
export function nullOf<const T>(value: T): Asn1Type<T> {
  return primitiveType(
    (octets, what) => {
      if (octets.length > 0) throw malformed(`${what}: NULL with contents`);
      return value;
    },
    () => new Uint8Array(),
  );
}

function primitiveType<T>(
  read: (octets: Uint8Array, what: string) => T,
  contents: (value: T, what: string) => Uint8Array,
): Asn1Type<T> {
  return {
    constructed: false,
    // No list of these types has elements without tags of their own.
    universal: UNIVERSAL.null,
    read: (value, what) => {
      requireForm(value, false, what);
      return read(value.contents, what);
    },
    contents,
  };
}

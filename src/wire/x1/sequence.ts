/**
 * Reading and writing `xs:sequence`: children in order, each once, optional or repeated, all from one namespace; what
 * is left over is refused. Each reader in this folder stands beside its writer and lists the same names.
 */
import { X1Error } from './errors.ts';
import type { SimpleType } from './simple-types.ts';
import { X1_NAMESPACE } from './xml.ts';
import type { QName, XmlElement } from './xml.ts';

/** Turns an element into a value. */
export type Read<T> = (element: XmlElement) => T;

export class Sequence {
  readonly #element: XmlElement;
  readonly #namespace: string;
  #at = 0;

  /** @throws X1Error `schema` if there is text between the children */
  constructor(element: XmlElement, namespace = X1_NAMESPACE) {
    if (element.text.trim() !== '') throw new X1Error('schema', `${element.name} has text between elements`);
    this.#element = element;
    this.#namespace = namespace;
  }

  /** The next child, which must have this name. */
  one<T>(name: string, read: Read<T>): T {
    const child = this.#take(name);
    if (child === null) throw new X1Error('schema', `${this.#element.name}: ${name} is missing`);
    return read(child);
  }

  /** `{ [key]: value }` of the next child if it has this name, else `{}`. */
  optional<K extends string, T>(key: K, name: string, read: Read<T>): { readonly [P in K]?: T } {
    const child = this.#take(name);
    return child === null ? {} : ({ [key]: read(child) } as { readonly [P in K]?: T });
  }

  /** All children of this name that follow. */
  many<T>(name: string, read: Read<T>, min = 0): T[] {
    const values: T[] = [];
    for (let child = this.#take(name); child !== null; child = this.#take(name)) values.push(read(child));
    if (values.length < min) throw new X1Error('schema', `${this.#element.name}: ${name} is missing`);
    return values;
  }

  /** All children that are left, whatever they are. */
  rest(): readonly XmlElement[] {
    const rest = this.#element.children.slice(this.#at);
    this.#at = this.#element.children.length;
    return rest;
  }

  /** Refuses leftovers. */
  end(): void {
    const next = this.#element.children[this.#at];
    if (next !== undefined) {
      throw new X1Error('schema', `${this.#element.name}: ${next.name} is not expected here`);
    }
  }

  #take(name: string): XmlElement | null {
    const next = this.#element.children[this.#at];
    if (next?.name !== name || next.namespace !== this.#namespace) return null;
    this.#at += 1;
    return next;
  }
}

/** Reads a complex type that is one sequence, to its end. */
export function sequence<T>(
  element: XmlElement,
  read: (children: Sequence) => T,
  namespace = X1_NAMESPACE,
): T {
  requireType(element, null);
  const children = new Sequence(element, namespace);
  const value = read(children);
  children.end();
  return value;
}

/** Reads `xs:choice`: exactly one child. */
export function choice<T>(element: XmlElement, read: (child: XmlElement) => T): T {
  requireType(element, null);
  const [child, second] = element.children;
  if (child === undefined || second !== undefined || element.text.trim() !== '') {
    throw new X1Error('schema', `${element.name}: exactly one element is expected`);
  }
  return read(child);
}

/** A reader of an element with text of a simple type. */
export function simple<T>(type: SimpleType<T>): Read<T> {
  return (element) => {
    requireType(element, null);
    if (element.children.length > 0) throw new X1Error('schema', `${element.name} has elements in it`);
    return type.read(element.text, element.name);
  };
}

/** Of types that have no subtypes, `xsi:type` is not expected. */
export function requireType(element: XmlElement, type: QName | null): void {
  if (element.type?.name !== type?.name || element.type?.namespace !== type?.namespace) {
    throw new X1Error('schema', `${element.name}: this xsi:type is not expected`);
  }
}

/** An element with child elements. */
export function node(name: string, children: readonly XmlElement[], namespace = X1_NAMESPACE): XmlElement {
  return { namespace, name, type: null, children, text: '' };
}

/** An element with text, checked as it will be when read. @throws X1Error `schema` */
export function leaf<T>(name: string, type: SimpleType<T>, value: T, namespace = X1_NAMESPACE): XmlElement {
  return { namespace, name, type: null, children: [], text: type.write(value, name) };
}

/** The element of a value that may be absent: one or none. */
export function maybe<T>(value: T | undefined, write: (value: T) => XmlElement): XmlElement[] {
  return value === undefined ? [] : [write(value)];
}

/**
 * Types of an XML schema, each described once for both ways. A `Form` is a type: what stands in an element, and the
 * value that it means. A part of an `xs:sequence` is an element's name with its form; parts make a structure
 * (`bytes/fields.ts`), read in order, each once, optional or repeated; what is left over is refused.
 */
import { readParts, writeParts } from '../../bytes/fields.ts';
import type { Part, PartList, ValueOf } from '../../bytes/fields.ts';
import { XmlDocumentError } from './errors.ts';
import type { SimpleType } from './simple-types.ts';
import type { QName, XmlElement } from './tree.ts';

/** A type of the schema. Both ways throw XmlDocumentError `schema`: what is written is checked as it will be when read. */
export interface ElementForm<T> {
  read(element: XmlElement): T;
  write(name: QName, value: T): XmlElement;
}

/** An element within a sequence. */
export type Child<T> = Part<Sequence, XmlElement, T, 'required'>;
export type Children = PartList<Sequence, XmlElement>;

/** The children of an element, in order. */
export class Sequence {
  readonly #element: XmlElement;
  #at = 0;

  /** @throws XmlDocumentError `schema` if there is text between the children */
  constructor(element: XmlElement) {
    if (element.text.trim() !== '')
      throw new XmlDocumentError('schema', `${element.name} has text between elements`);
    this.#element = element;
  }

  /** The next child if it has this name. */
  next({ namespace, name }: QName): XmlElement | null {
    const next = this.#element.children[this.#at];
    if (next?.name !== name || next.namespace !== namespace) return null;
    this.#at += 1;
    return next;
  }

  missing({ name }: QName): XmlDocumentError {
    return new XmlDocumentError('schema', `${this.#element.name}: ${name} is missing`);
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
    if (next !== undefined) throw unexpected(this.#element, next);
  }
}

/* ---------------------------------------------------------------- parts of a sequence */

function one<T>(qname: QName, form: ElementForm<T>): Child<T> {
  return {
    place: 'required',
    read: (children) => {
      const child = children.next(qname);
      return child === null ? undefined : form.read(child);
    },
    write: (value, target) => {
      target.push(form.write(qname, value));
    },
    missing: (children) => children.missing(qname),
  };
}

function many<T>(qname: QName, form: ElementForm<T>, min: 0 | 1): Child<readonly T[]> {
  return {
    place: 'required',
    read: (children) => {
      const values: T[] = [];
      for (let child = children.next(qname); child !== null; child = children.next(qname)) {
        values.push(form.read(child));
      }
      return values.length < min ? undefined : values;
    },
    write: (values, target) => {
      if (values.length < min) throw new XmlDocumentError('schema', `${qname.name} is missing`);
      for (const value of values) target.push(form.write(qname, value));
    },
    missing: (children) => children.missing(qname),
  };
}

/** Parts and forms whose elements are of one namespace, unless a name says otherwise. */
export function formsOf(namespace: string) {
  const qname = (name: string | QName): QName => (typeof name === 'string' ? { namespace, name } : name);
  return {
    /** One element. */
    one: <T>(name: string | QName, form: ElementForm<T>): Child<T> => one(qname(name), form),
    /** An element any number of times, at least `min`; fewer are taken for absent. */
    many: <T>(name: string | QName, form: ElementForm<T>, min: 0 | 1 = 0): Child<readonly T[]> =>
      many(qname(name), form, min),
    /** A complex type that is a sequence of one element, repeated. */
    list: <T>(item: string, form: ElementForm<T>, min: 0 | 1 = 0): ElementForm<readonly T[]> =>
      mapped(
        record({ items: many(qname(item), form, min) }),
        ({ items }) => items,
        (items) => ({ items }),
      ),
    /** An `xs:choice`: exactly one child; `which` names that of a value. */
    choiceOf: <T>(
      alternatives: Readonly<Record<string, ElementForm<T>>>,
      which: (value: T) => string,
    ): ElementForm<T> => choiceOf(alternatives, which, namespace),
  };
}

/* ---------------------------------------------------------------- forms */

/** An element with text of a simple type. */
export function leaf<T>(type: SimpleType<T>): ElementForm<T> {
  return {
    read: (element) => {
      requireType(element, null);
      if (element.children.length > 0)
        throw new XmlDocumentError('schema', `${element.name} has elements in it`);
      return type.read(element.text, element.name);
    },
    write: (name, value) => ({ ...node(name, []), text: type.write(value, name.name) }),
  };
}

/** A complex type that is one sequence. */
export function record<P extends Children>(parts: P): ElementForm<ValueOf<P>> {
  return {
    read: (element) => {
      requireType(element, null);
      const children = new Sequence(element);
      const value = readParts(parts, children);
      children.end();
      return value;
    },
    write: (name, value) => {
      const children: XmlElement[] = [];
      writeParts(parts, value, children);
      return node(name, children);
    },
  };
}

function choiceOf<T>(
  alternatives: Readonly<Record<string, ElementForm<T>>>,
  which: (value: T) => string,
  namespace: string,
): ElementForm<T> {
  const formOf = (name: string): ElementForm<T> | undefined =>
    Object.hasOwn(alternatives, name) ? alternatives[name] : undefined;
  return {
    read: (element) => {
      requireType(element, null);
      const [child, second] = element.children;
      if (child === undefined || second !== undefined || element.text.trim() !== '') {
        throw new XmlDocumentError('schema', `${element.name}: exactly one element is expected`);
      }
      const form = child.namespace === namespace ? formOf(child.name) : undefined;
      if (form === undefined) throw unexpected(element, child);
      return form.read(child);
    },
    write: (name, value) => {
      const alternative = which(value);
      const form = formOf(alternative);
      if (form === undefined)
        throw new XmlDocumentError('schema', `${name.name}: there is no ${alternative}`);
      return node(name, [form.write({ namespace, name: alternative }, value)]);
    },
  };
}

/** A form whose values are others than those of the schema. */
export function mapped<A, B>(
  form: ElementForm<A>,
  read: (value: A) => B,
  write: (value: B) => A,
): ElementForm<B> {
  return {
    read: (element) => read(form.read(element)),
    write: (name, value) => form.write(name, write(value)),
  };
}

/** Of types that have no subtypes, `xsi:type` is not expected; an attribute that was kept is of no type of ours. */
export function requireType(element: XmlElement, type: QName | null): void {
  if (element.type?.name !== type?.name || element.type?.namespace !== type?.namespace) {
    throw new XmlDocumentError('schema', `${element.name}: this xsi:type is not expected`);
  }
  const [attribute] = element.attributes ?? [];
  if (attribute !== undefined)
    throw new XmlDocumentError('schema', `${element.name} has an attribute ${attribute.name}`);
}

/** An element with child elements. */
export function node(name: QName, children: readonly XmlElement[]): XmlElement {
  return { namespace: name.namespace, name: name.name, type: null, children, text: '' };
}

export function unexpected(element: XmlElement, child: XmlElement): XmlDocumentError {
  return new XmlDocumentError('schema', `${element.name}: ${child.name} is not expected here`);
}

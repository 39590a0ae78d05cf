/**
 * Forms of JSON: what a value from outside (configuration, wire, store) must be, as a JSON Schema from which the static
 * type follows, and a reader that gives the value or all that is wrong with it.
 *
 *     const LISTEN = strict({ port: Type.Integer({ maximum: 65_535, default: 0, description: 'where it listens' }) });
 *     const read = new Form(LISTEN).read({ prot: 1 });    // faults: prot: no such setting; did you mean port?
 *
 * Faults name places and what is expected there, never what was found: that may be a secret. What is expected comes from
 * the schema; `errorMessage` says it where type, bounds or list of values do not. `Type.Decode` makes of a value of the
 * right form what the program works with; what it throws is a fault too.
 */
import { Ajv } from 'ajv';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { closest, distance } from 'fastest-levenshtein';
import Type from 'typebox';
import type { StaticDecode, TObject, TProperties, TSchema, TSchemaOptions } from 'typebox';

export interface FormFault {
  /** `subscribers[0].psk`; empty: the value as a whole. */
  readonly path: string;
  readonly problem: 'missing' | 'unknown' | 'wrong';
  /** What is expected there: `a whole number from 0 to 65535`; of what is unknown, the name that was meant, or ''. */
  readonly expected: string;
}

export type FormReading<T> = { readonly value: T } | { readonly faults: readonly FormFault[] };

/** Thrown by a decoder: what is expected instead, `a range whose from is below to`. */
export class Unfit extends Error {}

/** An object that has no other members. */
export function strict<P extends TProperties>(properties: P, options: TSchemaOptions = {}): TObject<P> {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** The parts of a JSON Schema that are looked at here. */
interface Node {
  readonly type?: string;
  readonly errorMessage?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly unknown[];
  readonly const?: string | number | boolean;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly patternProperties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
}

/** Annotations beside JSON Schema's own: `errorMessage` (above), and what absence means, for documents. */
const ANNOTATIONS = ['errorMessage', 'absent'];

const OPTIONS = { useDefaults: true, verbose: true, strictTypes: false } as const;

const compileAll = compilerFor(true);
const compileFirst = compilerFor(false);

/** Made when first used. */
function compilerFor(allErrors: boolean): (schema: TSchema) => ValidateFunction {
  let ajv: Ajv | null = null;
  return (schema) => {
    ajv ??= new Ajv({ ...OPTIONS, allErrors, keywords: ANNOTATIONS });
    return ajv.compile(schema);
  };
}

export class Form<S extends TSchema> {
  readonly schema: S;
  readonly #all: boolean;
  #check: ValidateFunction | null = null;

  /** `all`: tells of all faults, not of one; for what the sender may not make arbitrarily large. */
  constructor(schema: S, { all = false }: { all?: boolean } = {}) {
    this.schema = schema;
    this.#all = all;
  }

  /** The value with defaults in place and decoded; what is given stays as it is. */
  read(given: unknown): FormReading<StaticDecode<S>> {
    this.#check ??= (this.#all ? compileAll : compileFirst)(this.schema);
    const value: unknown = copied(this.schema, given);
    const faults = new Map<string, FormFault>();
    if (!this.#check(value)) {
      faultsOf(this.schema, value, this.#check.errors ?? [], faults);
      if (!this.#all) return { faults: [...faults.values()].slice(0, 1) };
    }
    const decoded = decode(this.schema, value, '', faults);
    return faults.size === 0 ? { value: decoded as StaticDecode<S> } : { faults: [...faults.values()] };
  }

  /** As `read`. @throws what `refuse` makes of the faults */
  readOr(given: unknown, refuse: (faults: readonly FormFault[]) => Error): StaticDecode<S> {
    const reading = this.read(given);
    if ('faults' in reading) throw refuse(reading.faults);
    return reading.value;
  }
}

/** `x1.port is not a whole number from 0 to 65535`; `what` names the value as a whole, `member` what objects have. */
export function faultText({ path, problem, expected }: FormFault, what: string, member: string): string {
  const place = path === '' ? what : path;
  if (problem === 'missing') return `${place} is missing: ${expected}`;
  if (problem === 'wrong') return `${place} is not ${expected}`;
  return `${place}: no such ${member}${expected === '' ? '' : `; did you mean ${expected}?`}`;
}

/* ------------------------------------------------------------- what is expected */

const NAMES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
};

/** What a schema asks for, in words. */
function expectedBy(node: Node): string {
  if (node.errorMessage !== undefined) return node.errorMessage;
  if (node.enum !== undefined) return `one of ${node.enum.join(', ')}`;
  if (node.const !== undefined) return String(node.const);
  if (node.anyOf !== undefined) return node.anyOf.map(expectedBy).join(' or ');
  if (node.type !== 'integer') return NAMES[node.type ?? ''] ?? 'what is expected';
  const { minimum, maximum } = node;
  return minimum === undefined || maximum === undefined
    ? 'a whole number'
    : `a whole number from ${minimum} to ${maximum}`;
}

/** Names of unknown members come from outside. */
const LONGEST_NAME = 64;

/** The known name that a misspelt one is near to, or ''. */
function meant(name: string, known: readonly string[]): string {
  if (known.length === 0 || name.length > LONGEST_NAME) return '';
  const near = closest(name, known);
  return distance(name.toLowerCase(), near.toLowerCase()) <= Math.max(2, near.length / 3) ? near : '';
}

/* ----------------------------------------------------------------------- faults */

/** Adds a fault for each place that errors speak of, alternatives aside that were not meant. */
function faultsOf(
  root: Node,
  value: unknown,
  errors: readonly ErrorObject[],
  faults: Map<string, FormFault>,
): void {
  const paths = new Map<string, string>();
  const meantNodes = new Set<unknown>();
  visit(root, value, '', '', (node, path, pointer) => {
    paths.set(pointer, path);
    meantNodes.add(node);
  });
  for (const { keyword, instancePath, params, parentSchema } of errors) {
    const node = parentSchema as Node | undefined;
    if (node === undefined || !meantNodes.has(node)) continue;
    const fault = faultAt(node, paths.get(instancePath) ?? '', keyword, params);
    if (!faults.has(fault.path)) faults.set(fault.path, fault);
  }
  if (faults.size === 0) faults.set('', { path: '', problem: 'wrong', expected: expectedBy(root) });
}

function faultAt(node: Node, path: string, keyword: string, params: Record<string, unknown>): FormFault {
  const known = node.properties ?? {};
  if (keyword === 'required') {
    const name = String(params['missingProperty']);
    return { path: memberPath(path, name), problem: 'missing', expected: expectedBy(known[name] ?? {}) };
  }
  if (keyword === 'additionalProperties') {
    const name = String(params['additionalProperty']);
    return { path: memberPath(path, name), problem: 'unknown', expected: meant(name, Object.keys(known)) };
  }
  return { path, problem: 'wrong', expected: expectedBy(node) };
}

function memberPath(path: string, name: string): string {
  const short = name.slice(0, LONGEST_NAME);
  return path === '' ? short : `${path}.${short}`;
}

/* -------------------------------------------------------------- values by schema */

/** Goes through a value and its schema, leaves last; in alternatives, through the one that is meant. */
function visit(
  given: Node,
  value: unknown,
  path: string,
  pointer: string,
  at: (node: Node, path: string, pointer: string) => void,
): void {
  const node = alternative(given, value);
  at(node, path, pointer);
  for (const [name, child] of members(node, value)) {
    const inner = Array.isArray(value) ? `${path}[${name}]` : memberPath(path, name);
    const step = name.replaceAll('~', '~0').replaceAll('/', '~1');
    visit(child, (value as Record<string, unknown>)[name], inner, `${pointer}/${step}`, at);
  }
}

/** The members of an object, or elements of a list, that the schema knows. */
function members(node: Node, value: unknown): [name: string, child: Node][] {
  if (typeof value !== 'object' || value === null) return [];
  const { items, properties = {}, patternProperties = {} } = node;
  return Object.keys(value).flatMap((name): [string, Node][] => {
    const own = Object.hasOwn(properties, name) ? properties[name] : Object.values(patternProperties)[0];
    const child = Array.isArray(value) ? items : own;
    return child === undefined ? [] : [[name, child]];
  });
}

/** Of alternatives, the one of the value's type and with its constants; the schema as a whole if that is not one. */
function alternative(node: Node, value: unknown): Node {
  const fitting = (node.anyOf ?? []).filter(
    (each) =>
      isOfType(value, each.type) &&
      Object.entries(each.properties ?? {}).every(
        ([name, member]) =>
          member.const === undefined || (value as Record<string, unknown>)[name] === member.const,
      ),
  );
  const [only] = fitting;
  return only !== undefined && fitting.length === 1 ? alternative(only, value) : node;
}

function isOfType(value: unknown, type: string | undefined): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'null') return value === null;
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === (type === 'integer' ? 'number' : type);
}

/** A copy of what the schema knows of a value; whatever else there is, however deep, is the same. */
function copied(given: Node, value: unknown): unknown {
  const node = alternative(given, value);
  const known = new Map(members(node, value));
  const copy = (name: string, inner: unknown): unknown => {
    const child = known.get(name);
    return child === undefined ? inner : copied(child, inner);
  };
  if (Array.isArray(value)) return value.map((element: unknown, at) => copy(String(at), element));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, copy(name, inner)]));
}

/** Decodes from the leaves up, in place, what has no faults. */
function decode(node: Node, given: unknown, path: string, faults: Map<string, FormFault>): unknown {
  const meantNode = alternative(node, given);
  const value = meantNode === node ? given : decode(meantNode, given, path, faults);
  if (meantNode === node) {
    for (const [name, child] of members(node, value)) {
      const inner = Array.isArray(value) ? `${path}[${name}]` : memberPath(path, name);
      const holder = value as Record<string, unknown>;
      holder[name] = decode(child, holder[name], inner, faults);
    }
  }
  if (!Type.IsCodec(node) || [...faults.keys()].some((at) => isWithin(at, path))) return value;
  try {
    return node['~codec'].decode(value);
  } catch (error) {
    const expected = error instanceof Unfit ? error.message : expectedBy(node);
    faults.set(path, { path, problem: 'wrong', expected });
    return value;
  }
}

/** Whether a place is another or lies in it. */
function isWithin(place: string, other: string): boolean {
  return (
    other === '' || place === other || (place.startsWith(other) && '.['.includes(place.charAt(other.length)))
  );
}

/**
 * Forms of JSON: what a value from outside (configuration, wire, store) must be, as a JSON Schema from which the static
 * type follows, and a reader that gives the value or all that is wrong with it.
 *
 *     const LISTEN = strict({ port: Type.Integer({ maximum: 65_535, default: 0, description: 'where it listens' }) });
 *     const read = new Form(LISTEN).read({ prot: 1 });    // faults: prot: no such setting; did you mean port?
 *
 * Faults name places and what is expected there, never what was found: that may be a secret. What is expected comes from
 * the schema; `errorMessage` says it where type, bounds or list of values do not. `Type.Decode` makes of a value of the
 * right form what the program works with; what it throws is a fault too. What an object that is not `strict` has beside
 * what its schema names is left out.
 */
import { Ajv } from 'ajv';
import type { ErrorObject, ValidateFunction } from 'ajv';
import Type from 'typebox';
import type { StaticDecode, TObject, TProperties, TSchema, TSchemaOptions } from 'typebox';
import { LONGEST_NAME, nearestName } from './suggestion.ts';

export interface FormFault {
  /** `subscribers[0].psk`; empty: the value as a whole. */
  readonly path: string;
  readonly problem: 'missing' | 'unknown' | 'wrong';
  /** What is expected there: `a whole number from 0 to 65535`; of what is unknown, the name that was meant, or ''. */
  readonly expected: string;
}

export type FormReading<T> = { readonly value: T } | { readonly faults: readonly FormFault[] };

/** Thrown by a decoder: what is expected instead, `a range whose from is below to`; `member`: of which member of it. */
export class Unfit extends Error {
  readonly member: string;

  constructor(expected: string, member = '') {
    super(expected);
    this.member = member;
  }
}

/** An object that has no other members. */
export function strict<P extends TProperties>(properties: P, options: TSchemaOptions = {}): TObject<P> {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** Faults told of at once; of a value with a list longer than it may be, or more unknown members, one is told. */
const MOST_FAULTS = 32;

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
  readonly additionalProperties?: unknown;
  readonly items?: Node;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly anyOf?: readonly Node[];
}

/**
 * Annotations beside JSON Schema's own: `errorMessage` (above), what absence means, for documents, and whether a text of
 * a configuration is a path.
 */
const ANNOTATIONS = ['errorMessage', 'absent', 'isPath'];

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
  #checkFirst: ValidateFunction | null = null;
  #checkAll: ValidateFunction | null = null;

  /** `all`: tells of all faults, not of one. */
  constructor(schema: S, { all = false }: { all?: boolean } = {}) {
    this.schema = schema;
    this.#all = all;
  }

  /** The value with defaults in place and decoded; what is given stays as it is. */
  read(given: unknown): FormReading<StaticDecode<S>> {
    const { value, isExcessive } = copyOf(this.schema, given);
    this.#checkFirst ??= compileFirst(this.schema);
    const most = this.#all && !isExcessive ? MOST_FAULTS : 1;
    const faults = new Map<string, FormFault>();
    if (!this.#checkFirst(value)) {
      const check = most > 1 ? (this.#checkAll ??= compileAll(this.schema)) : this.#checkFirst;
      check(value);
      addFaults(this.schema, value, check.errors ?? [], faults, most);
      if (faults.size === most) return { faults: [...faults.values()] };
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
  if (node.maxItems !== undefined) return `a list of ${node.minItems ?? 0} to ${node.maxItems}`;
  if (node.type !== 'integer') return NAMES[node.type ?? ''] ?? 'what is expected';
  const { minimum, maximum } = node;
  return minimum === undefined || maximum === undefined
    ? 'a whole number'
    : `a whole number from ${minimum} to ${maximum}`;
}

/* ----------------------------------------------------------------------- faults */

/** Adds a fault for each place that errors speak of, alternatives aside that were not meant. */
function addFaults(
  root: Node,
  value: unknown,
  errors: readonly ErrorObject[],
  faults: Map<string, FormFault>,
  most: number,
): void {
  for (const { keyword, instancePath, params, parentSchema } of errors) {
    const { node, path } = placeOf(root, value, instancePath);
    if (node !== parentSchema) continue;
    const fault = faultAt(node, path, keyword, params);
    if (!faults.has(fault.path)) faults.set(fault.path, fault);
    if (faults.size === most) return;
  }
  if (faults.size === 0) faults.set('', { path: '', problem: 'wrong', expected: expectedBy(root) });
}

/** Where a JSON Pointer leads to, in the schema that is meant there. */
function placeOf(root: Node, whole: unknown, pointer: string): { node: Node; path: string } {
  let value = whole;
  let node = alternative(root, value);
  let path = '';
  for (const step of pointer.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    path = innerPath(value, path, name);
    const child = memberOf(node, value, name) ?? {};
    value = (value as Record<string, unknown>)[name];
    node = alternative(child, value);
  }
  return { node, path };
}

function faultAt(node: Node, path: string, keyword: string, params: Record<string, unknown>): FormFault {
  const known = node.properties ?? {};
  if (keyword === 'required') {
    const name = String(params['missingProperty']);
    return { path: memberPath(path, name), problem: 'missing', expected: expectedBy(known[name] ?? {}) };
  }
  if (keyword === 'additionalProperties') {
    const name = String(params['additionalProperty']);
    return {
      path: memberPath(path, name),
      problem: 'unknown',
      expected: nearestName(name, Object.keys(known)),
    };
  }
  return { path, problem: 'wrong', expected: expectedBy(node) };
}

function memberPath(path: string, name: string): string {
  const short = name.slice(0, LONGEST_NAME);
  return path === '' ? short : `${path}.${short}`;
}

/* -------------------------------------------------------------- values by schema */

/** The members of an object, or elements of a list, that the schema knows. */
function members(node: Node, value: unknown): [name: string, child: Node][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.keys(value).flatMap((name): [string, Node][] => {
    const child = memberOf(node, value, name);
    return child === undefined ? [] : [[name, child]];
  });
}

function memberOf(node: Node, value: unknown, name: string): Node | undefined {
  const { items, properties = {}, patternProperties = {} } = node;
  if (Array.isArray(value)) return items;
  return Object.hasOwn(properties, name) ? properties[name] : Object.values(patternProperties)[0];
}

function innerPath(holder: unknown, path: string, name: string): string {
  return Array.isArray(holder) ? `${path}[${name}]` : memberPath(path, name);
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

/**
 * A copy of what the schema knows of a value. What it does not know is left out where it names members and forbids no
 * others, else it is the same, however deep. `isExcessive`: a list is longer than it may be, or an object has more
 * members that it may not have than are told of; then these are the same, too.
 */
function copyOf(root: Node, given: unknown): { value: unknown; isExcessive: boolean } {
  let isExcessive = false;
  const copied = (schema: Node, value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const node = alternative(schema, value);
    const { items, maxItems = Infinity, properties, additionalProperties } = node;
    if (Array.isArray(value)) {
      if (value.length > maxItems) isExcessive = true;
      return items === undefined || value.length > maxItems
        ? value
        : value.map((element) => copied(items, element));
    }
    const known = new Map(members(node, value));
    const entries = Object.entries(value);
    if (additionalProperties === false && entries.length - known.size > MOST_FAULTS) {
      isExcessive = true;
      return value;
    }
    const isOpen = properties !== undefined && additionalProperties === undefined;
    const copy = ([name, inner]: [string, unknown]): [string, unknown] => {
      const child = known.get(name);
      return [name, child === undefined ? inner : copied(child, inner)];
    };
    return Object.fromEntries(entries.filter(([name]) => !isOpen || known.has(name)).map(copy));
  };
  return { value: copied(root, given), isExcessive };
}

/** Decodes from the leaves up, in place, what has no faults. */
function decode(node: Node, given: unknown, path: string, faults: Map<string, FormFault>): unknown {
  const meantNode = alternative(node, given);
  const value = meantNode === node ? given : decode(meantNode, given, path, faults);
  if (meantNode === node) {
    for (const [name, child] of members(node, value)) {
      const inner = innerPath(value, path, name);
      const holder = value as Record<string, unknown>;
      holder[name] = decode(child, holder[name], inner, faults);
    }
  }
  if (!Type.IsCodec(node) || [...faults.keys()].some((at) => isWithin(at, path))) return value;
  try {
    return node['~codec'].decode(value);
  } catch (error) {
    const isUnfit = error instanceof Unfit;
    const place = isUnfit && error.member !== '' ? memberPath(path, error.member) : path;
    faults.set(place, {
      path: place,
      problem: 'wrong',
      expected: isUnfit ? error.message : expectedBy(node),
    });
    return value;
  }
}

/** Whether a place is another or lies in it. */
function isWithin(place: string, other: string): boolean {
  return (
    other === '' || place === other || (place.startsWith(other) && '.['.includes(place.charAt(other.length)))
  );
}

/**
 * A small assembler for WebAssembly (core specification 2.0 with fixed-width SIMD, and one instruction of 3.0; chapter 5
 * "Binary Format"): enough for the field kernel, which `kernel.ts` writes with it at load, so that neither a compiler nor
 * a binary file is needed.
 *
 * Instructions are written as expressions, operands first, as in `f64x2.add(get(sum), f64x2.mul(x, y))`; the stack
 * order follows by itself. `Code` is a tree of octets, flattened once at the end.
 */
export type Code = readonly (number | Code)[];

export type ValueType = 'i32' | 'i64' | 'f64' | 'v128';

const VALUE_TYPE: Readonly<Record<ValueType, number>> = { i32: 0x7f, i64: 0x7e, f64: 0x7c, v128: 0x7b };

/** A parameter or local variable of the function being written. */
export interface Local {
  readonly index: number;
}

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  const octets: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    octets.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return octets;
}

/** Signed LEB128 of a 32-bit integer. */
function signed(value: number): number[] {
  const octets: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return [...octets, low];
    octets.push(low | 0x80);
  }
}

function double(value: number): number[] {
  return [...new Uint8Array(new Float64Array([value]).buffer)];
}

const binary =
  (...opcode: number[]) =>
  (left: Code, right: Code): Code => [left, right, opcode];
const unary =
  (...opcode: number[]) =>
  (operand: Code): Code => [operand, opcode];
/** Address, then alignment (as a power of two) and offset. */
const load =
  (align: number, ...opcode: number[]) =>
  (address: Code, offset = 0): Code => [address, opcode, align, unsigned(offset)];
const store =
  (align: number, ...opcode: number[]) =>
  (address: Code, offset: number, value: Code): Code => [address, value, opcode, align, unsigned(offset)];

export const get = (local: Local): Code => [0x20, unsigned(local.index)];
export const set = (local: Local, value: Code): Code => [value, 0x21, unsigned(local.index)];

export const i32 = {
  const: (value: number): Code => [0x41, signed(value)],
  load: load(2, 0x28),
  store: store(2, 0x36),
  add: binary(0x6a),
  sub: binary(0x6b),
  mul: binary(0x6c),
  and: binary(0x71),
  or: binary(0x72),
  xor: binary(0x73),
  shl: binary(0x74),
  shrS: binary(0x75),
  shrU: binary(0x76),
  eq: binary(0x46),
  ltS: binary(0x48),
  truncF64: unary(0xaa),
};

export const i64 = {
  const: (value: number): Code => [0x42, signed(value)],
  load: load(3, 0x29),
  store: store(3, 0x37),
  add: binary(0x7c),
  sub: binary(0x7d),
  mul: binary(0x7e),
  and: binary(0x83),
  xor: binary(0x85),
  shl: binary(0x86),
  shrS: binary(0x87),
  truncF64: unary(0xb0),
};

export const f64 = {
  const: (value: number): Code => [0x44, double(value)],
  load: load(3, 0x2b),
  store: store(3, 0x39),
  add: binary(0xa0),
  sub: binary(0xa1),
  mul: binary(0xa2),
  convertI32: unary(0xb7),
};

export const v128 = {
  const: (low: number, high: number): Code => [0xfd, 0x0c, double(low), double(high)],
  load: load(3, 0xfd, 0x00),
  /** One double, in both lanes. */
  loadSplat: load(3, 0xfd, 0x0a),
  /** One double in lane 0; lane 1 is 0. */
  loadZero: load(3, 0xfd, 0x5d),
  store: store(3, 0xfd, 0x0b),
  /** Lane 0 alone. */
  store0: (address: Code, offset: number, value: Code): Code => [
    address,
    value,
    0xfd,
    0x5b,
    3,
    unsigned(offset),
    0,
  ],
  and: binary(0xfd, 0x4e),
  or: binary(0xfd, 0x50),
  xor: binary(0xfd, 0x51),
  /** One i32, in all four lanes. */
  splatI32: unary(0xfd, 0x11),
};

/** Lane `low` (0 to 3 of the four lanes of left and right) and lane `high`. */
const lanes = (low: number, high: number) => {
  const octets = (lane: number): number[] => Array.from({ length: 8 }, (_, at) => 8 * lane + at);
  return (left: Code, right: Code): Code => [left, right, 0xfd, 0x0d, octets(low), octets(high)];
};

export const f64x2 = {
  splat: unary(0xfd, 0x14),
  lane0: unary(0xfd, 0x21, 0),
  lane1: unary(0xfd, 0x21, 1),
  add: binary(0xfd, 0xf0, 0x01),
  sub: binary(0xfd, 0xf1, 0x01),
  mul: binary(0xfd, 0xf2, 0x01),
  /** To the nearest integer. */
  nearest: unary(0xfd, 0x94, 0x01),
  /** Two i32 (the low half of the vector) as doubles, and back. */
  fromI32: unary(0xfd, 0xfe, 0x01),
  toI32: unary(0xfd, 0xfc, 0x01),
  /** (left's high lane, right's low lane): two neighbours moved up by one place. */
  between: lanes(1, 2),
};

/** `body` again and again while `condition`, at least once. */
export const doWhile = (body: Code, condition: Code): Code => [0x03, 0x40, body, condition, 0x0d, 0x00, 0x0b];

/** For `counter` = from, from + step, … below `to`; at least once. */
export function countedLoop(counter: Local, from: number, to: number, step: number, body: Code): Code {
  return [
    set(counter, i32.const(from)),
    doWhile(
      [body, set(counter, i32.add(get(counter), i32.const(step)))],
      (step > 0 ? i32.ltS : (a: Code, b: Code) => i32.ltS(b, a))(get(counter), i32.const(to)),
    ),
  ];
}

/** A function of the module, as others call it. */
export type Routine = (...args: Code[]) => Code;

/** The parameters of a routine by their count. */
interface Parameters {
  readonly 0: readonly [];
  readonly 1: readonly [Local];
  readonly 2: readonly [Local, Local];
  readonly 3: readonly [Local, Local, Local];
  readonly 4: readonly [Local, Local, Local, Local];
  readonly 5: readonly [Local, Local, Local, Local, Local];
}

interface FunctionText {
  readonly name: string | null;
  readonly params: number;
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

/** Declares local variables. */
export type Declare = (type: ValueType) => Local;

/**
 * Functions from i32 parameters to nothing over one imported memory, "env" "memory". A relaxed module may use what
 * WebAssembly 3.0 adds under the name of relaxed SIMD.
 */
export class ModuleText {
  readonly relaxed: boolean;
  readonly #functions: FunctionText[] = [];

  constructor(relaxed: boolean) {
    this.relaxed = relaxed;
  }

  /**
   * ab + c in both lanes. A relaxed module leaves it to the processor whether ab is rounded before the sum; for integers
   * below 2^53 there is nothing to round, so that both kinds of module give the same.
   */
  multiplyAdd(a: Code, b: Code, c: Code): Code {
    return this.relaxed ? [a, b, c, 0xfd, 0x87, 0x02] : f64x2.add(c, f64x2.mul(a, b));
  }

  /** Adds a function; exported if it has a name. */
  routine<N extends keyof Parameters>(
    name: string | null,
    params: N,
    write: (params: Parameters[N], declare: Declare) => Code,
  ): Routine {
    const locals: ValueType[] = [];
    const declare: Declare = (type) => ({ index: params + locals.push(type) - 1 });
    const places = Array.from({ length: params }, (_, index): Local => ({ index }));
    const body = write(places as unknown as Parameters[N], declare);
    const index = this.#functions.push({ name, params, locals, body }) - 1;
    return (...args) => [args, 0x10, unsigned(index)];
  }

  /** The binary module. */
  assemble(): Uint8Array<ArrayBuffer> {
    const functions = this.#functions;
    const arities = [...new Set(functions.map(({ params }) => params))];
    const exported = functions.flatMap(({ name }, index) => (name === null ? [] : [{ name, index }]));
    const types = arities.map((params) => [0x60, vector(Array<Code>(params).fill([VALUE_TYPE.i32])), 0x00]);
    const code: Code = [
      [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      section(1, vector(types)),
      section(2, vector([[text('env'), text('memory'), 0x02, 0x00, 0x01]])),
      section(3, vector(functions.map(({ params }) => unsigned(arities.indexOf(params))))),
      section(7, vector(exported.map(({ name, index }) => [text(name), 0x00, unsigned(index)]))),
      section(10, vector(functions.map(functionBody))),
    ];
    return new Uint8Array(flatten(code));
  }
}

function functionBody({ locals, body }: FunctionText): Code {
  const declarations = locals.map((type): Code => [0x01, VALUE_TYPE[type]]);
  return sized([vector(declarations), body, 0x0b]);
}

const section = (id: number, content: Code): Code => [id, sized(content)];
const vector = (items: readonly Code[]): Code => [unsigned(items.length), items];

function sized(content: Code): Code {
  const octets = flatten(content);
  return [unsigned(octets.length), octets];
}

function text(value: string): Code {
  return sized([...new TextEncoder().encode(value)]);
}

function flatten(code: Code, into: number[] = []): number[] {
  for (const item of code) {
    if (typeof item === 'number') into.push(item);
    else flatten(item, into);
  }
  return into;
}

/**
 * The field kernel of one layout as a WebAssembly module: arithmetic on residues in memory, addressed by i32. Nothing in
 * it knows p: its constants are written into memory by `field.ts`, so a module serves every prime of its size.
 *
 * No branch and no address in it depends on a residue: loops have fixed ends, choices are masks, and the processor's
 * instructions on doubles that are integers below 2^53 take the same time for all of them.
 */
import { ModuleText } from './assembler.ts';
import { writeComposites } from './composites.ts';
import { writeConvolutions } from './convolution.ts';
import { writeInversion } from './inversion.ts';
import type { Layout } from './layout.ts';
import { writeCanonical, writeChoices, writeLinear, writePacking, writeWide } from './linear.ts';
import { memoryMap } from './memory-map.ts';
import { writeProducts } from './product.ts';
import { compile, type CompiledModule } from './platform.ts';

/** What the module exports; every number is an address, unless said otherwise. */
export interface Kernel {
  /** Products of 2n limbs, and r = t/R + c. */
  product(t: number, a: number, b: number): void;
  square(t: number, a: number): void;
  reduce(r: number, t: number, c: number): void;
  /** r = ab/R + c. */
  multiplyAdd(r: number, a: number, b: number, c: number): void;
  /** r = a²/R + c. */
  squareAdd(r: number, a: number, c: number): void;
  /** See `composites.ts`. */
  ladderStep(v: number, w: number, minusV1: number, minusTwo: number): void;
  squareComplex(f: number, work: number): void;
  multiplyComplex(f: number, g: number, work: number): void;
  doublePoint(point: number, work: number): void;
  addPoint(point: number, affine: number, work: number): void;
  doubleLine(line: number, coefficients: number, argument: number, work: number): void;
  add(r: number, a: number, b: number): void;
  subtract(r: number, a: number, b: number): void;
  addWide(t: number, a: number, b: number): void;
  subtractWide(t: number, a: number, b: number): void;
  pack(to: number, a: number): void;
  unpack(r: number, from: number): void;
  exchange(a: number, b: number, bit: number): void;
  choose(r: number, table: number, entries: number, octets: number, index: number): void;
  canonical(a: number): void;
  invert(r: number, a: number, turns: number): void;
}

/** The octets of the module: the same at every call. `relaxed`: with fused multiplication and addition. */
export function kernelOctets(layout: Layout, relaxed: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleText(relaxed);
  const map = memoryMap(layout);
  const setting = { module, layout, map, blocks: writeConvolutions(module) };
  const products = writeProducts(setting);
  const linear = writeLinear(setting);
  const wide = writeWide(setting);
  writeComposites(setting, products, linear, wide);
  writePacking(setting);
  writeChoices(setting);
  writeCanonical(setting, products);
  writeInversion(setting, products);
  return module.assemble();
}

const modules = new Map<string, CompiledModule>();

/** The compiled module, kept: compiling takes some milliseconds. */
export function kernelModule(layout: Layout, relaxed: boolean): CompiledModule {
  const key = `${layout.w} ${layout.blocks} ${relaxed}`;
  const known = modules.get(key);
  if (known !== undefined) return known;
  const compiled = compile((may) => kernelOctets(layout, may && relaxed));
  modules.set(key, compiled);
  return compiled;
}

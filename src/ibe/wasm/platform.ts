/**
 * What this package uses of the WebAssembly JavaScript interface (TypeScript declares it for browsers only), and how it
 * comes by relaxed SIMD, whose fused multiplication and addition makes the kernel faster by a tenth.
 *
 * Node.js 22 and later have it. The V8 of Node.js 20 has it complete behind a flag, which makes valid what was not, and
 * changes nothing else; it stays set, since flags are one for all threads and one might take it from another that
 * compiles. Where neither helps, the module does without.
 */
import { setFlagsFromString } from 'node:v8';

export type CompiledModule = { readonly compiled: unique symbol };

export interface LinearMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

type Octets = Uint8Array<ArrayBuffer>;

interface WebAssemblyInterface {
  readonly Module: new (octets: Octets) => CompiledModule;
  readonly Memory: new (limits: { initial: number }) => LinearMemory;
  readonly Instance: new (
    module: CompiledModule,
    imports: { env: { memory: LinearMemory } },
  ) => { readonly exports: unknown };
  validate(octets: Octets): boolean;
}

export const webAssembly = (globalThis as unknown as { readonly WebAssembly: WebAssemblyInterface })
  .WebAssembly;

/** Compiles what `write` gives, relaxed if this V8 can. */
export function compile(write: (relaxed: boolean) => Octets): CompiledModule {
  const relaxed = write(true);
  if (!webAssembly.validate(relaxed)) setFlagsFromString('--experimental-wasm-relaxed-simd');
  return new webAssembly.Module(webAssembly.validate(relaxed) ? relaxed : write(false));
}

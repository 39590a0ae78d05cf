/** What this package uses of the WebAssembly JavaScript interface; TypeScript declares it for browsers only. */

export type CompiledModule = { readonly compiled: unique symbol };

export interface LinearMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

interface WebAssemblyInterface {
  readonly Module: new (octets: Uint8Array<ArrayBuffer>) => CompiledModule;
  readonly Memory: new (limits: { initial: number }) => LinearMemory;
  readonly Instance: new (
    module: CompiledModule,
    imports: { env: { memory: LinearMemory } },
  ) => { readonly exports: unknown };
}

export const webAssembly = (globalThis as unknown as { readonly WebAssembly: WebAssemblyInterface })
  .WebAssembly;

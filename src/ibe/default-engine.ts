/** The engine that the entities use. */
import type { IbeEngine } from './engine.ts';
import { wasmEngine } from './wasm-engine.ts';

export function defaultEngine(): IbeEngine {
  return wasmEngine();
}

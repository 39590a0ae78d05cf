/**
 * One decoder under mutated samples. An input whose outcome is of a kind that was not seen before (other words of a
 * refusal, numbers aside) is kept and mutated further, so that the search goes where the decoder makes differences.
 */
import { ClavigerError } from '../../src/bytes/errors.ts';
import type { FuzzedDecoder } from './decoder.ts';
import { FuzzRandom, mutated } from './mutators.ts';

export interface FuzzFault {
  readonly decoder: string;
  readonly seed: string;
  readonly input: Uint8Array;
  readonly problem: string;
}

/** Told of each input before it is decoded, in case that never ends. */
export type Watch = (decoder: string, input: Uint8Array) => void;

/** Milliseconds for one input, on a machine that does other work; the largest takes some. */
export const DECODE_MS = 3000;
/** Inputs that are kept besides the samples. */
const MOST_KEPT = 400;

export class Fuzzer {
  readonly #decoder: FuzzedDecoder;
  readonly #seed: string;
  readonly #random: FuzzRandom;
  readonly #watch: Watch;
  readonly #pool: Uint8Array[];
  readonly #outcomes = new Map<string, Uint8Array>();
  runs = 0;

  constructor(decoder: FuzzedDecoder, seed: string, corpus: readonly Uint8Array[], watch: Watch = () => {}) {
    this.#decoder = decoder;
    this.#seed = seed;
    this.#random = new FuzzRandom(`${seed} ${decoder.name}`);
    this.#watch = watch;
    this.#pool = [...decoder.samples(), ...corpus, new Uint8Array()];
  }

  /** An input of each kind of outcome, as first seen. */
  get outcomes(): ReadonlyMap<string, Uint8Array> {
    return this.#outcomes;
  }

  /** The samples and the corpus as they are. */
  replay(): FuzzFault | null {
    for (const input of [...this.#pool]) {
      const fault = this.#try(input);
      if (fault !== null) return fault;
    }
    return null;
  }

  /** One more mutated input; the seed alone decides which. */
  run(): FuzzFault | null {
    return this.#try(mutated(this.#random.of(this.#pool), this.#random, this.#pool));
  }

  #try(input: Uint8Array): FuzzFault | null {
    const { name } = this.#decoder;
    this.#watch(name, input);
    this.runs++;
    const outcome = this.#outcome(input);
    if (outcome.problem !== null) return { decoder: name, seed: this.#seed, input, problem: outcome.problem };
    if (!this.#outcomes.has(outcome.kind) && this.#outcomes.size < MOST_KEPT) {
      this.#outcomes.set(outcome.kind, input);
      this.#pool.push(input);
    }
    return null;
  }

  #outcome(input: Uint8Array): { readonly kind: string; readonly problem: string | null } {
    const started = performance.now();
    const kind = this.#decode(input);
    if (typeof kind !== 'string') return { kind: 'fault', problem: kind.problem };
    if (performance.now() - started <= DECODE_MS) return { kind, problem: null };
    // Once more, in case it was the machine.
    const again = performance.now();
    this.#decode(input);
    const ms = performance.now() - again;
    return { kind, problem: ms > DECODE_MS ? `takes ${Math.round(ms)} ms` : null };
  }

  #decode(input: Uint8Array): string | { readonly problem: string } {
    const copy = input.slice();
    let kind = 'read';
    try {
      const value = this.#decoder.decode(copy);
      if (Array.isArray(value) && value.every((each) => typeof each === 'string')) kind = value.join(' ');
    } catch (error) {
      if (!(error instanceof ClavigerError) || !this.#decoder.errors.some((each) => error instanceof each)) {
        const told = error instanceof Error ? (error.stack ?? error.message) : typeof error;
        return { problem: `throws what is not its own: ${told}` };
      }
      kind = `${error.name} ${String(error.code)} ${error.message.replace(/[0-9]+/g, '#').slice(0, 60)}`;
    }
    return copy.some((octet, at) => octet !== input[at]) ? { problem: 'changes its input' } : kind;
  }
}

/** The thread that decodes: all decoders in turn, for so long, each input shown to the thread that watches. */
import { parentPort, workerData } from 'node:worker_threads';
import { readCorpus } from './corpus.ts';
import { DECODERS } from './decoders.ts';
import { Fuzzer } from './fuzzer.ts';
import type { FuzzFault } from './fuzzer.ts';
import { WatchedInput } from './watchdog.ts';

export interface FuzzTask {
  readonly shared: SharedArrayBuffer;
  readonly only: string | null;
  readonly seed: string;
  readonly seconds: number;
  readonly corpus: string;
  /** Whether to give an input of each kind of outcome. */
  readonly keep: boolean;
}

export interface FuzzReport {
  readonly faults: readonly FuzzFault[];
  readonly runs: readonly { readonly decoder: string; readonly runs: number; readonly kinds: number }[];
  readonly kept: readonly { readonly decoder: string; readonly input: Uint8Array }[];
}

/** Milliseconds in a row for one decoder: the slow ones must not have it all. */
const TURN_MS = 100;
/** Octets of an input that is worth a file. */
const KEPT_OCTETS = 3500;

const { shared, only, seed, seconds, corpus, keep } = workerData as FuzzTask;
const watched = new WatchedInput(shared);
const faults: FuzzFault[] = [];
const fuzzers = DECODERS.filter(({ name }) => only === null || name === only).map((decoder) => ({
  name: decoder.name,
  fuzzer: new Fuzzer(decoder, seed, readCorpus(corpus, decoder.name), (name, input) =>
    watched.show(name, input),
  ),
}));

const note = (fault: FuzzFault | null): boolean => {
  if (fault !== null) faults.push(fault);
  return fault === null;
};
const turn = (fuzzer: Fuzzer, until: number): boolean => {
  while (performance.now() < until) if (!note(fuzzer.run())) return false;
  return true;
};
const end = performance.now() + 1000 * seconds;
let going = fuzzers.filter(({ fuzzer }) => note(fuzzer.replay()));
while (going.length > 0 && performance.now() < end)
  going = going.filter(({ fuzzer }) => turn(fuzzer, Math.min(end, performance.now() + TURN_MS)));

const report: FuzzReport = {
  faults,
  runs: fuzzers.map(({ name, fuzzer }) => ({
    decoder: name,
    runs: fuzzer.runs,
    kinds: fuzzer.outcomes.size,
  })),
  kept: keep
    ? fuzzers.flatMap(({ name, fuzzer }) =>
        [...fuzzer.outcomes.values()]
          .filter((input) => input.length > 0 && input.length <= KEPT_OCTETS)
          .map((input) => ({ decoder: name, input })),
      )
    : [],
};
parentPort?.postMessage(report);

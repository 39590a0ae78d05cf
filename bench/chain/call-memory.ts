/**
 * What a delivery function, a process, has in memory for each call with keys: heapUsed and external memory after a
 * collection, divided by the calls. Its KMS is a stand-in that has the same keys for every call, since what a KMS computes
 * is not the DF's memory; everything else is as shipped. Calls of another thousand have come and gone before, so that what
 * is there once, whatever the number of calls, is not counted.
 *
 *     benchmark ──X2, TLS──► DF ──Xk, TLS──► stand-in of a KMS
 *                            └──HI2, TLS──► LEMF
 */
import path from 'node:path';
import type { TlsFiles } from '../../src/net/tls.ts';
import { decodePsPdu } from '../../src/wire/hi/ps-pdu.ts';
import { startKeySource } from '../../test/entities/df/provisioned.ts';
import { TestPoi, XID } from '../../test/entities/df/support.ts';
import type { Step } from '../../test/entities/df/support.ts';
import { Delivered } from './delivered.ts';
import { DeliveryChain, Interception } from './delivery-chain.ts';
import type { ChainTls } from './delivery-chain.ts';
import { hangUp, legOf, setUp } from './keyed-calls.ts';
import { paced } from './paced.ts';
import { Part, ready } from './parts.ts';
import { passed, runtime } from './runtime.ts';

const CALLS = 5_000;
const WARM_UP = 1_000;
const CALLS_A_SECOND = 200;
/** Milliseconds after which nothing of a call that has ended may be there. */
const AFTER_END_MS = 10_000;
const WITHIN_MS = 300_000;

export interface CallMemory {
  /** Octets for each call when all have just been set up, the last with their keys at the LEMF. */
  readonly up: number;
  /** When nothing was said in them for ten seconds. */
  readonly silent: number;
  /** Ten seconds after the last of them has ended. */
  readonly ended: number;
}

/** Answers every question with the keys of the exchange that all calls have. */
export async function runKeySource(settings: unknown): Promise<void> {
  const { tls } = settings as { readonly tls: TlsFiles };
  ready({ xk: (await startKeySource(tls, runtime)).port });
}

/** Calls by their numbers, and the records of them that have come. */
class Calls {
  readonly #interception: Interception;
  readonly #delivered: Delivered;
  readonly #poi = new TestPoi(runtime.clock);
  came = 0;

  constructor(interception: Interception, file: string) {
    this.#interception = interception;
    // What belongs to the transport, and notices of warrants, are in the file as well.
    this.#delivered = new Delivered(file, (pdu) => {
      if (decodePsPdu(pdu).payload.kind === 'iri') this.came++;
    });
  }

  /** Sends the same of so many calls from `first` on; resolves when `records` of each have come. */
  async each(
    steps: (n: number) => readonly Step[],
    first: number,
    count: number,
    records: number,
  ): Promise<void> {
    const due = this.came + count * records;
    await paced(CALLS_A_SECOND, count / CALLS_A_SECOND, (n) => {
      const { callId } = legOf(first + n);
      const pdus = steps(first + n).map((step) => this.#poi.x2(step, XID, callId).octets);
      this.#interception.send(Buffer.concat(pdus));
    });
    const latest = performance.now() + WITHIN_MS;
    while (this.came < due && performance.now() < latest) await passed(10);
    if (this.came < due) throw new Error(`${due - this.came} records of calls did not come`);
  }

  /** How many records the steps of one call give. */
  async count(steps: (n: number) => readonly Step[], n: number): Promise<number> {
    const before = this.came;
    await this.each(steps, n, 1, 1);
    for (let last = -1; last < this.came;) {
      last = this.came;
      await passed(2_000);
    }
    return this.came - before;
  }

  close(): void {
    this.#delivered.close();
    this.#interception.close();
  }
}

export async function measureCallMemory(
  folder: string,
  tls: ChainTls,
  progress: (text: string) => void,
): Promise<CallMemory> {
  const keys = await Part.start('key-source', { tls: tls.kms });
  const chain = await DeliveryChain.start(folder, tls, keys.ports['xk'] ?? 0);
  const interception = await Interception.open(chain.df.ports['x2x3'] ?? 0, tls.cscf);
  const calls = new Calls(interception, path.join(chain.received, 'hi2.ber'));
  try {
    progress(`memory: warming up with ${WARM_UP} calls`);
    const trial = CALLS + WARM_UP;
    const [begins, ends] = [await calls.count(setUp, trial), await calls.count(hangUp, trial)];
    await calls.each(setUp, CALLS, WARM_UP, begins);
    await calls.each(hangUp, CALLS, WARM_UP, ends);
    await passed(AFTER_END_MS);
    const before = await octetsOf(chain.df);
    const perCall = async (): Promise<number> => ((await octetsOf(chain.df)) - before) / CALLS;
    progress(`memory: ${CALLS} calls`);
    await calls.each(setUp, 0, CALLS, begins);
    const up = await perCall();
    await passed(AFTER_END_MS);
    const silent = await perCall();
    await calls.each(hangUp, 0, CALLS, ends);
    await passed(AFTER_END_MS);
    return { up, silent, ended: await perCall() };
  } finally {
    calls.close();
    await chain.stop();
    await keys.stop();
  }
}

async function octetsOf(part: Part): Promise<number> {
  const { heapUsed, external } = await part.state();
  return heapUsed + external;
}

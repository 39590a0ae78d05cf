/**
 * SIP messages through the chain, one PDU in each write: what they cost the DF, whether all of them come, and how long they
 * take. Calls of six messages, without keys, which a KMS would answer for.
 */
import path from 'node:path';
import { DIRECTION } from '../../src/wire/x2x3/pdu.ts';
import { sip, TestPoi } from '../../test/entities/df/support.ts';
import type { Step } from '../../test/entities/df/support.ts';
import { quantile } from '../statistics.ts';
import { Delivered } from './delivered.ts';
import { DeliveryChain, Interception } from './delivery-chain.ts';
import type { ChainTls } from './delivery-chain.ts';
import { unitSeconds } from './machine.ts';
import { paced } from './paced.ts';
import { passed, runtime } from './runtime.ts';

const RATE = 2_000;
const RATE_OF_TIMES = 1_000;
const WARM_UP_SECONDS = 3;
/** A message that takes longer counts as not delivered. */
const WITHIN_MS = 30_000;

export interface SignallingFigures {
  /** Units of processor time of the DF for a message. */
  readonly dfSip: number;
  /** Share, 0 to 1. */
  readonly dfSipDelivered: number;
  readonly recordP99Ms: number;
  /** Beside the figures: what they were made of. */
  readonly notes: Readonly<Record<string, number>>;
}

const FIELDS = [
  'Max-Forwards: 69',
  'Contact: <sip:alice@192.0.2.10:5060;transport=tcp>',
  'Record-Route: <sip:cscf.home1.example;lr>',
  'P-Asserted-Identity: <sip:alice@home1.example>',
  'Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, PRACK, UPDATE, REFER, NOTIFY',
  'Supported: 100rel, timer, outbound, path',
  'Session-Expires: 1800',
  'User-Agent: bench/1.0',
];

const STEPS = [
  ['INVITE sip:bob@home2.example SIP/2.0', DIRECTION.fromTarget, '1 INVITE'],
  ['SIP/2.0 180 Ringing', DIRECTION.toTarget, '1 INVITE'],
  ['SIP/2.0 200 OK', DIRECTION.toTarget, '1 INVITE'],
  ['ACK sip:bob@192.0.2.20 SIP/2.0', DIRECTION.fromTarget, '1 ACK'],
  ['BYE sip:bob@192.0.2.20 SIP/2.0', DIRECTION.fromTarget, '2 BYE'],
  ['SIP/2.0 200 OK', DIRECTION.toTarget, '2 BYE'],
] as const;

/** So many calls are up at a time, so that messages that follow one another are of different calls. */
export const CALLS_AT_ONCE = 100;
export const STEPS_OF_CALL = STEPS.length;

/** The call and the step of a message, by its number. */
function placeOf(n: number): { readonly callId: string; readonly step: (typeof STEPS)[number] } {
  const block = Math.floor(n / (CALLS_AT_ONCE * STEPS.length));
  const within = n % (CALLS_AT_ONCE * STEPS.length);
  const step = STEPS[Math.floor(within / CALLS_AT_ONCE)] ?? STEPS[0];
  return { callId: `bench-${block}-${within % CALLS_AT_ONCE}@home1.example`, step };
}

/** The number of a message: of the calls that are up at a time those before them, its step, and its place among the calls. */
export function placed(block: number, step: number, call: number): number {
  return (block * STEPS.length + step) * CALLS_AT_ONCE + call;
}

/** A message of the load by its number, with the call that it is of. */
export function sipOfLoad(n: number): { readonly callId: string; readonly message: Step } {
  const { callId, step } = placeOf(n);
  const [line, direction, cseq] = step;
  const leg = { callId, fromTag: 'alice', toTag: step === STEPS[0] ? '' : 'bob' };
  return { callId, message: [sip(line, leg, null, { cseq, branch: markOf(n), fields: FIELDS }), direction] };
}

const MARK = 'z9hG4bKbench';
function markOf(n: number): string {
  return `${MARK}${n}`;
}

/** The number of the message of the load that a record has; `null`: it is of something else. */
export function numberOf(pdu: Uint8Array): number | null {
  const octets = Buffer.from(pdu.buffer, pdu.byteOffset, pdu.length);
  const at = octets.indexOf(MARK);
  if (at < 0) return null;
  const from = at + MARK.length;
  return Number.parseInt(octets.toString('latin1', from, from + 10), 10);
}

/** A chain with its load: sends messages, and knows when each was sent and came. */
class Load {
  readonly #interception: Interception;
  readonly #poi = new TestPoi(runtime.clock);
  readonly #delivered: Delivered;
  readonly #sent: number[] = [];
  readonly #came: number[] = [];
  #count = 0;

  constructor(interception: Interception, file: string) {
    this.#interception = interception;
    this.#delivered = new Delivered(file, (pdu) => {
      const n = numberOf(pdu);
      if (n === null || this.#came[n] !== undefined) return;
      this.#came[n] = performance.now();
      this.#count++;
    });
  }

  /** Sends, waits until all have come or 30 s are over; milliseconds that each took, `Infinity` where it did not come. */
  async run(rate: number, seconds: number): Promise<number[]> {
    const first = this.#sent.length;
    await paced(rate, seconds, () => {
      const n = this.#sent.length;
      const { callId, message } = sipOfLoad(n);
      const { octets } = this.#poi.x2(message, undefined, callId);
      this.#sent.push(performance.now());
      this.#interception.send(octets);
    });
    const end = performance.now() + WITHIN_MS;
    while (this.#count < this.#sent.length && performance.now() < end) await passed(5);
    return this.#sent.slice(first).map((sent, at) => (this.#came[first + at] ?? Infinity) - sent);
  }

  close(): void {
    this.#delivered.close();
    this.#interception.close();
  }
}

/** @param wants which of the two loads are to be run: what messages cost, and how long they take */
export async function measureSignalling(
  folder: string,
  tls: ChainTls,
  seconds: number,
  wants: { readonly cost: boolean; readonly times: boolean },
  progress: (text: string) => void,
): Promise<SignallingFigures> {
  const chain = await DeliveryChain.start(folder, tls);
  const interception = await Interception.open(chain.df.ports['x2x3'] ?? 0, tls.cscf);
  const load = new Load(interception, path.join(chain.received, 'hi2.ber'));
  try {
    progress('signalling: warming up');
    await load.run(RATE_OF_TIMES, WARM_UP_SECONDS);
    const notes: Record<string, number> = {};
    let [dfSip, dfSipDelivered, recordP99Ms] = [NaN, NaN, NaN];
    if (wants.times) {
      progress(`signalling: ${RATE_OF_TIMES} messages a second for ${seconds} s`);
      const took = await load.run(RATE_OF_TIMES, seconds);
      recordP99Ms = quantile(took, 0.99);
      notes['recordP50Ms'] = quantile(took, 0.5);
    }
    if (wants.cost) {
      progress(`signalling: ${RATE} messages a second for ${seconds} s`);
      const unitBefore = unitSeconds();
      const before = { df: chain.df.seconds, lemf: chain.lemf.seconds };
      const begun = performance.now();
      const took = await load.run(RATE, seconds);
      const wall = (performance.now() - begun) / 1000;
      const delivered = took.filter((ms) => ms < Infinity).length;
      const spent = (chain.df.seconds - before.df) / delivered;
      const unit = (unitBefore + unitSeconds()) / 2;
      dfSip = spent / unit;
      dfSipDelivered = took.filter((ms) => ms <= WITHIN_MS).length / took.length;
      notes['dfSipMicroseconds'] = spent * 1e6;
      notes['lemfSipMicroseconds'] = ((chain.lemf.seconds - before.lemf) / delivered) * 1e6;
      notes['unitMicroseconds'] = unit * 1e6;
      notes['sipSeconds'] = wall;
      notes['sipP50Ms'] = quantile(took, 0.5);
      notes['sipP99Ms'] = quantile(took, 0.99);
    }
    return { dfSip, dfSipDelivered, recordP99Ms, notes };
  } finally {
    load.close();
    await chain.stop();
  }
}

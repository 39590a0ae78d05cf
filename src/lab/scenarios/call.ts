/** One call in the laboratory: from the dialling to the end of both recordings, and what either end made of it. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeG711, encodeG711 } from '../../media/g711.ts';
import { decodeWav } from '../../media/wav.ts';
import type { PhoneCall, CallStatistics } from '../../entities/ue/call.ts';
import { LabError } from '../errors.ts';
import type { Network } from '../network/network.ts';

/** What the recordings are encoded with. */
const LAW = 'pcma';
const ANSWER_MS = 15_000;
/** What the last packets may take through two gateways before the call is hung up. */
const LAST_PACKETS_MS = 150;

/** A recording that comes with the package, 16-bit linear, 8 kHz. */
export function recording(speaker: 'alice' | 'bob'): Int16Array {
  return decodeWav(
    new Uint8Array(readFileSync(new URL(`../../../assets/speech/${speaker}.wav`, import.meta.url))),
  );
}

/** The recording as whoever decodes it must hear it: after G.711 there and back. */
export function spoken(samples: Int16Array): Int16Array {
  return decodeG711(encodeG711(samples, LAW), LAW);
}

export interface HeardCall {
  readonly user: string;
  readonly heard: Int16Array;
  readonly statistics: CallStatistics;
  readonly sas: string | null;
}

export interface CallOutcome {
  readonly callId: string;
  readonly caller: HeardCall;
  readonly callee: HeardCall;
  /** Milliseconds on the timeline. */
  readonly times: { readonly dialled: number; readonly established: number; readonly ended: number };
}

export interface CallPlan {
  readonly caller: string;
  readonly callee: string;
  readonly recordings: Readonly<Record<string, Int16Array>>;
  /** Milliseconds on the timeline. */
  readonly elapsed: () => number;
}

/** Makes the call, plays both recordings at once, hangs up. @throws LabError `call` */
export async function placeCall(network: Network, plan: CallPlan): Promise<CallOutcome> {
  const { caller, callee, recordings, elapsed } = plan;
  const dialled = elapsed();
  const incoming = incomingCall(network, callee);
  const outgoing = await network.phone(caller).ue.call(network.identity(callee));
  const answered = await Promise.race([incoming, failure(outgoing)]);
  await established(outgoing, answered);
  const up = elapsed();
  await Promise.all([
    outgoing.play(recordings[caller] ?? new Int16Array()),
    answered.play(recordings[callee] ?? new Int16Array()),
  ]);
  await sleep(LAST_PACKETS_MS);
  await outgoing.hangUp();
  await Promise.all([outgoing.ended, answered.ended]);
  return {
    callId: outgoing.callId,
    caller: endOf(caller, outgoing),
    callee: endOf(callee, answered),
    times: { dialled, established: up, ended: elapsed() },
  };
}

/** Whether two recordings are the same, sample by sample; where not, how they differ. */
export function compareSamples(
  a: Int16Array,
  b: Int16Array,
): { readonly equal: boolean; readonly detail: string } {
  if (a.length !== b.length) return { equal: false, detail: `${a.length} samples against ${b.length}` };
  const at = a.findIndex((sample, index) => sample !== b[index]);
  if (at >= 0) return { equal: false, detail: `sample ${at} of ${a.length} differs` };
  return { equal: true, detail: `${a.length} samples, ${(a.length / 8000).toFixed(2)} s, all equal` };
}

function incomingCall(network: Network, user: string): Promise<PhoneCall> {
  return new Promise((resolve) => network.phone(user).ue.onIncoming(resolve));
}

async function failure(call: PhoneCall): Promise<never> {
  const { reason, error } = await call.ended;
  throw new LabError('call', `the call was not answered: ${reason}`, { cause: error });
}

async function established(...calls: readonly PhoneCall[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LabError('call', `no call within ${ANSWER_MS} ms`)), ANSWER_MS);
  });
  try {
    await Promise.race([Promise.all(calls.map((call) => call.established)), patience]);
  } finally {
    clearTimeout(timer);
  }
}

function endOf(user: string, call: PhoneCall): HeardCall {
  return { user, heard: call.heard(), statistics: call.statistics, sas: call.sas };
}

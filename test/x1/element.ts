/** A network element that is asked over X1, and what it is asked for; all documents of a test file are judged at its end. */
import { expect } from 'vitest';
import type { X1NeOptions } from '../../src/x1/handler.ts';
import { X1ExchangeError } from '../../src/x1/requester.ts';
import type { X1Requester } from '../../src/x1/requester.ts';
import type { Destination, InterceptTask, MediationDetails } from '../../src/wire/x1/details.ts';
import type { X1RequestBody } from '../../src/wire/x1/requests.ts';
import { Gathered } from '../support/gathered.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { missingShared, missingTool } from '../support/shared.ts';
import { SCHEMA, xmllint } from '../wire/x1/support.ts';
import { bench, destination, DID, task } from '../poi/support.ts';
import type { Bench } from '../poi/support.ts';

const documents = new Gathered<Uint8Array>();
/** Those that are not meant to be valid. */
export const NO_DOCUMENT = new WeakSet<Uint8Array>();

/** An element and its ADMF, whose documents are kept. */
export async function open(overrides: Partial<X1NeOptions> = {}): Promise<Bench & { clock: ManualClock }> {
  const clock = new ManualClock();
  const made = await bench(clock, {
    recorder: (_from, _to, octets) => documents.add(octets),
    ...overrides,
  });
  return { ...made, clock };
}

/** The X1 error code of a request, 0 if it is done. */
export async function codeOf(admf: Pick<X1Requester, 'request'>, body: X1RequestBody): Promise<number> {
  try {
    await admf.request(body);
    return 0;
  } catch (error) {
    if (error instanceof X1ExchangeError && error.error !== null) return error.error.code;
    throw error;
  }
}

export const HOUR = 3_600_000;
export const NOW = 1_700_000_000_000;
export const warrant: MediationDetails = {
  liid: 'LIID1',
  deliveryType: 'HI2andHI3',
  dids: [DID],
  startTime: NOW,
  endTime: NOW + HOUR,
};
export const validity: MediationDetails = { ...warrant, deliveryType: 'HI2Only', dids: [] };
export const kmsTask: InterceptTask = { ...task, dids: [], mediation: [validity] };
export const both: Destination = { ...destination, deliveryType: 'X2andX3' };

/** At the end of the test file that calls this: xmllint judges its documents. */
export function judgeDocuments(): void {
  documents.judgedAtEnd((all) => {
    const judged = all.filter((octets) => !NO_DOCUMENT.has(octets));
    expect(judged).not.toEqual([]);
    if (missingShared(SCHEMA) || missingTool('xmllint')) return;
    expect(xmllint(judged)).toBe('');
  });
}

/** What strangers send in a target's name, under ever new Call-IDs. */
import { describe, expect, it } from 'vitest';
import type { ClaimLimits } from '../../../src/entities/df/claims.ts';
import { ATTRIBUTE } from '../../../src/wire/x2x3/attributes.ts';
import { DIRECTION } from '../../../src/wire/x2x3/pdu.ts';
import { kinds, numbersOf, start } from './delivery-function.ts';
import type { Df } from './delivery-function.ts';
import { call, correlationOf, handedOver, LEG, sip, task, vector, XID, XID_2 } from './support.ts';
import type { PlainRecord, Step } from './support.ts';
import { settle } from '../../support/manual-clock.ts';
import { toHex } from '../../../src/bytes/octets.ts';

const LIMITS: ClaimLimits = { ofWarrant: 10, inAll: 15 };
const STRANGER = '192.0.2.1';
const PHONE = '127.0.0.1';

const limited = (claims: ClaimLimits = LIMITS): Promise<Df> =>
  start([task(XID, 'LIID-1'), task(XID_2, 'LIID-2')], { claims });

interface Told {
  readonly callId: string;
  readonly source?: string;
  readonly xid?: string;
}

/** As a point of interception tells of it. */
function pdusOf(df: Df, { callId, source = STRANGER, xid = XID }: Told, ...steps: readonly Step[]) {
  return steps.map((step) => {
    const { pdu, ...rest } = df.poi.x2(step, xid, callId);
    const attributes = pdu.attributes.map((one) =>
      one.type === ATTRIBUTE.sourceIpv4 ? { ...one, kind: 'text' as const, value: source } : one,
    );
    return { ...rest, pdu: { ...pdu, attributes } };
  });
}

async function tell(df: Df, told: Told, ...steps: readonly Step[]): Promise<void> {
  df.clock.advance(10);
  await df.mediation.accept(pdusOf(df, told, ...steps));
  await settle();
}

const leg = (callId: string) => ({ callId, fromTag: 'claimed', toTag: '' });
const invite = (callId: string): Step => [
  sip('INVITE sip:bob@home2.example SIP/2.0', leg(callId), vector().messages.I_MESSAGE_1.message),
  DIRECTION.fromTarget,
];
const answer = (callId: string, status: string, cseq = '1 INVITE'): Step => [
  sip(`SIP/2.0 ${status}`, leg(callId), null, { cseq }),
  DIRECTION.toTarget,
];
const CHALLENGE = '407 Proxy Authentication Required';

/** Ever new Call-IDs, and addresses, too, where `source` gives them. */
async function decoys(
  df: Df,
  prefix: string,
  count: number,
  { xid = XID, source = () => STRANGER }: { xid?: string; source?: (at: number) => string } = {},
  status = CHALLENGE,
): Promise<void> {
  df.clock.advance(10);
  const batch = Array.from({ length: count }, (_, at) => {
    const callId = `${prefix}-${at}`;
    return pdusOf(df, { callId, xid, source: source(at) }, invite(callId), answer(callId, status));
  });
  await df.mediation.accept(batch.flat());
  await settle();
}

const ofCall = (records: readonly PlainRecord[], callId: string): PlainRecord[] =>
  records.filter(({ correlation }) => correlation === toHex(correlationOf(callId)));
const cinsOf = (records: readonly PlainRecord[]): number[] => [...new Set(records.map(({ cin }) => cin))];
const kept = async ({ store }: Df): Promise<string[]> =>
  (await store.load()).communications.map(({ correlation }) => correlation);
const isKept = async (df: Df, callId: string): Promise<boolean> =>
  (await kept(df)).includes(toHex(correlationOf(callId)));

/** That no number is missing and none is there twice, whatever was given up. */
function expectWholeNumbers(records: readonly PlainRecord[]): void {
  for (const cin of cinsOf(records)) {
    const own = records.filter((record) => record.cin === cin);
    expect(new Set(own.map(({ correlation }) => correlation)).size, `CIN ${cin}`).toBe(1);
    for (const reference of ['hi2', 'hi3'] as const) {
      const numbers = numbersOf(own, reference);
      expect(numbers, `CIN ${cin} ${reference}`).toEqual([...numbers.keys()]);
    }
  }
}

describe('R-65: calls in a target’s name that nobody has proven', () => {
  it('are bounded for each warrant, in the store as well, before and after a restart', async () => {
    const df = await limited();
    await decoys(df, 'one', 25);
    expect(await kept(df)).toHaveLength(LIMITS.ofWarrant);
    expect((await df.store.load()).keySessions).toHaveLength(LIMITS.ofWarrant);
    expect(df.mediation.losses.callsGivenUp).toBe(15);
    await df.kill();
    await decoys(df, 'two', 25);
    expect(await kept(df)).toHaveLength(LIMITS.ofWarrant);
    expect(await isKept(df, 'two-24')).toBe(true);
    expect(await isKept(df, 'one-24')).toBe(false);
    const records = await handedOver(df.store);
    expect(kinds(records).filter((kind) => kind === 'sip-message')).toHaveLength(100);
    expect(cinsOf(records)).toHaveLength(50);
    expectWholeNumbers(records);
  });

  it('are bounded in all: the warrant that has most loses', async () => {
    const df = await limited();
    await decoys(df, 'one', 10);
    await decoys(df, 'two', 8, { xid: XID_2 });
    const { communications } = await df.store.load();
    const sizes = ['LIID-1', 'LIID-2'].map((id) => communications.filter(({ liid }) => liid === id).length);
    expect(sizes).toEqual([7, 8]);
  });

  it('a call of the target among them loses nothing: keys, content, numbers, with a restart in its midst', async () => {
    const df = await limited();
    const [first, progress, prack, ok] = call() as [Step, Step, Step, Step];
    const target: Told = { callId: LEG.callId, source: PHONE };
    await tell(df, target, first);
    await decoys(df, 'ringing', 20);
    await tell(df, target, progress);
    await decoys(df, 'spoofed', 20, { source: (at) => `198.51.100.${at}` });
    await df.mediation.accept([df.poi.x3(Uint8Array.of(1))]);
    await df.kill();
    await decoys(df, 'more', 20, { source: () => PHONE });
    await tell(df, target, prack, ok);
    await df.mediation.accept([df.poi.x3(Uint8Array.of(2))]);
    const records = await handedOver(df.store);
    const own = ofCall(records, LEG.callId);
    const KEYS = vector().keys.cryptoSessions.length;
    expect(cinsOf(own)).toEqual([1]);
    expect(kinds(own).filter((kind) => kind === 'sip-message')).toHaveLength(4);
    expect(kinds(own).filter((kind) => kind === 'keys-available')).toHaveLength(KEYS);
    expect(kinds(own).filter((kind) => kind === 'cc')).toHaveLength(2);
    expectWholeNumbers(records);
  });

  it.each(['100 Trying', '180 Ringing', '200 OK'])(
    'an answer of %s puts a call outside every bound',
    async (status) => {
      const df = await limited();
      await decoys(df, 'proven', 12, {}, status);
      await decoys(df, 'after', 15);
      expect(await kept(df)).toHaveLength(12 + LIMITS.ofWarrant);
      await df.kill();
      await decoys(df, 'later', 15);
      for (let at = 0; at < 12; at++) expect(await isKept(df, `proven-${at}`)).toBe(true);
    },
  );

  it.each([CHALLENGE, '486 Busy Here'])('one of %s does not', async (status) => {
    const df = await limited();
    await decoys(df, 'x', 12, {}, status);
    expect(await kept(df)).toHaveLength(LIMITS.ofWarrant);
  });

  it.each(['CANCEL', 'OPTIONS'])('nor does the answer to %s', async (method) => {
    const df = await limited();
    for (let at = 0; at < 12; at++)
      await tell(df, { callId: `x-${at}` }, invite(`x-${at}`), answer(`x-${at}`, '200 OK', `1 ${method}`));
    expect(await kept(df)).toHaveLength(LIMITS.ofWarrant);
  });

  it('content puts a call outside every bound', async () => {
    const df = await limited();
    await tell(df, { callId: LEG.callId }, invite(LEG.callId));
    await df.mediation.accept([df.poi.x3(Uint8Array.of(1))]);
    await decoys(df, 'after', 15);
    expect(await isKept(df, LEG.callId)).toBe(true);
  });

  it('who has most loses first', async () => {
    const df = await limited();
    await decoys(df, 'few', 5);
    await decoys(df, 'one', 3, { source: () => PHONE });
    await decoys(df, 'many', 30);
    for (const at of [0, 1, 2]) expect(await isKept(df, `one-${at}`)).toBe(true);
  });

  it('among equals what was refused goes before what is open', async () => {
    const df = await limited();
    await tell(df, { callId: 'open', source: PHONE }, invite('open'));
    await decoys(df, 'refused', 15, { source: (at) => `198.51.100.${at}` });
    expect(await isKept(df, 'open')).toBe(true);
  });

  it('one that was given up and comes again is a new communication, with a number of its own for good', async () => {
    const df = await limited({ ofWarrant: 10, inAll: 1 });
    // In one batch, so that the first is given up before it was ever stored.
    const others = pdusOf(df, { callId: 'other', xid: XID_2 }, invite('other'));
    await df.mediation.accept([...pdusOf(df, { callId: 'call' }, invite('call')), ...others]);
    expect(await isKept(df, 'call')).toBe(false);
    await df.kill();
    await tell(df, { callId: 'call' }, answer('call', '200 OK'));
    const records = await handedOver(df.store);
    expect(cinsOf(ofCall(records, 'call'))).toEqual([1, 2]);
    expectWholeNumbers(records.filter(({ liid }) => liid === 'LIID-1'));
  });

  it('that they give way is told at intervals, and counted', async () => {
    const df = await limited();
    await decoys(df, 'one', LIMITS.ofWarrant + 9);
    const told = df.issues.log.filter((one) => one.includes('gave way'));
    expect(told).toEqual(
      [1, 2, 4, 8].map((count) => `${XID}: calls that nobody has proven gave way (${count} so far)`),
    );
    expect(df.mediation.losses.callsGivenUp).toBe(9);
  });
});

/** Interception that begins while the call stands, at the delivery function. */
import { describe, expect, it } from 'vitest';
import { fromBase64, toHex } from '../../../src/bytes/octets.ts';
import { takenApart } from '../../../src/sip/offer-answer.ts';
import { encodeSessionStart } from '../../../src/wire/hi/session-start.ts';
import { DIRECTION, encodePdu, PAYLOAD_FORMAT } from '../../../src/wire/x2x3/pdu.ts';
import { settle } from '../../support/manual-clock.ts';
import type { Df } from './delivery-function.ts';
import { kinds, start } from './delivery-function.ts';
import {
  call,
  correlationOf,
  handedOver,
  keysOf,
  LEG,
  LEMF,
  LEMF_2,
  sip,
  START,
  task,
  vector,
  XID,
} from './support.ts';
import type { Step } from './support.ts';

const LATE = { start: START + 60_000 };

/** What the CSCF reports of the call of the vectors when a task comes. */
function reported({ poi, clock }: Df, steps: readonly Step[] = call()) {
  const [offer, answer, ...further] = steps;
  const described = { offer: takenApart(offer![0]), answer: takenApart(answer![0]) };
  const payload = encodeSessionStart({ time: clock.now(), ...described }, XID, correlationOf(LEG.callId));
  const { pdu, peer } = poi.x2([payload, DIRECTION.fromTarget]);
  const first = { ...pdu, payloadFormat: PAYLOAD_FORMAT.epsIriContent };
  const own = further.map((step) => poi.x2(step));
  // Their own times: before the warrant began.
  const times = own.map(({ pdu: { attributes, ...rest } }) => {
    const before = attributes.map((one) =>
      one.kind === 'timestamp' ? { ...one, seconds: START / 1000 } : one,
    );
    return { ...rest, attributes: before };
  });
  return [first, ...times].map((one) => ({ pdu: one, octets: encodePdu(one), peer }));
}

const second = (liid = 'LIID-2') =>
  task(XID, liid, { destinations: [{ did: LEMF_2, delivers: 'HI2andHI3' }] });

/** A second warrant joins the task. */
async function join(df: Df, added = second()): Promise<void> {
  const first = df.tasks.known.get(XID)!;
  df.tasks.known.set(XID, { ...first, mediations: [...first.mediations, ...added.mediations] });
  await df.mediation.tellWarrants(added.mediations.map(({ liid }) => liid));
  await settle();
}

/** The call, accepted. */
const accepted = (): Step[] => [...call(), [sip('SIP/2.0 200 OK', LEG, null), DIRECTION.toTarget]];
const bye: Step = [sip('BYE sip:bob@127.0.0.2 SIP/2.0', LEG, null), DIRECTION.fromTarget];

describe('R-33: a report of the CSCF that a session stood', () => {
  it('becomes a record with offer and answer; further bodies follow; the keys are fetched with midCall', async () => {
    const df = await start([task(XID, 'LIID-1', LATE)]);
    df.clock.advance(90_000);
    await df.mediation.accept(reported(df));
    await df.clock.pass(1_000);
    const records = await handedOver(df.store);
    expect(kinds(records)).toEqual([
      ...['session-start', 'sip-message', 'sip-message', 'keys-available', 'keys-available'],
    ]);
    const [invite, progress, prack] = call();
    const hex = ({ head, sdp }: ReturnType<typeof takenApart>) => ({ head: toHex(head), sdp: toHex(sdp) });
    expect(records[0]).toMatchObject({
      ...{ liid: 'LIID-1', cin: 1, sequenceNumber: 0, time: START + 90_000, direction: 'fromTarget' },
      ...{ offer: hex(takenApart(invite![0])), answer: hex(takenApart(progress![0])) },
      observed: [{ name: 'sipUri', value: vector().uri.i }],
    });
    expect(records[1]).toMatchObject({ time: START, sip: toHex(prack![0]), direction: 'fromTarget' });
    expect(df.kms.asked).toMatchObject([
      { midCall: true, iMessage1: fromBase64(vector().messages.I_MESSAGE_1.message) },
    ]);
  });

  it('R-25: the keys are fetched with midCall also where the KMS answers when the call is over, and after a restart', async () => {
    const df = await start([task(XID, 'LIID-1', LATE)]);
    df.kms.answer = () => {
      throw new Error('connection refused');
    };
    df.clock.advance(90_000);
    await df.mediation.accept(reported(df));
    await df.mediation.accept([df.poi.x2(bye)]);
    await df.clock.pass(1_000);
    await df.kill();
    df.kms.answer = () => keysOf(vector());
    await df.clock.pass(20_000);
    expect(new Set(df.kms.asked.map(({ midCall }) => midCall))).toEqual(new Set([true]));
    expect(kinds(await handedOver(df.store)).filter((kind) => kind === 'keys-available')).toHaveLength(2);
  });

  it('is set aside where it cannot be read, and the rest goes on', async () => {
    const df = await start();
    const [first, ...rest] = reported(df);
    const pdu = { ...first!.pdu, payload: first!.pdu.payload.slice(0, -1) };
    await df.mediation.accept([{ ...first!, pdu, octets: encodePdu(pdu) }, ...rest]);
    expect(kinds(await handedOver(df.store))).toEqual(['li-alarm', 'sip-message', 'sip-message']);
    expect(df.mediation.losses.setAside).toBe(1);
  });

  it('R-35: gives a warrant without content the record, and no keys', async () => {
    const df = await start([task(XID, 'LIID-1', { delivers: 'HI2Only' })]);
    await df.mediation.accept(reported(df));
    await df.clock.pass(1_000);
    expect(kinds(await handedOver(df.store))).toEqual(['session-start', 'sip-message', 'sip-message']);
    expect(df.kms.asked).toEqual([]);
  });
});

describe('R-34: a second warrant on a target whose call stands', () => {
  it('gets its own start, bodies and keys from what is retained; the first gets nothing twice', async () => {
    const df = await start();
    await df.mediation.accept(accepted().map((step) => df.poi.x2(step)));
    await df.clock.pass(1_000);
    const before = await handedOver(df.store);
    await join(df);
    await df.clock.pass(1_000);
    const late = await handedOver(df.store, LEMF_2);
    expect(kinds(late).filter((kind) => !kind.startsWith('li-'))).toEqual([
      ...['session-start', 'sip-message', 'sip-message', 'keys-available', 'keys-available'],
    ]);
    expect(late.find(({ kind }) => kind === 'session-start')).toMatchObject({
      liid: 'LIID-2',
      sequenceNumber: 0,
    });
    expect(df.kms.asked.map(({ midCall }) => midCall)).toEqual([false, true]);
    expect(await handedOver(df.store)).toEqual(before);
  });

  it('gets them over a restart, too', async () => {
    const df = await start();
    await df.mediation.accept(accepted().map((step) => df.poi.x2(step)));
    await df.clock.pass(1_000);
    await df.kill();
    await join(df);
    await df.clock.pass(1_000);
    expect(kinds(await handedOver(df.store, LEMF_2))).toContain('session-start');
  });

  it('whose time comes while the call stands gets them then', async () => {
    const df = await start();
    await df.mediation.accept(accepted().map((step) => df.poi.x2(step)));
    const later = task(XID, 'LIID-2', {
      ...LATE,
      destinations: [{ did: LEMF_2, delivers: 'HI2andHI3' }],
    });
    await join(df, later);
    expect(kinds(await handedOver(df.store, LEMF_2))).toEqual([]);
    df.clock.advance(60_000);
    await df.mediation.tellWarrants(['LIID-2']);
    expect(kinds(await handedOver(df.store, LEMF_2))).toContain('session-start');
  });

  it('that is to have content gets keys that a first one without content had no use for', async () => {
    const df = await start([task(XID, 'LIID-1', { delivers: 'HI2Only' })]);
    await df.mediation.accept(accepted().map((step) => df.poi.x2(step)));
    await join(df);
    await df.clock.pass(1_000);
    expect(kinds(await handedOver(df.store, LEMF_2))).toContain('keys-available');
    expect(kinds(await handedOver(df.store, LEMF))).not.toContain('keys-available');
  });

  it('gets nothing of a call that has ended, or that was never accepted', async () => {
    for (const steps of [[...accepted(), bye], call()]) {
      const df = await start();
      await df.mediation.accept(steps.map((step) => df.poi.x2(step)));
      await join(df);
      expect(kinds(await handedOver(df.store, LEMF_2))).not.toContain('session-start');
    }
  });

  it('is told that there are no keys where the KMS had none', async () => {
    const df = await start();
    df.kms.answer = () => ({ failureIndication: 'endpoint-not-compliant' });
    await df.mediation.accept(accepted().map((step) => df.poi.x2(step)));
    await df.clock.pass(1_000);
    const before = await handedOver(df.store);
    await join(df);
    expect(kinds(await handedOver(df.store, LEMF_2))).toContain('key-failure');
    expect(await handedOver(df.store)).toEqual(before);
  });
});

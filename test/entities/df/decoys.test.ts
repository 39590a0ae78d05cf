/** What a party, or a stranger, can send so that the questions about a call are never put. */
import { describe, expect, it } from 'vitest';
import { fromBase64, toBase64, utf8 } from '../../../src/bytes/octets.ts';
import { HOLD_MS } from '../../../src/entities/df/question-plan.ts';
import { decodeMessage, encodeMessage } from '../../../src/mikey/message.ts';
import type { GetKeysRequest } from '../../../src/wire/xk/get-keys.ts';
import { ATTRIBUTE } from '../../../src/wire/x2x3/attributes.ts';
import { DIRECTION } from '../../../src/wire/x2x3/pdu.ts';
import { kinds, start } from './delivery-function.ts';
import type { Df } from './delivery-function.ts';
import { acknowledging, call, handedOver, keysOf, LEG, reliable, sip, task, vector, XID } from './support.ts';
import type { Leg, Place, Step } from './support.ts';
import { settle } from '../../support/manual-clock.ts';

const { I_MESSAGE_1, R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2 } = vector().messages;
const [I1, R1, I2, R2] = [I_MESSAGE_1, R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2].map(
  ({ message }) => message,
) as [string, string, string, string];
const MANY = 100;
const BACK: Leg = { ...LEG, fromTag: LEG.toTag, toTag: LEG.fromTag };

/** The same in all that is in the clear, with another container. */
function decoy(message: string, number: number): string {
  const octets = fromBase64(message);
  new DataView(octets.buffer).setUint16(octets.length - 2, number);
  return toBase64(octets);
}

const decoys = (message: string, count = MANY, first = 0): string[] =>
  Array.from({ length: count }, (_, number) => decoy(message, first + number));

const from = (start: string, mikey: string | readonly string[] | null, place?: Place, leg = LEG): Step => [
  sip(start, leg, mikey, place),
  DIRECTION.fromTarget,
];
const to = (start: string, mikey: string | readonly string[] | null, place?: Place, leg = LEG): Step => [
  sip(start, leg, mikey, place),
  DIRECTION.toTarget,
];
/** As the other party's point of interception would report it. */
const mirrored = ([octets, direction]: Step): Step => [
  octets,
  direction === DIRECTION.toTarget ? DIRECTION.fromTarget : DIRECTION.toTarget,
];

const isReal = ({ iMessage1, rMessage1, iMessage2, rMessage2 }: GetKeysRequest): boolean =>
  [iMessage1, rMessage1, iMessage2 ?? new Uint8Array()].every(
    (octets, at) => toBase64(octets) === [I1, R1, I2][at],
  ) &&
  (rMessage2 === null || toBase64(rMessage2) === R2);

/** A KMS that tells the real exchange from others, and answers 32 distinct questions at a time. */
async function df(tasks = [task(XID, 'LIID-1')]): Promise<Df> {
  const running = await start(tasks);
  const distinct = new Set<string>();
  running.kms.answer = (question) => {
    distinct.add(JSON.stringify(question));
    if (distinct.size > 32) return { failureIndication: 'temporarily-unavailable' };
    return isReal(question)
      ? keysOf(vector(), question.rMessage2 !== null)
      : { failureIndication: 'messages-inconsistent' };
  };
  return running;
}

async function take({ mediation, poi }: Df, ...steps: readonly Step[]): Promise<void> {
  await mediation.accept(steps.map((step) => poi.x2(step)));
  await settle();
}

interface Outcome {
  readonly keys: number;
  readonly failures: number;
  /** Questions until the real one, with it. */
  readonly place: number;
  readonly asked: number;
}

async function outcome({ store, kms }: Df): Promise<Outcome> {
  const records = kinds(await handedOver(store));
  return {
    keys: records.filter((kind) => kind === 'keys-available').length,
    failures: records.filter((kind) => kind === 'key-failure').length,
    place: kms.asked.findIndex(isReal) + 1,
    asked: kms.asked.length,
  };
}

const [invite, progress, prack, ok] = call() as [Step, Step, Step, Step];
const KEYS = vector().keys.cryptoSessions.length;
const INFO = 'INFO sip:x SIP/2.0';
const RINGING = 'SIP/2.0 180 Ringing';
const PROGRESS = 'SIP/2.0 183 Session Progress';
const UPDATE = 'UPDATE sip:x SIP/2.0';
const mixed = (first = 0): string[] => [...decoys(R1, MANY / 2, first), ...decoys(I2, MANY / 2, first)];

/** In which the session's messages are in parts of other types, too. */
function multipart(start: string, mikey: readonly string[]): Uint8Array {
  const lines = mikey.map((message) => `a=key-mgmt:mikey ${message}\r\n`).join('');
  const part = `--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n${lines}--b--\r\n`;
  const [head = ''] = Buffer.from(sip(start, LEG, null))
    .toString('latin1')
    .split('Content-Type');
  return utf8(
    `${head}Content-Type: multipart/mixed;boundary=b\r\nContent-Length: ${part.length}\r\n\r\n${part}`,
  );
}

describe('Decoys of the callee, who is not the target', () => {
  const lines = (first: number): Place => ({
    media: mixed(first).map((message) => `a=key-mgmt:mikey ${message}`),
  });
  const forged = (first: number, status: string): Step[] =>
    decoys(I2, 20, first).flatMap((one, at) => {
      const place = { cseq: `${first + at} UPDATE`, branch: `z9hG4bKforged${first + at}` };
      return [from(UPDATE, one, place), to(`SIP/2.0 ${status}`, null, place)];
    });
  it.each<[string, (first: number) => readonly Step[]]>([
    ['100 in one INFO', (first) => [to(INFO, mixed(first), {}, BACK)]],
    ['100 in one INFO in the target’s name', (first) => [from(INFO, mixed(first))]],
    ['100 in one MESSAGE', (first) => [to('MESSAGE sip:x SIP/2.0', mixed(first), {}, BACK)]],
    ['100 in one 183', (first) => [to(PROGRESS, mixed(first))]],
    ['100 in one reliable 183', (first) => [to(PROGRESS, mixed(first), reliable(2 + first))]],
    ['100 R_MESSAGE_1 in one 183', (first) => [to(PROGRESS, decoys(R1, MANY, first))]],
    ['100 in the m= lines of one 183', (first) => [to(PROGRESS, null, lines(first))]],
    [
      '100 in the m= lines beside the real one',
      (first) => [to(PROGRESS, R1, { ...reliable(), ...lines(first) })],
    ],
    ['100 in a multipart 183', (first) => [[multipart(PROGRESS, mixed(first)), DIRECTION.toTarget]]],
    ['100 in error responses', (first) => [to('SIP/2.0 488 Not Acceptable', mixed(first))]],
    [
      '50 responses with one R_MESSAGE_1 each',
      (first) => decoys(R1, MANY / 2, first).map((message) => to(PROGRESS, message)),
    ],
    [
      'R_MESSAGE_1 in answers to other requests',
      (first) => decoys(R1, 20, first).map((one) => to('SIP/2.0 200 OK', one, { cseq: '2 PRACK' })),
    ],
    [
      'I_MESSAGE_2 in offers of its own',
      (first) =>
        decoys(I2, 20, first).map((one, at) => to(UPDATE, one, { cseq: `${first + at} UPDATE` }, BACK)),
    ],
    ['I_MESSAGE_2 in the target’s name, that are refused', (first) => forged(first, '403 Forbidden')],
    ['I_MESSAGE_2 in the target’s name, without a dialog', (first) => forged(first, '481 Unknown')],
  ])('R-66: %s: the real exchange is the first question', async (_, sent) => {
    const running = await df();
    await take(running, ...sent(0), invite, ...sent(100), progress, ...sent(200));
    await take(running, prack, ...sent(300));
    await take(running, ok, ...sent(400));
    await running.clock.pass(120_000);
    const { keys, failures, place, asked } = await outcome(running);
    expect({ keys, place }).toEqual({ keys: KEYS, place: 1 });
    expect(failures).toBeGreaterThan(0);
    expect(failures).toBeLessThanOrEqual(3);
    expect(asked).toBeLessThanOrEqual(32);
  });

  it('R-66: decoys before and after, in reliable responses, cost the real exchange nothing', async () => {
    const running = await df();
    const shown = decoys(R1).map((message, at) => to(PROGRESS, message, reliable(2 + at)));
    await take(running, invite, ...shown.slice(0, 50), progress, ...shown.slice(50), prack, ok);
    expect(await outcome(running)).toMatchObject({ keys: KEYS, place: 1, asked: 1 });
  });

  it('R-66: an R_MESSAGE_2 that is made up does not spoil the rest', async () => {
    const running = await df();
    const fake = to('SIP/2.0 200 OK', decoy(R2, 1), { cseq: '2 PRACK' });
    await take(running, invite, progress, prack, fake);
    expect((await outcome(running)).keys).toBe(KEYS);
    expect(running.kms.asked.map(({ rMessage2 }) => rMessage2 === null)).toEqual([false, true]);
  });

  it('R-66: what cannot be told from the real one is asked in turn, in bounds, and told', async () => {
    const running = await df();
    const twins = decoys(R1, 60).map((message) => to(PROGRESS, message, reliable()));
    await take(running, invite, ...twins, prack, ok);
    await running.clock.pass(1_000);
    const bounded = await outcome(running);
    expect(bounded.asked).toBeLessThanOrEqual(2 * 9);
    expect(bounded.failures).toBeGreaterThan(0);
    await running.clock.pass(300_000);
    expect((await outcome(running)).asked).toBeGreaterThan(bounded.asked);
  });

  it('R-66: a real exchange after decoys that used up a share is asked at once', async () => {
    const running = await df();
    const twins = decoys(R1, 60).map((message) =>
      to(PROGRESS, message, reliable(), { ...LEG, toTag: 'bob-2' }),
    );
    const other = { ...LEG, toTag: 'bob-2' };
    await take(running, invite, ...twins, from('PRACK sip:x SIP/2.0', I2, acknowledging(), other));
    await running.clock.pass(1_000);
    await take(running, progress, prack, ok);
    expect((await outcome(running)).keys).toBe(KEYS);
  });

  it('R-66: of forty early dialogs the one that is accepted is asked as well', async () => {
    const running = await df();
    const legs = Array.from({ length: 40 }, (_, at) => ({ ...LEG, toTag: `fork-${at}` }));
    running.kms.answer = () => {
      throw new Error('connection refused');
    };
    const early = legs.flatMap((leg) => call(leg).slice(1));
    await take(running, invite, ...early, progress, prack, ok, to('SIP/2.0 200 OK', R1));
    const before = running.kms.asked.length;
    expect(before).toBeLessThanOrEqual(17);
    running.kms.answer = () => keysOf(vector());
    await running.clock.pass(5_000);
    expect(running.kms.asked.length).toBeGreaterThanOrEqual(41);
    expect((await outcome(running)).keys).toBe(KEYS);
  });
});

describe('Decoys of the caller, where the callee is the target', () => {
  it('R-66: I_MESSAGE_2 that the target refuses, before the one that it takes', async () => {
    const running = await df([
      { ...task(XID, 'LIID-1'), targets: [{ name: 'sipUri', value: vector().uri.r }] },
    ]);
    const tried = decoys(I2).flatMap((one, at) => [
      from(UPDATE, one, { cseq: `${10 + at} UPDATE` }),
      to('SIP/2.0 488 Not Acceptable Here', null, { cseq: `${10 + at} UPDATE` }),
    ]);
    await take(running, ...[invite, progress, ...tried, prack, ok].map(mirrored));
    await running.clock.pass(1_000);
    const { keys, failures } = await outcome(running);
    expect(keys).toBe(KEYS);
    expect(failures).toBeLessThan(20);
    expect(running.kms.asked.findIndex(isReal)).toBeLessThan(20);
  });

  it('R-66: an I_MESSAGE_1 of the same CSB in another dialog, or another call, is another exchange', async () => {
    const running = await df();
    const forged = decoys(I1, 40).flatMap((one, at) => [
      to('INVITE sip:x SIP/2.0', one, {}, { ...BACK, fromTag: `x-${at}`, toTag: '' }),
      to('INVITE sip:x SIP/2.0', one, { cseq: `${at} INVITE` }, { ...BACK, callId: 'other', toTag: '' }),
      to(UPDATE, one, { cseq: `${at} UPDATE` }, BACK),
    ]);
    await take(running, invite, ...forged, progress, prack, ok);
    await running.clock.pass(120_000);
    expect(await outcome(running)).toMatchObject({ keys: KEYS, place: 1, asked: 1 });
  });
});

describe('Requests that nobody authenticated', () => {
  const challenge = (status: string, branch = 'z9hG4bK1-INVITE', cseq = '1 INVITE', leg = LEG): Step =>
    to(`SIP/2.0 ${status}`, null, { cseq, branch }, leg);

  it.each(['401 Unauthorized', '407 Proxy Authentication Required'])(
    'R-67: an INVITE that is challenged with %s and sent again is asked about once, without a failure record',
    async (status) => {
      const running = await df();
      const again = { cseq: '2 INVITE' };
      await take(running, invite, challenge(status));
      await running.clock.pass(60_000);
      expect(running.kms.asked).toEqual([]);
      await take(
        running,
        from('INVITE sip:x SIP/2.0', I1, again, { ...LEG, toTag: '' }),
        to(PROGRESS, R1, { ...again, fields: ['Require: 100rel', 'RSeq: 1'] }),
        from('PRACK sip:x SIP/2.0', I2, { cseq: '3 PRACK', fields: ['RAck: 1 2 INVITE'] }),
        to('SIP/2.0 407 Proxy Authentication Required', null, { cseq: '3 PRACK' }),
      );
      await running.clock.pass(1_000);
      expect(running.kms.asked).toEqual([]);
      await take(
        running,
        from('PRACK sip:x SIP/2.0', I2, { cseq: '4 PRACK', fields: ['RAck: 1 2 INVITE'] }),
        to('SIP/2.0 200 OK', R2, { cseq: '4 PRACK' }),
      );
      await running.clock.pass(120_000);
      expect(await outcome(running)).toMatchObject({ keys: KEYS, failures: 0, asked: 1 });
    },
  );

  it.each([
    '401 Unauthorized',
    '403 Forbidden',
    '407 Proxy Authentication Required',
    '483 Too Many Hops',
    null,
  ])(
    'R-67: 52 kB of a stranger that are answered with %s lead to no question, and to one record at most',
    async (status) => {
      const running = await df();
      const fields = [`Subject: ${'x'.repeat(52_000)}`];
      const variants = [
        [I1, R1, I2],
        [I1, ...decoys(R1, 15), ...decoys(I2, 15)],
      ].flatMap((sent) => ['INVITE sip:x SIP/2.0', 'MESSAGE sip:x SIP/2.0'].map((line) => ({ sent, line })));
      for (const [at, { sent, line }] of variants.entries()) {
        const leg = { ...LEG, callId: `stranger-${at}`, toTag: '' };
        const request = from(line, sent, { cseq: '1 INVITE', fields }, leg);
        const steps = status === null ? [request] : [request, challenge(status, undefined, undefined, leg)];
        await running.mediation.accept(steps.map((step) => running.poi.x2(step, XID, leg.callId)));
      }
      await running.clock.pass(120_000);
      expect(running.kms.asked).toEqual([]);
      const records = await handedOver(running.store);
      const failed = records.filter(({ kind }) => kind === 'key-failure');
      expect(new Set(failed.map(({ correlation }) => correlation)).size).toBe(variants.length);
      expect(failed).toHaveLength(variants.length);
      expect(records).toHaveLength(variants.length * (status === null ? 2 : 3));
    },
  );

  it('R-67: three messages in one offer are those of a mailbox, once it is taken', async () => {
    const running = await df();
    await take(running, from('INVITE sip:x SIP/2.0', [I1, R1, I2], {}, { ...LEG, toTag: '' }));
    await running.clock.pass(5_000);
    expect(running.kms.asked).toEqual([]);
    await take(running, to('SIP/2.0 100 Trying', null));
    expect(running.kms.asked).toEqual([]);
    await take(running, to(RINGING, null));
    expect(running.kms.asked).toHaveLength(1);
  });

  it('R-66: what a mailbox delivers is asked about under the name that was called', async () => {
    const running = await df([
      { ...task(XID, 'LIID-1'), targets: [{ name: 'sipUri', value: vector().uri.r }] },
    ]);
    const delivered = [I1, retargeted(R1), retargeted(I2)];
    const offer = to('INVITE sip:x SIP/2.0', delivered, {}, { ...LEG, toTag: '' });
    const [own, ringing] = [offer, from(RINGING, null)].map((step) => {
      const { pdu, ...rest } = running.poi.x2(step);
      return {
        ...rest,
        pdu: { ...pdu, attributes: pdu.attributes.filter(({ type }) => type !== ATTRIBUTE.matchedTarget) },
      };
    });
    await running.mediation.accept([own!, ringing!]);
    await settle();
    expect(running.kms.asked.map(({ targetKmsIdentity }) => targetKmsIdentity)).toEqual([vector().uri.r]);
  });

  it('R-67: a whole call that is made up, beginning with an INVITE that was refused, is not asked about', async () => {
    const running = await df();
    await take(running, invite, challenge('407 Proxy Authentication Required'), progress, prack);
    await running.clock.pass(120_000);
    expect(await outcome(running)).toMatchObject({ asked: 0, failures: 1 });
  });

  it('R-67: a challenge to what a stranger sent under the same numbers says nothing of the real request', async () => {
    const running = await df();
    const forged = { branch: 'z9hG4bKstranger' };
    const [offer, next] = [decoy(I1, 1), decoy(I2, 1)];
    await take(running, from('INVITE sip:x SIP/2.0', offer, forged, { ...LEG, toTag: '' }), invite);
    await take(running, challenge('407 Proxy Authentication Required', forged.branch), progress);
    await take(running, from('PRACK sip:x SIP/2.0', next, acknowledging(1, forged)), prack);
    await take(running, challenge('403 Forbidden', forged.branch, '2 PRACK'), ok);
    await running.clock.pass(5_000);
    expect(await outcome(running)).toMatchObject({ keys: KEYS, place: 1, asked: 1 });
  });

  it.each(['INFO', 'MESSAGE', 'OPTIONS'])(
    'R-67: I_MESSAGE_2 in %s is not asked about, though it was answered',
    async (method) => {
      const running = await df();
      await take(running, invite, progress, from(`${method} sip:x SIP/2.0`, I2));
      await take(running, to('SIP/2.0 200 OK', R2, { cseq: `9 ${method}` }));
      await running.clock.pass(120_000);
      expect(await outcome(running)).toMatchObject({ asked: 0, failures: 1 });
    },
  );
});

/** As carol would have answered it. */
function retargeted(message: string): string {
  const { header, payloads } = decodeMessage(fromBase64(message));
  const elsewhere = utf8('sip:carol@home2.example');
  const changed = payloads.map((payload) =>
    payload.kind === 'idr' && payload.role === 2 ? { ...payload, data: elsewhere } : payload,
  );
  return toBase64(encodeMessage({ header, payloads: changed }));
}

describe('Calls that go another way', () => {
  it('R-66: R_MESSAGE_1 in unreliable responses, repeated, and in the 200', async () => {
    const running = await df();
    const ringing = to(RINGING, R1);
    await take(running, invite, ringing, ringing, to(PROGRESS, R1), to('SIP/2.0 200 OK', R1));
    await take(running, from(UPDATE, I2), to('SIP/2.0 200 OK', R2, { cseq: '3 UPDATE' }));
    await running.clock.pass(120_000);
    expect(await outcome(running)).toEqual({ keys: KEYS, failures: 0, place: 1, asked: 1 });
  });

  it('R-66: a call that somebody else answered is asked about under who answered', async () => {
    const running = await df();
    running.kms.answer = () => keysOf(vector());
    await take(
      running,
      invite,
      to(PROGRESS, R1, reliable()),
      to(PROGRESS, retargeted(R1), reliable(2)),
      from('PRACK sip:x SIP/2.0', retargeted(I2), acknowledging(2)),
      to('SIP/2.0 200 OK', retargeted(R2), { cseq: '2 PRACK' }),
    );
    expect(running.kms.asked.map(({ rMessage1 }) => toBase64(rMessage1))).toEqual([retargeted(R1)]);
  });

  it('R-66: not-authorised is told at once, and does not end the question', async () => {
    const running = await df();
    let refusals = 3;
    running.kms.answer = () => (refusals-- > 0 ? { failureIndication: 'not-authorised' } : keysOf(vector()));
    await take(running, ...call());
    expect(await outcome(running)).toMatchObject({ keys: 0, failures: 1 });
    await running.clock.pass(300_000);
    expect(await outcome(running)).toMatchObject({ keys: KEYS, failures: 1, asked: 4 });
  });

  it('R-66: an answer that does not come for the likeliest keeps no other waiting for ever', async () => {
    const running = await df();
    running.kms.answer = (question) => {
      if (!isReal(question)) throw new Error('the KMS does not answer');
      return keysOf(vector());
    };
    const twin = to(PROGRESS, decoy(R1, 1), reliable());
    await take(running, invite, twin, progress, prack, ok);
    await running.clock.pass(11_000);
    expect((await outcome(running)).keys).toBe(KEYS);
  });

  it('R-66: budgets, reasons and what waits survive a restart', async () => {
    const running = await df();
    await take(running, invite, to(INFO, mixed(), {}, BACK), progress, prack);
    await running.kill();
    await running.clock.pass(HOLD_MS);
    await take(running, to(INFO, mixed(), {}, BACK), ok);
    await running.clock.pass(120_000);
    expect(await outcome(running)).toMatchObject({ keys: KEYS, failures: 1 });
  });
});

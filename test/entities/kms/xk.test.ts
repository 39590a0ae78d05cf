/** Who may ask over Xk, about whom and when; and that every question is on record. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { FairQueue } from '../../../src/bytes/fair-queue.ts';
import type { AuditEvent, AuditLog } from '../../../src/evidence/log.ts';
import { encodeGetKeysRequest } from '../../../src/wire/xk/get-keys.ts';
import type { GetKeysRequest, GetKeysResponse } from '../../../src/wire/xk/get-keys.ts';
import type { PermittedQuestion } from '../../../src/entities/kms/xk.ts';
import { MAX_QUESTIONS, QUESTION_REFILL, XkService } from '../../../src/entities/kms/xk.ts';
import { decodeMessage, encodeMessage } from '../../../src/mikey/message.ts';
import { ntpFromUnixMs } from '../../../src/mikey/ntp.ts';
import { exampleFile } from '../../support/shared.ts';
import type { Vector } from '../../ibake/support/vectors.ts';
import { requestOf } from './get-keys/support/questions.ts';
import { home, psk, exampleHome, exampleTime } from './support/home.ts';
import { StorageError } from '../../../src/storage/errors.ts';
import { silent } from '../../support/silent.ts';

const alice = exampleHome().user.uri;
const now = exampleTime();
const df = { commonName: 'df.home1.example', roles: ['df'], fingerprint: 'AA:BB', admitted: true };
const ANSWER: GetKeysResponse = { verified: true, cryptoSessions: [] };

const question = requestOf(exampleFile('exchange-1.json') as Vector, 'initiator');

let kms: Awaited<ReturnType<typeof home>>;
let asked: PermittedQuestion[];
let service: XkService;

function serve(
  compute: (question: PermittedQuestion) => Promise<GetKeysResponse>,
  audit: AuditLog = kms.audit,
) {
  const times = { sessionMemory: 86_400, retention: 7 * 86_400 };
  return new XkService(times, { store: kms.store, compute, audit, clock: kms.clock, logger: silent });
}

/** The message with another T, so many seconds from now. */
function stampedAt(octets: Uint8Array, seconds: number): Uint8Array {
  const { header, payloads } = decodeMessage(octets);
  const value = ntpFromUnixMs((now + seconds) * 1000);
  const moved = payloads.map((each) => (each.kind === 't' ? { ...each, value } : each));
  return encodeMessage({ header, payloads: moved });
}

function warrant(targets: string[], start = now - 100, end = now + 3600) {
  return kms.store.putWarrant({ xid: question.xid, periods: [{ targets, start, end }] });
}

const records = () => kms.audit.of('get-keys');
const last = (): AuditEvent => records().at(-1)!;

beforeEach(async () => {
  kms = await home();
  asked = [];
  service = serve((permitted) => {
    asked.push(permitted);
    return Promise.resolve(ANSWER);
  });
  await kms.enrol({
    id: 'alice',
    publicIdentities: [alice, 'sip:work@home1.example'],
    aliases: ['tel:+15551001'],
    devices: [{ credential: 'alice-1', psk: psk(1), identity: alice }],
  });
  await kms.enrol({ id: 'carol', publicIdentities: ['sip:carol@home1.example'], aliases: [], devices: [] });
  await warrant([alice]);
});

describe('a question that may be answered', () => {
  it('reaches the computation with the addresses that the task covers, and is on record', async () => {
    expect(await service.answer(df, question)).toEqual(ANSWER);
    expect(asked[0]?.subscriber).toBe('alice');
    expect([...asked[0]!.covered]).toEqual([alice]);
    expect(records()).toMatchObject([
      {
        outcome: 'answered',
        verified: true,
        client: df.commonName,
        xid: question.xid,
        target: alice,
        beforeStart: false,
      },
    ]);
  });

  it.each([
    ['tel: alias in the task', ['tel:+15551001'], alice, [alice]],
    ['tel: alias in the question', [alice], 'tel:+1-555-1001', [alice]],
    ['tel: alias in both', ['tel:+15551001'], 'tel:+15551001', [alice, 'sip:work@home1.example']],
    ['another form of the URI', [alice], `${alice.replace('sip:', 'sips:')};transport=tcp`, [alice]],
  ])('%s', async (_, targets, targetKmsIdentity, covered) => {
    await warrant(targets);
    expect(await service.answer(df, { ...question, targetKmsIdentity })).toEqual(ANSWER);
    expect([...asked[0]!.covered]).toEqual(covered);
  });

  it('may be repeated for ever, and is recorded every time', async () => {
    for (let i = 0; i < MAX_QUESTIONS + 8; i++) expect(await service.answer(df, question)).toEqual(ANSWER);
    expect(records()).toHaveLength(MAX_QUESTIONS + 8);
    expect(new Set(records().map((record) => record['question'])).size).toBe(1);
  });

  it('R-66: a T of I_MESSAGE_2 that a party has put where no warrant is keeps no keys back', async () => {
    await warrant([alice], now - 100, now + 60);
    for (const seconds of [86_400, 60]) {
      const [iMessage2, rMessage2] = [question.iMessage2!, question.rMessage2!].map((octets) =>
        stampedAt(octets, seconds),
      );
      expect(await service.answer(df, { ...question, iMessage2: iMessage2!, rMessage2: rMessage2! })).toEqual(
        ANSWER,
      );
    }
  });

  it('about a call that was up before the task began needs midCall, and the record says so', async () => {
    await warrant([alice], now + 10);
    kms.clock.advance(20_000);
    expect(await service.answer(df, question)).toEqual({ failureIndication: 'not-authorised' });
    expect(await service.answer(df, { ...question, midCall: true })).toEqual(ANSWER);
    expect(last()).toMatchObject({ outcome: 'answered', midCall: true, beforeStart: true });
  });
});

describe('refused alike, on record with the reason', () => {
  const refused = async (client: typeof df, request: GetKeysRequest, reason: string) => {
    expect(await service.answer(client, request)).toEqual({ failureIndication: 'not-authorised' });
    expect(last()).toMatchObject({ outcome: 'refused', failure: 'not-authorised', reason, xid: request.xid });
    expect(asked).toHaveLength(0);
  };

  it('a client without the role', () => refused({ ...df, roles: ['lemf', 'kms'] }, question, 'client-role'));

  it('a target that is not provisioned at this KMS', () =>
    refused(df, { ...question, xid: '00000000-0000-4000-8000-000000000000' }, 'unknown-task'));

  it('a subscriber that the task does not cover', () =>
    refused(df, { ...question, targetKmsIdentity: 'sip:carol@home1.example' }, 'target-not-covered'));

  it('another address of the same subscriber', () =>
    refused(df, { ...question, targetKmsIdentity: 'sip:work@home1.example' }, 'target-not-covered'));

  it('an identity of nobody, and one that is no URI', async () => {
    await refused(df, { ...question, targetKmsIdentity: 'sip:zoe@home1.example' }, 'target-not-covered');
    await refused(df, { ...question, targetKmsIdentity: 'zoe' }, 'target-not-covered');
  });

  it('before the task begins', async () => {
    await warrant([alice], now + 10);
    await refused(df, { ...question, midCall: true }, 'outside-validity');
  });

  it('after its end, for T that lay after it', async () => {
    await warrant([alice], now - 100, now - 10);
    await refused(df, question, 'outside-validity');
  });

  it('after its end, for an update after it of a call that lay in force', async () => {
    const update = (seconds: number) => ({
      iMessage1: stampedAt(question.iMessage1, seconds),
      rMessage1: stampedAt(question.rMessage1, seconds),
    });
    await warrant([alice], now - 100, now + 60);
    kms.clock.advance(120_000);
    expect(await service.answer(df, { ...question, updates: [update(30)] })).toEqual(ANSWER);
    asked = [];
    await refused(df, { ...question, updates: [update(30), update(90)] }, 'outside-validity');
  });

  it('for an ESK that was drawn after its end', async () => {
    await warrant([alice], now - 100, now + 60);
    const { header, payloads } = decodeMessage(stampedAt(question.iMessage2!, 3600));
    const esk = { kind: 'esk', encrData: new Uint8Array(4) } as const;
    const iMessage2 = encodeMessage({ header, payloads: [...payloads, esk] });
    await refused(df, { ...question, iMessage2 }, 'outside-validity');
  });

  it('after its end and retention', async () => {
    await warrant([alice], now - 100, now + 10);
    kms.clock.advance((7 * 86_400 + 60) * 1000);
    await refused(df, question, 'outside-validity');
  });

  it('that the store is away is logged once, however many ask, and when it is back', async () => {
    const lines: string[] = [];
    const put = (_: object, message: string): void => void lines.push(message);
    const logger = { ...silent, info: put, warn: put, error: put };
    const away = new StorageError('unavailable', 'the database cannot be reached');
    const asking = vi.spyOn(kms.store, 'warrant').mockRejectedValue(away);
    const times = { sessionMemory: 86_400, retention: 7 * 86_400 };
    const compute = () => Promise.resolve(ANSWER);
    const { store, audit, clock } = kms;
    const xk = new XkService(times, { store, compute, audit, clock, logger });
    await warrant([alice]);
    const later = { failureIndication: 'temporarily-unavailable' };
    for (let n = 0; n < 5; n++) expect(await xk.answer(df, question)).toEqual(later);
    expect(lines).toEqual(['get_keys: records cannot be had']);
    asking.mockRestore();
    expect(await xk.answer(df, question)).toEqual(ANSWER);
    expect(lines).toEqual(['get_keys: records cannot be had', 'get_keys: records can be had again']);
  });

  it('R-66: decoys that fill an exchange’s places keep the real question out for the moment, never for good', async () => {
    const variant = (i: number) => ({ ...question, rMessage2: Uint8Array.from([...question.rMessage1, i]) });
    const altered = (i: number) => {
      const { header, payloads } = decodeMessage(question.rMessage1);
      return { ...question, rMessage1: encodeMessage({ header: { ...header, csbId: i }, payloads }) };
    };
    const later = { failureIndication: 'temporarily-unavailable' };
    for (let i = 0; i < MAX_QUESTIONS; i++) expect(await service.answer(df, altered(i))).toEqual(ANSWER);
    asked = [];
    expect(await service.answer(df, altered(99))).toEqual(later);
    expect(last()).toMatchObject({ outcome: 'refused', reason: 'too-many-questions' });
    expect(await service.answer(df, { ...altered(98), targetKmsIdentity: 'tel:+15551001' })).toEqual(later);
    expect(asked).toHaveLength(0);
    expect(await service.answer(df, variant(1))).toEqual({ failureIndication: 'messages-inconsistent' });
    expect(await service.answer(df, altered(3))).toEqual(ANSWER);
    kms.clock.advance((QUESTION_REFILL + 1) * 1000);
    expect(await service.answer(df, altered(99))).toEqual(ANSWER);
    // One place at a time comes back: no oracle for whoever waits.
    expect(await service.answer(df, altered(98))).toEqual(later);
  });

  it('R-66: but each exchange and each update with IBAKE has places of its own', async () => {
    const stamped = (octets: Uint8Array, seconds: number, csbId: number) => {
      const { header, payloads } = decodeMessage(octets);
      const value = ntpFromUnixMs((now + seconds) * 1000);
      const moved = payloads.map((each) => (each.kind === 't' ? { ...each, value } : each));
      return encodeMessage({ header: { ...header, csbId }, payloads: moved });
    };
    const bare = (octets: Uint8Array) => {
      const { header, payloads } = decodeMessage(octets);
      return encodeMessage({ header, payloads: payloads.filter(({ kind }) => kind !== 'ibake') });
    };
    const rekeying = (seconds: number, variant = 0) => ({
      iMessage1: stamped(question.iMessage1, seconds, 7),
      rMessage1: stamped(question.rMessage1, seconds, variant),
    });
    const adding = (seconds: number, variant: number) => {
      const { iMessage1, rMessage1 } = rekeying(seconds, variant);
      return { iMessage1: bare(iMessage1), rMessage1: bare(rMessage1) };
    };
    const answered = (updates: GetKeysRequest['updates']) => service.answer(df, { ...question, updates });
    for (let n = 0; n < MAX_QUESTIONS; n++) expect(await answered([rekeying(10, n)])).toEqual(ANSWER);
    const refusal = { failureIndication: 'temporarily-unavailable' };
    expect(await answered([rekeying(10, 99)])).toEqual(refusal);
    // What adds crypto sessions alone counts with the keys that they are of.
    expect(await answered([rekeying(10), adding(20, 1)])).toEqual(refusal);
    for (let n = 0; n < MAX_QUESTIONS; n++)
      expect(await answered([rekeying(20), adding(30, n)])).toEqual(ANSWER);
    expect(await answered([rekeying(20), adding(40, 99)])).toEqual(refusal);
    for (let n = 0; n < MAX_QUESTIONS; n++) expect(await answered([adding(50, n)])).toEqual(ANSWER);
    expect(await answered([])).toEqual(refusal);
  });

  it('any but 32 of many distinct questions that are put at once', async () => {
    const waiting: (() => void)[] = [];
    const slow = serve((permitted) => {
      asked.push(permitted);
      return new Promise((resolve) => waiting.push(() => resolve(ANSWER)));
    });
    const { header, payloads } = decodeMessage(question.rMessage1);
    const all = Array.from({ length: MAX_QUESTIONS + 8 }, (_, csbId) =>
      slow.answer(df, {
        ...question,
        rMessage1: encodeMessage({ header: { ...header, csbId }, payloads }),
      }),
    );
    await expect.poll(() => records().length + waiting.length).toBe(MAX_QUESTIONS + 8);
    expect(asked).toHaveLength(MAX_QUESTIONS);
    expect(records().every(({ reason }) => reason === 'too-many-questions')).toBe(true);
    for (const answer of waiting) answer();
    const answers = await Promise.all(all);
    expect(answers.filter((each) => 'failureIndication' in each)).toHaveLength(8);
    expect(records().filter(({ outcome }) => outcome === 'answered')).toHaveLength(MAX_QUESTIONS);
  });
});

describe('what cannot be read', () => {
  it.each(['iMessage1', 'rMessage1', 'iMessage2', 'rMessage2'] as const)(
    '%s cut short anywhere',
    async (name) => {
      const octets = question[name]!;
      for (let length = 0; length < octets.length; length += 7) {
        const cut = { ...question, [name]: octets.subarray(0, length) };
        expect(await service.answer(df, cut)).toEqual({ failureIndication: 'messages-inconsistent' });
      }
      expect(asked).toHaveLength(0);
      expect(records().every(({ outcome }) => outcome === 'refused')).toBe(true);
    },
  );

  it('is not looked at for a client that may not ask', async () => {
    const cut = { ...question, iMessage1: new Uint8Array(3) };
    expect(await service.answer({ ...df, roles: [] }, cut)).toEqual({ failureIndication: 'not-authorised' });
  });
});

describe('R-72: a client that may not ask', () => {
  it.each([
    ['role', { ...df, roles: ['lemf'] }],
    ['name', { ...df, admitted: false }],
  ])('cannot fill the log: no %s', async (_, stranger) => {
    for (let n = 0; n < 200; n++) {
      expect(await service.answer(stranger, question)).toEqual({ failureIndication: 'not-authorised' });
      expect(await service.ask(stranger, '{')).toBeNull();
    }
    expect(records().length).toBeGreaterThan(10);
    expect(records().length).toBeLessThan(25);
  });

  it('who may ask is recorded in full', async () => {
    for (let n = 0; n < 200; n++) expect(await service.ask(df, '{')).toBeNull();
    expect(records()).toHaveLength(200);
  });
});

describe('the record comes first', () => {
  it('no answer leaves that could not be recorded', async () => {
    const broken: AuditLog = {
      append: () => {
        throw new Error('disk full');
      },
    };
    await expect(serve(() => Promise.resolve(ANSWER), broken).answer(df, question)).rejects.toThrow(
      'disk full',
    );
  });

  it('R-27: no answer leaves before its record is durable, and other questions have their turn meanwhile', async () => {
    const syncs: (() => void)[] = [];
    const audit: AuditLog = {
      append: () => {
        throw new Error('holds up everybody');
      },
      appendSoon: () => new Promise((resolve) => syncs.push(resolve)),
    };
    const turns = new FairQueue({ atOnce: 1, each: 8, all: 8 });
    const ports = { store: kms.store, compute: () => Promise.resolve(ANSWER), clock: kms.clock };
    const times = { sessionMemory: 86_400, retention: 7 * 86_400 };
    const xk = new XkService(times, { ...ports, audit, logger: silent, turns });
    const answers: unknown[] = [];
    const text = encodeGetKeysRequest(question);
    const asked = [1, 2].map(() => xk.ask(df, text).then((answer) => answers.push(answer)));
    await expect.poll(() => syncs.length).toBe(2);
    expect(answers).toEqual([]);
    for (const sync of syncs) sync();
    await Promise.all(asked);
    expect(answers).toEqual([ANSWER, ANSWER]);
  });

  it('a computation that fails is a failure for the moment, on record', async () => {
    const failing = serve(() => Promise.reject(new Error('boom')));
    expect(await failing.answer(df, question)).toEqual({ failureIndication: 'temporarily-unavailable' });
    expect(last()).toMatchObject({
      outcome: 'refused',
      failure: 'temporarily-unavailable',
      reason: 'failed',
    });
  });
});

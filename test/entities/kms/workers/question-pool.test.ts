/** Questions of delivery functions on threads and in turns of their own. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { GetKeys } from '../../../../src/entities/kms/get-keys/get-keys.ts';
import type { KmsErrorCode } from '../../../../src/entities/kms/errors.ts';
import { KmsRecords } from '../../../../src/entities/kms/records.ts';
import { CappedTurns } from '../../../../src/entities/kms/workers/capped-turns.ts';
import { QuestionPool } from '../../../../src/entities/kms/workers/question-pool.ts';
import { inThreads } from '../../../../src/entities/kms/workers/start-questions.ts';
import { likelyRecords, readQuestion } from '../../../../src/entities/kms/asked-question.ts';
import { XkService } from '../../../../src/entities/kms/xk.ts';
import { encodeGetKeysRequest, encodeGetKeysResponse } from '../../../../src/wire/xk/get-keys.ts';
import type { GetKeysResponse } from '../../../../src/wire/xk/get-keys.ts';
import type { Vector } from '../../../ibake/support/vectors.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { exampleFile } from '../../../support/shared.ts';
import { silent } from '../../../support/silent.ts';
import { requestOf } from '../get-keys/support/questions.ts';
import { engineGenerator, exampleHome, exampleTime, home, psk } from '../support/home.ts';

const DAY = 86_400;
const alice = exampleHome().user.uri;
const now = exampleTime();
const request = requestOf(exampleFile('exchange-1.json') as Vector, 'initiator');
const question = { request, subscriber: 'alice', covered: new Set([alice]) };
const df = (name: string) => ({ commonName: name, roles: ['df'], fingerprint: name, admitted: true });
const code = (value: KmsErrorCode): Error => expect.objectContaining({ code: value }) as Error;
const spelt = (response: GetKeysResponse): string =>
  Buffer.from(encodeGetKeysResponse(response as never).expose()).toString();

let kms: Awaited<ReturnType<typeof home>>;
let records: KmsRecords;
let pool: QuestionPool;

beforeAll(async () => {
  kms = await home();
  const devices = [{ credential: 'alice-1', psk: psk(1), identity: alice }];
  await kms.enrol({ id: 'alice', publicIdentities: [alice], aliases: [], devices });
  await kms.store.putWarrant({
    xid: request.xid,
    periods: [{ targets: [alice], start: now - 60, end: now + 3600 }],
  });
  const period = Math.floor(now / DAY) * DAY;
  await kms.store.issueSeed({ uri: alice, period, serial: exampleHome().serial, credential: 'alice-1' });
  records = new KmsRecords(kms.district, kms.roots, kms.store);
  pool = new QuestionPool({ workers: 1, logger: silent, records, serials: kms.district.serials });
});

afterAll(() => pool.close());

function service(turns: CappedTurns) {
  const { store, audit, clock } = kms;
  return new XkService(
    { sessionMemory: DAY, retention: DAY },
    {
      ...{ store, audit, clock, logger: silent, turns },
      read: (text, signal) => pool.read(text, signal),
      compute: (asked) => pool.answer(asked),
    },
  );
}

describe('R-67: a worker for questions', () => {
  it('reads a question and answers it as the KMS itself does, with the records that it asks for', async () => {
    const text = encodeGetKeysRequest(request);
    expect(await pool.read(text)).toEqual(readQuestion(text));
    const expected = await new GetKeys(records, engineGenerator()).answer(question);
    const answer = await pool.answer(question);
    expect(spelt(answer)).toBe(spelt(expected));
    expect(answer).toMatchObject({ verified: true });
  });

  it('is given the records that the messages speak of, and asks for none of them', async () => {
    const [seed, root] = [vi.spyOn(records, 'issuedSeed'), vi.spyOn(records, 'liRoot')];
    const exchange = readQuestion(encodeGetKeysRequest(request))!.exchange!;
    const likely = likelyRecords(exchange, question.covered);
    expect(likely.devices).toEqual([alice]);
    const expected = await new GetKeys(records, engineGenerator()).answer(question);
    const asked = [seed.mock.calls.length, root.mock.calls.length];
    expect(asked).toEqual([2, 1]);
    expect(spelt(await pool.answer({ ...question, likely }))).toBe(spelt(expected));
    expect([seed.mock.calls.length, root.mock.calls.length]).toEqual([3, 2]);
    root.mockResolvedValue({ state: 'destroyed' });
    expect(await pool.answer({ ...question, likely })).toEqual({ failureIndication: 'epoch-destroyed' });
    seed.mockRestore();
    root.mockRestore();
  });

  it('says what is not a question, and what has no answer', async () => {
    expect(await pool.read('{')).toBeNull();
    expect(await pool.read('x'.repeat(52_000))).toBeNull();
    const cut = { ...request, rMessage1: request.rMessage1.subarray(0, 80) };
    const expected = { failureIndication: 'messages-inconsistent' };
    expect(await pool.answer({ ...question, request: cut })).toEqual(expected);
  });

  it('parameters that its engine refuses do not end it', async () => {
    const [serial] = kms.district.serials;
    const later = { ...serial!, notBefore: now + DAY, bf: { ...serial!.bf, q: serial!.bf.q + 2n } };
    const warn = vi.fn();
    const serials = [later, ...kms.district.serials];
    const other = new QuestionPool({ workers: 1, logger: { ...silent, warn }, records, serials });
    expect(await other.answer(question)).toMatchObject({ verified: true });
    await other.close();
    expect(warn).not.toHaveBeenCalled();
  });

  it('a record that cannot be had fails the question, and the next one is answered', async () => {
    const liRoot = vi.spyOn(records, 'liRoot').mockRejectedValueOnce(new Error('disk'));
    await expect(pool.answer(question)).rejects.toEqual(code('unavailable'));
    expect(await pool.answer(question)).toMatchObject({ verified: true });
    expect(liRoot).toHaveBeenCalled();
    liRoot.mockRestore();
  });

  it('a destroyed root is told apart', async () => {
    const liRoot = vi.spyOn(records, 'liRoot').mockResolvedValue({ state: 'destroyed' });
    expect(await pool.answer(question)).toEqual({ failureIndication: 'epoch-destroyed' });
    liRoot.mockRestore();
  });

  it('a question that is withdrawn has no answer', async () => {
    const gone = new AbortController();
    const asked = pool.answer(question, gone.signal);
    gone.abort();
    await expect(asked).rejects.toEqual(code('cancelled'));
    expect(await pool.answer(question)).toMatchObject({ verified: true });
  });
});

describe('R-67: turns of delivery functions', () => {
  it('one that floods makes no other wait; what exceeds the queue is refused for the moment, and counted', async () => {
    const turns = new CappedTurns({ atOnce: 1, queue: 20, share: 100 }, kms.clock);
    const xk = service(turns);
    const text = encodeGetKeysRequest(request);
    const order: string[] = [];
    const ask = (name: string) =>
      xk.ask(df(name), text).then((response) => {
        order.push(name);
        return response;
      });
    const flood = Array.from({ length: 40 }, () => ask('df.flood'));
    const other = ask('df.other');
    expect(await other).toMatchObject({ verified: true });
    expect(order.filter((name) => name === 'df.flood' && order.indexOf('df.other') > 25).length).toBe(0);
    const failed = (await Promise.all(flood)).filter(
      (each) =>
        each !== null && 'failureIndication' in each && each.failureIndication === 'temporarily-unavailable',
    );
    expect(failed).toHaveLength(20);
    expect(turns.refused).toBe(20);
    // On record, each at first, then counted.
    expect(kms.audit.of('get-keys').filter(({ reason }) => reason === 'busy').length).toBeGreaterThan(10);
  });

  it('after each piece of work there is a rest, so that no more than the share is taken', async () => {
    const clock = new ManualClock(0);
    const turns = new CappedTurns({ atOnce: 1, queue: 8, share: 25 }, clock);
    const begun: number[] = [];
    const work = (): Promise<void> => {
      begun.push(clock.now());
      clock.advance(10);
      return Promise.resolve();
    };
    // Answers do not wait for the rest.
    await turns.run('a', work);
    const next = turns.run('a', work);
    const settled = () => new Promise((resolve) => setImmediate(resolve));
    await settled();
    clock.advance(29);
    await settled();
    expect(begun).toEqual([0]);
    clock.advance(1);
    await next;
    expect(begun).toEqual([0, 40]);
  });

  it('R-67: while a thread answers one question the next is prepared; the thread begins it after its rest', async () => {
    const clock = new ManualClock(0);
    const begun: number[] = [];
    const answers: (() => void)[] = [];
    const answer = (): Promise<GetKeysResponse> =>
      new Promise((resolve) => {
        begun.push(clock.now());
        answers.push(() => resolve({ failureIndication: 'target-not-party' }));
      });
    const settings = { workers: 1, queue: 8, share: 50 };
    const { turns, compute } = inThreads(settings, { read: () => Promise.resolve(null), answer }, clock);
    const prepared: string[] = [];
    const asked = ['first', 'second', 'third'].map((name) =>
      turns.run('df', () => {
        prepared.push(name);
        return compute(question);
      }),
    );
    const settled = () => new Promise((resolve) => setImmediate(resolve));
    await settled();
    expect([prepared, begun]).toEqual([['first', 'second'], [0]]);
    clock.advance(10);
    answers[0]!();
    await asked[0];
    await settled();
    expect([prepared, begun]).toEqual([['first', 'second', 'third'], [0]]);
    clock.advance(9);
    await settled();
    expect(begun).toEqual([0]);
    clock.advance(1);
    await settled();
    expect(begun).toEqual([0, 20]);
  });
});

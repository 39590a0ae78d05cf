/** Questions whose asker gives up before the answer is there, and asks again. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/bytes/secret.ts';
import type { PermittedQuestion, XkPeer } from '../../../src/entities/kms/xk.ts';
import { XkService } from '../../../src/entities/kms/xk.ts';
import type { GetKeysAnswer, GetKeysResponse } from '../../../src/wire/xk/get-keys.ts';
import { exampleFile } from '../../support/shared.ts';
import { silent } from '../../support/silent.ts';
import type { Vector } from '../../ibake/support/vectors.ts';
import { requestOf } from './get-keys/support/questions.ts';
import { exampleHome, exampleTime, home, psk } from './support/home.ts';

const alice = exampleHome().user.uri;
const now = exampleTime();
const question = requestOf(exampleFile('exchange-1.json') as Vector, 'initiator');
const df: XkPeer = { commonName: 'df', roles: ['df'], fingerprint: 'AA', admitted: true };
const LATER = { failureIndication: 'temporarily-unavailable' };

/** Answers that are computed, each of which waits to be let go. */
const computing: { readonly question: PermittedQuestion; readonly done: () => void }[] = [];
let kms: Awaited<ReturnType<typeof home>>;
let service: XkService;

function answer(): GetKeysAnswer {
  const [sessionKey, salt] = [16, 14].map((length) => Secret.of(new Uint8Array(length).fill(7)));
  return { verified: true, cryptoSessions: [{ csId: 1, sessionKey, salt }] } as unknown as GetKeysAnswer;
}

/** As often as what is asked needs to come to the computation, or to its answer. */
const breathe = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

const outcomes = (): unknown[] => kms.audit.of('get-keys').map(({ outcome, reason }) => reason ?? outcome);

beforeEach(async () => {
  computing.splice(0);
  kms = await home();
  const compute = (asked: PermittedQuestion): Promise<GetKeysResponse> =>
    new Promise((resolve) => computing.push({ question: asked, done: () => resolve(answer()) }));
  const { store, audit, clock } = kms;
  const times = { sessionMemory: 86_400, retention: 86_400 };
  service = new XkService(times, { store, compute, audit, clock, logger: silent });
  const device = { credential: 'alice-1', psk: psk(1), identity: alice };
  await kms.enrol({ id: 'alice', publicIdentities: [alice], aliases: [], devices: [device] });
  await store.putWarrant({
    xid: question.xid,
    periods: [{ targets: [alice], start: now - 60, end: now + 60 }],
  });
});

describe('R-67: a question whose answer takes longer than its asker waits', () => {
  it('is computed once, and is the answer of whoever asks that again; each is on record', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const asked = [service.answer(df, question, first.signal)];
    await breathe();
    first.abort();
    asked.push(service.answer(df, question, second.signal));
    await breathe();
    second.abort();
    asked.push(service.answer(df, question));
    await breathe();
    expect(computing).toHaveLength(1);
    computing[0]?.done();
    expect(await Promise.all(asked)).toEqual([LATER, LATER, answer()]);
    expect(outcomes().toSorted()).toEqual(['answered', 'cancelled', 'cancelled']);
    expect(service.untaken).toEqual({ taken: 1, dropped: 0 });
  });

  it('also where it was there before that; it is given once', async () => {
    const gone = new AbortController();
    const first = service.answer(df, question, gone.signal);
    await breathe();
    gone.abort();
    computing[0]?.done();
    expect(await first).toEqual(LATER);
    expect(await service.answer(df, question)).toEqual(answer());
    const third = service.answer(df, question);
    await breathe();
    expect(computing).toHaveLength(2);
    computing[1]?.done();
    expect(await third).toEqual(answer());
  });

  it('is not for whoever asks something else, nor once the task does not cover it any more', async () => {
    const gone = new AbortController();
    const first = service.answer(df, question, gone.signal);
    await breathe();
    gone.abort();
    computing[0]?.done();
    await first;
    const other = service.answer(df, { ...question, rMessage2: null });
    await breathe();
    expect(computing).toHaveLength(2);
    computing[1]?.done();
    expect(await other).toEqual(answer());
    await kms.store.putWarrant({ xid: question.xid, periods: [] });
    expect(await service.answer(df, question)).toEqual({ failureIndication: 'not-authorised' });
    service.close();
    expect(service.untaken).toEqual({ taken: 0, dropped: 1 });
  });

  it('two that wait for the same at once have it computed for each', async () => {
    const asked = [service.answer(df, question), service.answer(df, question)];
    await breathe();
    expect(computing).toHaveLength(2);
    for (const { done } of computing) done();
    expect(await Promise.all(asked)).toEqual([answer(), answer()]);
    expect(service.untaken).toEqual({ taken: 0, dropped: 0 });
  });
});

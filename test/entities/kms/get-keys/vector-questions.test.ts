/** Questions and answers of the sets about updates and about content left with a mailbox (profile, sections 6.2 and 6.4). */
import { describe, expect, it } from 'vitest';
import { fromBase64, fromUtf8, toHex } from '../../../../src/bytes/octets.ts';
import { deferredSessions } from '../../../../src/ibake/session-keys.ts';
import { readPolicies } from '../../../../src/ibake/policy.ts';
import { readIMessage1, readRMessage1 } from '../../../../src/ibake/messages.ts';
import { Secret } from '../../../../src/bytes/secret.ts';
import { fromHex } from '../../../../src/bytes/octets.ts';
import type { GetKeysRequest } from '../../../../src/wire/xk/get-keys.ts';
import { encodeGetKeysResponse, isGetKeysFailure } from '../../../../src/wire/xk/get-keys.ts';
import { vectorFile, vectorFiles } from '../../../support/shared.ts';
import { homeOf, type VectorHomeFile } from '../../../ibake/support/vectors.ts';
import { TestRecords, ask, rememberingEngine } from './support/kms.ts';

interface QuestionNames {
  readonly iMessage1: string;
  readonly rMessage1: string;
  readonly iMessage2?: string;
  readonly rMessage2?: string;
  readonly updates?: readonly { readonly iMessage1: string; readonly rMessage1: string }[];
}

interface Asked {
  readonly party?: string;
  readonly kms: string;
  readonly target: string;
  readonly question: QuestionNames;
}

type Messages = Readonly<Record<string, { readonly message: string }>>;

interface QuestionSet {
  readonly csbId: number;
  readonly rand: string;
  readonly prfFunc: number;
  readonly kms: Readonly<Record<string, VectorHomeFile>>;
  readonly messages: Messages;
  readonly altered?: Readonly<Record<string, string>>;
  readonly updates?: readonly {
    readonly number: number;
    readonly messages: Messages;
    readonly getKeys: Answered[];
  }[];
  readonly getKeys: readonly Answered[];
  readonly getKeysRefused?: readonly (Asked & { readonly why: string; readonly failure: string })[];
  readonly deferred?: {
    readonly sk: string;
    readonly cryptoSessions: readonly {
      readonly csId: number;
      readonly tek: string;
      readonly salt: string;
    }[];
  };
}

interface Answered extends Asked {
  readonly answer: { readonly verified: boolean; readonly cryptoSessions: readonly object[] };
}

/** A message by its name in the set. */
function named(set: QuestionSet, name: string): Uint8Array {
  const [, number, own] = /^updates\/(\d+)\/(.+)$/.exec(name) ?? [];
  const update = set.updates?.find((each) => String(each.number) === number);
  const base64 =
    own === undefined ? (set.altered?.[name] ?? set.messages[name]?.message) : update?.messages[own]?.message;
  if (base64 === undefined) throw new Error(`no message ${name}`);
  return fromBase64(base64);
}

function requestOf(set: QuestionSet, { target, question }: Asked): GetKeysRequest {
  const { iMessage1, rMessage1, iMessage2, rMessage2, updates = [] } = question;
  return {
    targetKmsIdentity: target,
    xid: '29f28e1c-f230-486a-a860-f5a784ab9172',
    iMessage1: named(set, iMessage1),
    rMessage1: named(set, rMessage1),
    iMessage2: iMessage2 === undefined ? null : named(set, iMessage2),
    rMessage2: rMessage2 === undefined ? null : named(set, rMessage2),
    updates: updates.map((update) => ({
      iMessage1: named(set, update.iMessage1),
      rMessage1: named(set, update.rMessage1),
    })),
    midCall: false,
  };
}

/** Whom it is about, and the messages that it carries beside the first two. */
function nameOf({ party, question: { iMessage2 = '', rMessage2 = '', updates = [] } }: Answered): string {
  return [`${party}:`, iMessage2, rMessage2, ...updates.map(({ rMessage1 }) => rMessage1)].join(' ');
}

const engine = rememberingEngine();

/** The answer as it goes over Xk, keys in hex as in the set. */
async function answerTo(set: QuestionSet, asked: Asked): Promise<unknown> {
  const file = set.kms[asked.kms]!;
  // Whom content was left for needs no seed.
  const devices = asked.kms === 'recipient' ? [] : file.users.map(({ uri }) => uri);
  const records = new TestRecords(homeOf(file), devices);
  const response = await ask(records, requestOf(set, asked), [asked.target], engine);
  if (isGetKeysFailure(response)) return response.failureIndication;
  const json = JSON.parse(fromUtf8(encodeGetKeysResponse(response).expose())) as Answered['answer'];
  const sessions = json.cryptoSessions as readonly { readonly sessionKey: string; readonly salt: string }[];
  const inHex = sessions.map((session) => ({
    ...session,
    sessionKey: toHex(fromBase64(session.sessionKey)),
    salt: toHex(fromBase64(session.salt)),
  }));
  return { ...json, cryptoSessions: inHex };
}

describe.each(vectorFiles(/^exchange-(?:update|deferred)-.*\.json$/))('%s', (name) => {
  const set = vectorFile(name) as QuestionSet;
  const questions = [...set.getKeys, ...(set.updates ?? []).flatMap(({ getKeys }) => getKeys)];

  it.each(questions.map((asked) => [nameOf(asked), asked] as const))(
    'R-43, R-45, R-66: the answer to the %s',
    async (_, asked) => {
      expect(await answerTo(set, asked)).toEqual(asked.answer);
    },
  );

  it.each((set.getKeysRefused ?? []).map((asked) => [asked.why, asked] as const))(
    'refused: %s',
    async (_, asked) => {
      expect(await answerTo(set, asked)).toBe(asked.failure);
    },
  );

  const content = set.deferred;
  if (content === undefined) return;

  it('R-45: the keys of content left with a mailbox follow from the SK', () => {
    const { csbId, prfFunc } = set;
    const { policies } = readIMessage1(named(set, 'I_MESSAGE_1'));
    const { map } = readRMessage1(named(set, 'R_MESSAGE_1'));
    const csb = { csbId, prfFunc, rand: fromHex(set.rand) };
    const sk = Secret.of(fromHex(content.sk));
    const sessions = deferredSessions(sk, csb, map, readPolicies(policies, prfFunc), null);
    const inHex = sessions.map(({ csId, tek, salt }) => ({
      csId,
      tek: toHex(tek.expose()),
      salt: toHex(salt.expose()),
    }));
    expect(content.cryptoSessions).toMatchObject(inHex);
    expect(inHex).toHaveLength(content.cryptoSessions.length);
  });
});

/** Questions and answers of the sets of vectors that have such (profile, sections 6.2 and 6.4): for every party, and refused. */
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../../src/bytes/octets.ts';
import { Secret } from '../../../../src/bytes/secret.ts';
import { readIMessage1, readRMessage1 } from '../../../../src/ibake/messages.ts';
import { readPolicies } from '../../../../src/ibake/policy.ts';
import { deferredSessions } from '../../../../src/ibake/session-keys.ts';
import { vectorFile, vectorFiles } from '../../../support/shared.ts';
import type { AnsweredForm, ExchangeForm } from '../../../vector-sets/form.ts';
import { rememberingEngine } from './support/kms.ts';
import { answerTo, messageNamed } from './support/set-questions.ts';

/** Whom it is about, and the messages that it carries beside the first two. */
function nameOf({ party, question: { iMessage2 = '', rMessage2 = '', updates = [] } }: AnsweredForm): string {
  return [`${party}:`, iMessage2, rMessage2, ...updates.map(({ rMessage1 }) => rMessage1)].join(' ');
}

const engine = rememberingEngine();

/** Sets that ask nothing are asked about in `vectors.test.ts`. */
const SETS = vectorFiles(/^exchange-.*\.json$/)
  .map((name) => [name, vectorFile(name) as ExchangeForm] as const)
  .filter(([, { getKeys }]) => getKeys !== undefined);

describe.each(SETS)('%s', (_, set) => {
  const questions = [...(set.getKeys ?? []), ...(set.updates ?? []).flatMap(({ getKeys }) => getKeys)];

  it.each(questions.map((asked) => [nameOf(asked), asked] as const))(
    'R-43, R-45, R-66: the answer to the %s',
    async (_, asked) => {
      expect(await answerTo(set, asked, engine)).toEqual(asked.answer);
    },
  );

  it.each((set.getKeysRefused ?? []).map((asked) => [asked.why, asked] as const))(
    'refused: %s',
    async (_, asked) => {
      expect(await answerTo(set, asked, engine)).toBe(asked.failure);
    },
  );

  const content = set.deferred;
  if (content === undefined) return;

  it('R-45: the keys of content left with a mailbox follow from the SK', () => {
    const { csbId, prfFunc } = set;
    const { policies } = readIMessage1(messageNamed(set, 'I_MESSAGE_1'));
    const { map } = readRMessage1(messageNamed(set, 'R_MESSAGE_1'));
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

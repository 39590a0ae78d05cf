/**
 * Altered questions. One octet altered, exhaustively, for both parties: within what this KMS opens or binds, refused;
 * elsewhere, refused or the very same keys. Never other keys. Truncated anywhere: refused.
 */
import { describe, expect, it } from 'vitest';
import { FILES, isMissing, loadVector } from '../../ibake/support/vectors.ts';
import { ask, rememberingEngine, spelt } from './support/kms.ts';
import { PARTS, recordsOf, requestOf } from './support/questions.ts';

const MESSAGES = ['iMessage1', 'rMessage1', 'iMessage2', 'rMessage2'] as const;

/** Messages every octet of which is covered by a container that the party's KMS opens, or by V. */
const COVERED = {
  initiator: ['iMessage1', 'rMessage1', 'rMessage2'],
  responder: ['iMessage1', 'rMessage1', 'iMessage2', 'rMessage2'],
} as const;

const REFUSALS = ['messages-inconsistent', 'target-not-party'];

describe.each(FILES)('%s', (file) => {
  describe.skipIf(isMissing(file)).each(PARTS)('with the %s as target', (part) => {
    const vector = () => loadVector(file);
    const engine = rememberingEngine();

    it.each(MESSAGES)(
      'R-5: one octet of %s altered: refused, or the very same keys',
      { timeout: 120_000 },
      async (name) => {
        const records = recordsOf(vector(), part);
        const request = requestOf(vector(), part);
        const covered = [request.targetKmsIdentity];
        const right = spelt(await ask(records, request, covered, engine));
        expect(right).toMatchObject({ verified: true });
        const message = request[name]!;
        const isCovered = (COVERED[part] as readonly string[]).includes(name);
        for (let at = 0; at < message.length; at++) {
          const altered = message.map((octet, i) => (i === at ? octet ^ 0x01 : octet));
          const answer = spelt(await ask(records, { ...request, [name]: altered }, covered, engine));
          if (typeof answer === 'string') expect(REFUSALS, `octet ${at}`).toContain(answer);
          else expect({ at, isCovered, answer }).toEqual({ at, isCovered: false, answer: right });
        }
      },
    );

    it.each(MESSAGES)('%s truncated anywhere: refused', async (name) => {
      const records = recordsOf(vector(), part);
      const request = requestOf(vector(), part);
      const covered = [request.targetKmsIdentity];
      for (let length = 0; length < request[name]!.length; length++) {
        const cut = { ...request, [name]: request[name]!.subarray(0, length) };
        expect(spelt(await ask(records, cut, covered, engine)), `${length} octets`).toBe(
          'messages-inconsistent',
        );
      }
    });
  });
});

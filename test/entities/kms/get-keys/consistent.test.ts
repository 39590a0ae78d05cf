/**
 * Step 2 of get_keys (profile, section 6) where nothing else would notice: a responder without I_MESSAGE_2 has no
 * container that covers R_MESSAGE_1, and an initiator opens nothing of I_MESSAGE_2. What is wrong there is refused all the
 * same, before any key is computed.
 */
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../../src/bytes/octets.ts';
import type { GetKeysRequest } from '../../../../src/wire/xk/get-keys.ts';
import type { SrtpIdEntry } from '../../../../src/mikey/header.ts';
import { decodeMessage, encodeMessage } from '../../../../src/mikey/message.ts';
import type { Payload } from '../../../../src/mikey/payload.ts';
import { ID_ROLE } from '../../../../src/mikey/registry.ts';
import { FILES, loadVector } from '../../../ibake/support/vectors.ts';
import { header, map, type Change } from './support/changes.ts';
import { ask, spelt } from './support/kms.ts';
import { recordsOf, requestOf, type Part } from './support/questions.ts';

const otherPrf: Change = (message) => header({ prfFunc: 1 - message.header.prfFunc })(message);
const otherCsb: Change = (message) => header({ csbId: (message.header.csbId ^ 1) >>> 0 })(message);

const payload =
  (change: (payload: Payload) => Payload): Change =>
  ({ header: unchanged, payloads }) => ({ header: unchanged, payloads: payloads.map(change) });

const identity = (role: number, uri: string): Change =>
  payload((each) => (each.kind === 'idr' && each.role === role ? { ...each, data: utf8(uri) } : each));

const later = payload((each) =>
  each.kind === 't' ? { ...each, value: each.value.map((octet, i) => (i === 7 ? octet ^ 1 : octet)) } : each,
);
const otherRand = payload((each) =>
  each.kind === 'rand' ? { ...each, rand: each.rand.map((octet) => octet ^ 1) } : each,
);
const known = (entries: readonly SrtpIdEntry[]): SrtpIdEntry[] =>
  entries.map((each) => ({ ...each, ssrc: 77 }));

const EVERYWHERE: readonly (readonly [string, Change])[] = [
  ['CSB ID', otherCsb],
  ['PRF func', otherPrf],
  ['version', header({ version: 2 })],
  ['map type', header({ csIdMapType: 1, csCount: 0, csIdMap: { kind: 'empty' } })],
  ['#CS', map((entries) => [...entries, { policyNo: 0, ssrc: 9, roc: 0 }])],
  ['an SSRC that was known', map(known)],
  ['a policy number', map((entries) => entries.map((each) => ({ ...each, policyNo: each.policyNo ^ 1 })))],
  ['a roll-over counter', map((entries) => entries.map((each) => ({ ...each, roc: 5 })))],
  ['IDRi', identity(ID_ROLE.IDRi, 'sip:mallory@home1.example')],
];

describe.each(FILES)('%s', (file) => {
  const question = (part: Part, name: 'rMessage1' | 'iMessage2', change: Change): GetKeysRequest => {
    const request = requestOf(loadVector(file), part);
    const { header: head, payloads } = change(decodeMessage(request[name]!));
    return { ...request, rMessage2: null, [name]: encodeMessage({ header: head, payloads: [...payloads] }) };
  };
  const answer = async (part: Part, request: GetKeysRequest) =>
    spelt(await ask(recordsOf(loadVector(file), part), request));

  describe('R_MESSAGE_1, for a responder without I_MESSAGE_2', () => {
    it('unchanged: keys', async () => {
      const request = question('responder', 'rMessage1', (message) => message);
      expect(await answer('responder', { ...request, iMessage2: null })).toMatchObject({ verified: false });
    });

    it.each([...EVERYWHERE, ['T', later] as const])('another %s', async (_, change) => {
      const request = question('responder', 'rMessage1', change);
      expect(await answer('responder', { ...request, iMessage2: null })).toBe('messages-inconsistent');
    });
  });

  describe('I_MESSAGE_2, for an initiator', () => {
    it('unchanged: keys', async () => {
      const request = question('initiator', 'iMessage2', (message) => message);
      expect(await answer('initiator', request)).toMatchObject({ verified: true });
    });

    it.each([
      ...EVERYWHERE,
      ['RAND', otherRand] as const,
      ['IDRr', identity(ID_ROLE.IDRr, 'sip:mallory@home2.example')] as const,
    ])('another %s', async (_, change) => {
      const request = question('initiator', 'iMessage2', change);
      expect(await answer('initiator', request)).toBe('messages-inconsistent');
    });

    it('identity data that are not canonical name nobody', async () => {
      const change = identity(ID_ROLE.IDRr, 'sip:Bob@HOME2.example');
      expect(await answer('initiator', question('initiator', 'iMessage2', change))).toBe('target-not-party');
    });
  });
});

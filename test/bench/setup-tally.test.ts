import { describe, expect, test } from 'vitest';
import { tallyOf } from '../../bench/setup-tally.ts';
import { utf8 } from '../../src/bytes/octets.ts';

const message = (from: string, callId: string, sdp = '') => ({
  from,
  to: 'x',
  octets: utf8(`INVITE sip:x SIP/2.0\r\nCall-ID: ${callId}\r\n\r\n${sdp}`),
});
const KEYS = 'v=0\r\na=key-mgmt:mikey ARYF\r\n';

describe('what a call set-up took', () => {
  test('messages of its Call-ID count on each hop, MIKEY messages once, as phones sent them', () => {
    const messages = [
      message('alice', 'one', KEYS),
      message('cscf.home1', 'one', KEYS),
      message('cscf.home2', 'one', KEYS.replace('ARYF', 'ARYFAA==')),
      message('bob', 'two', KEYS.replace('ARYF', 'ARYFAAA=')),
    ];
    const tally = tallyOf(messages, 'one', (party) => !party.startsWith('cscf'));
    const octets = messages.slice(0, 3).reduce((sum, { octets: each }) => sum + each.length, 0);
    expect(tally).toEqual({ messages: 3, octets, mikeyMessages: 1, mikeyOctets: 3 });
  });
});

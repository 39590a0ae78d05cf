import { describe, expect, test } from 'vitest';
import { fromUtf8, utf8 } from '../../src/bytes/octets.ts';
import { OwnDescriptions, readDescription } from '../../src/endpoint/session-description.ts';
import type { OwnLine } from '../../src/endpoint/session-description.ts';

const AUDIO: OwnLine = { kind: 'audio', port: 40_000, mux: false, direction: 'sendrecv', format: null };
/** A side with these lines. */
const sideOf = (...lines: (OwnLine | null)[]) => ({
  username: 'alice',
  sessionId: '1234',
  address: '127.0.0.1',
  lines: () => lines,
});
const side = sideOf(AUDIO);
const SDP = 'application/sdp';
const mikey = Uint8Array.of(1, 22, 5);
const read = (text: string, type = SDP) => readDescription(type, utf8(text.replaceAll('\n', '\r\n')));

describe('session descriptions of the endpoint', () => {
  test('an offer says what the endpoint can do and carries the MIKEY message at session level', () => {
    const offer = new OwnDescriptions(side).offer(mikey);
    expect(offer.type).toBe(SDP);
    const text = fromUtf8(offer.octets);
    expect(text.indexOf('a=key-mgmt:mikey ARYF')).toBeGreaterThan(0);
    expect(text.indexOf('a=key-mgmt')).toBeLessThan(text.indexOf('m=audio 40000 RTP/SAVP 8 0 101'));
    expect(readDescription(SDP, offer.octets)).toMatchObject({
      audio: {
        remote: { address: '127.0.0.1', port: 40_000 },
        laws: ['pcma', 'pcmu'],
        index: 0,
        eventType: 101,
        mux: false,
      },
      mikey,
      protocols: ['mikey'],
    });
  });

  test('RFC 3264 section 6: an answer has every line of its offer, and refuses what it does not take', () => {
    const offer = read(`v=0
o=- 1 1 IN IP4 192.0.2.1
s=-
c=IN IP4 192.0.2.1
t=0 0
m=audio 5000 RTP/AVP 8
m=video 5002 RTP/SAVP 96
m=audio 5004 RTP/SAVP 18 0 8
c=IN IP4 192.0.2.7
`);
    expect(offer).toMatchObject({
      audio: { remote: { address: '192.0.2.7', port: 5004 }, laws: ['pcmu', 'pcma'], index: 2 },
      mikey: null,
    });
    const answer = fromUtf8(new OwnDescriptions(sideOf(null, null, AUDIO)).answer(null, offer).octets);
    expect(answer.match(/^m=.*$/gm)).toEqual([
      'm=audio 0 RTP/AVP 8',
      'm=video 0 RTP/SAVP 96',
      'm=audio 40000 RTP/SAVP 0',
    ]);
  });

  test.each([
    ['a=sendonly', '', 'recvonly', false],
    ['', 'a=inactive', 'inactive', false],
    ['a=sendonly', 'a=recvonly', 'sendonly', true],
    ['a=INACTIVE', 'a=SendOnly', 'recvonly', false],
    ['', '', 'sendrecv', true],
  ])(
    'R-81: hold is answered by RFC 3264 section 6.1: session %j, medium %j: %s',
    (session, medium, answered, listens) => {
      const lines = ['v=0', 's=-', 'c=IN IP4 192.0.2.1', session, 'm=audio 5000 RTP/SAVP 8', medium];
      const offer = read(lines.filter((line) => line !== '').join('\n') + '\n');
      expect(offer.audio.listens).toBe(listens);
      const answer = fromUtf8(new OwnDescriptions(side).answer(null, offer).octets);
      expect(answer.match(/^a=(?:sendrecv|sendonly|recvonly|inactive)$/gm)).toEqual([`a=${answered}`]);
    },
  );

  test('R-81: who holds by the address 0.0.0.0 is sent nothing (RFC 3264 section 8.4)', () => {
    const held = read('v=0\ns=-\nc=IN IP4 0.0.0.0\nm=audio 5000 RTP/SAVP 8\n');
    expect(held.audio.listens).toBe(false);
  });

  test.each([
    ['no audio over SRTP', 'v=0\ns=-\nc=IN IP4 192.0.2.1\nm=audio 5000 RTP/AVP 8\n', SDP, 'no-srtp'],
    ['no G.711', 'v=0\ns=-\nc=IN IP4 192.0.2.1\nm=audio 5000 RTP/SAVP 96\n', SDP, 'no-codec'],
    ['a refused stream', 'v=0\ns=-\nc=IN IP4 192.0.2.1\nm=audio 0 RTP/SAVP 8\n', SDP, 'no-audio'],
    [
      'a name for an address',
      'v=0\ns=-\nc=IN IP4 host.example\nm=audio 5000 RTP/SAVP 8\n',
      SDP,
      'no-address',
    ],
    ['no address', 'v=0\ns=-\nm=audio 5000 RTP/SAVP 8\n', SDP, 'no-address'],
    ['no session description', 'hello', 'text/plain', 'not-acceptable'],
    ['a malformed one', 'hello', SDP, 'not-acceptable'],
  ])('%s is not acceptable', (_, text, type, code) => {
    expect(() => read(text, type)).toThrow(expect.objectContaining({ code }));
  });
});

/** Good inputs that are written out: a dialogue of SIP, descriptions, JSON of Xk and Iq. */
import type { WantedSession } from '../../src/wire/iq/sessions.ts';

const lines = (...list: readonly string[]): string => list.map((line) => `${line}\r\n`).join('');

export const DESCRIPTIONS: readonly string[] = [
  lines(
    ...['v=0', 'o=alice 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', 'a=tool:x'],
    'a=key-mgmt:mikey ARYFgekV5KkCAACFfjl/AAAAAAAAAAAAAAAAAAsA70dVAIAAAAA=',
    ...[
      'm=audio 4000 RTP/SAVP 0 8 101',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-15',
      'a=rtcp-mux',
    ],
    ...[
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA|2^20|1:4',
      'a=sendrecv',
    ],
    ...['m=video 4002/2 RTP/SAVPF 99', 'c=IN IP6 2001:db8::7', 'a=rtcp:4007 IN IP4 192.0.2.1', 'a=ptime:20'],
  ),
  lines(
    'v=0',
    'o=- 9 2 IN IP6 ::1',
    's=hold',
    't=0 0',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111',
    'c=IN IP4 0.0.0.0',
    'a=fingerprint:sha-256 AB:CD',
  ),
];

const head = (cseq: string): string[] => [
  'Via: SIP/2.0/TCP pc.home1.example:5060;branch=z9hG4bK776asdhds;rport',
  'Max-Forwards: 70',
  'From: "Alice, \\"A\\"" <sip:alice@home1.example>;tag=1928301774',
  'To: Bob <sip:bob@home2.example;user=phone?subject=x>',
  'Call-ID: a84b4c76e66710@pc.home1.example',
  `CSeq: ${cseq}`,
];

export const DIALOGUE: readonly string[] = [
  `${lines(
    'INVITE sip:bob@home2.example;transport=tcp SIP/2.0',
    ...head('314159 INVITE'),
    'Route: <sip:cscf.home1.example;lr>, <sip:[2001:db8::1]:5070;lr>',
    'P-Asserted-Identity: "A" <sip:alice@home1.example>, <tel:+1-555-1001>',
    'Contact: <sip:alice@192.0.2.1:5060;gr=1>;expires=60;q=0.5',
    'Supported: 100rel, timer',
    'Content-Type: application/sdp',
    `Content-Length: ${DESCRIPTIONS[0]?.length ?? 0}`,
  )}\r\n${DESCRIPTIONS[0] ?? ''}`,
  `${lines('SIP/2.0 183 Session Progress', ...head('314159 INVITE'), 'RSeq: 1', 'Record-Route: <sip:cscf.home1.example;lr>', 'l: 0')}\r\n`,
  `${lines('SIP/2.0 401 Unauthorized', ...head('1 REGISTER'), 'WWW-Authenticate: Digest realm="home1.example", nonce="n\\"x", qop="auth,auth-int", algorithm=SHA-256, stale=true', 'Content-Length: 0')}\r\n`,
  `${lines(
    'REGISTER sip:home1.example SIP/2.0',
    ...head('2 REGISTER'),
    'Authorization: Digest username="alice", realm="home1.example", nonce="n", uri="sip:home1.example", response="00", qop=auth, nc=00000001, cnonce="c"',
    'Contact: *',
    'Expires: 0',
    'Content-Type: multipart/mixed;boundary="b"',
    'Content-Length: 12',
  )}\r\n--b\r\n\r\nx\r\n--`,
];

const octets = 'ARYFgekV5KkCAACFfjl/AAAAAAAAAAAAAAAAAAsA70dVAIAAAAA=';
const session = {
  csId: 1,
  sessionKey: 'AAAAAAAAAAAAAAAAAAAAAA==',
  salt: 'AAAAAAAAAAAAAAAAAAA=',
  ssrc: 7,
  policy: 0,
  cipher: 'AES_CM_128_HMAC_SHA1_80',
  mki: '0102030405060708',
};

export const GET_KEYS: readonly unknown[] = [
  {
    ...{
      targetKmsIdentity: 'sip:alice@home1.example',
      xid: '29f28e1c-f230-486a-a860-f5a784ab9172',
      midCall: true,
    },
    ...{ iMessage1: octets, rMessage1: octets, iMessage2: octets, rMessage2: octets },
    updates: [{ iMessage1: octets, rMessage1: octets }],
  },
];

export const XK_ANSWERS: readonly unknown[] = [
  { verified: true, cryptoSessions: [session, { ...session, deferred: true, verified: false }] },
  { failureIndication: 'not-authorised' },
];

export const WANTED: readonly WantedSession[] = [
  {
    correlation: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    parties: { a: ['sip:alice@home1.example', 'tel:+15551001'], b: ['sip:bob@home2.example'] },
    sdps: { a: DESCRIPTIONS[0] ?? null, b: null },
    streams: [
      {
        a: { address: '192.0.2.1', port: 4000, rtcp: { address: '::1', port: 4007 } },
        b: { address: '192.0.2.2', port: 5000 },
      },
      null,
    ],
  },
];

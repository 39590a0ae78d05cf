/** What a warrant does not cover is taken out of signalling at the delivery function, and nothing else. */
import { describe, expect, it } from 'vitest';
import { covered, reducedMessage } from '../../../src/entities/df/coverage.ts';
import type { WarrantCoverage } from '../../../src/entities/df/coverage.ts';
import { takenApart } from '../../../src/sip/offer-answer.ts';
import { fromOctets, toOctets } from '../../../src/sip/text.ts';
import { DIRECTION } from '../../../src/wire/x2x3/pdu.ts';
import { start } from './delivery-function.ts';
import { handedOver, task, XID } from './support.ts';

const ALL: WarrantCoverage = { content: true, location: 'always', digits: true };
const SIGNALLING: WarrantCoverage = { ...ALL, content: false };
const NO_LOCATION: WarrantCoverage = { ...ALL, location: 'never' };

const HEAD = [
  'From: <sip:alice@home1.example>;tag=a',
  't: <sip:bob@home2.example>',
  'Call-ID: 1',
  'X-Odd : kept  as it\tis,',
  '  folds and all',
];

/** A message of these lines before the body. */
function message(start: string, fields: readonly string[], body = ''): string {
  const method = start.startsWith('SIP/') ? 'INVITE' : start.split(' ')[0];
  return [start, ...HEAD, `CSeq: 1 ${method}`, ...fields, `Content-Length: ${body.length}`, '', body].join(
    '\r\n',
  );
}

const INVITE = 'INVITE sip:bob@home2.example SIP/2.0';
const MESSAGE = 'MESSAGE sip:bob@home2.example SIP/2.0';
const SDP_TYPE = 'Content-Type: application/sdp';
const sdp = (...lines: readonly string[]): string =>
  ['v=0', 's=-', ...lines, 'm=audio 4000 RTP/SAVP 8', ''].join('\r\n');
const part = (type: string, body: string, more = ''): string =>
  `--b\r\nContent-Type: ${type}\r\n${more}\r\n${body}\r\n`;
const MIXED = 'Content-Type: multipart/mixed; boundary="b"';
const PIDF = '<presence><geopriv><location-info/></geopriv></presence>';

function reduced(text: string, coverage: WarrantCoverage): string {
  return fromOctets(reducedMessage(toOctets(text), coverage).sip);
}

describe('R-35: a warrant without content', () => {
  it.each([
    ['text of a MESSAGE', message(MESSAGE, ['Content-Type: text/plain'], 'meet me'), ''],
    ['a MESSAGE that says it is SDP', message(MESSAGE, [SDP_TYPE], sdp()), ''],
    ['a body without a type', message(INVITE, [], 'v=0'), ''],
    ['a body of two types', message(INVITE, [SDP_TYPE, 'c: text/plain'], sdp()), ''],
    ['a type that cannot be read', message(INVITE, ['Content-Type: application'], sdp()), ''],
    ['an encoded body', message(INVITE, [SDP_TYPE, 'Content-Encoding: gzip'], sdp()), ''],
    [
      'digits in INFO',
      message('INFO sip:bob@x SIP/2.0', ['Content-Type: application/dtmf-relay'], 'Signal=5'),
      '',
    ],
    ['text in a refusal', message('SIP/2.0 486 Busy', ['Content-Type: text/plain'], 'call later'), ''],
    [
      'parts that are not SDP, preamble and epilogue',
      message(
        INVITE,
        [MIXED],
        `hello\r\n${part('text/plain', 'meet me')}${part('application/sdp', sdp())}--b--\r\nbye`,
      ),
      `\r\n${part('application/sdp', sdp())}--b--\r\n`,
    ],
    [
      'a part that is encoded',
      message(
        INVITE,
        [MIXED],
        `${part('application/sdp', 'dj0w', 'Content-Transfer-Encoding: base64\r\n')}--b--`,
      ),
      '',
    ],
    [
      'parts without a boundary',
      message(INVITE, ['Content-Type: multipart/mixed'], part('application/sdp', sdp())),
      '',
    ],
    [
      'parts within parts',
      message(
        INVITE,
        ['Content-Type: multipart/mixed;boundary=o'],
        `--o\r\n${MIXED}\r\n\r\n${part('text/plain', 'meet me')}${part('application/sdp', sdp())}--b--\r\n--o--`,
      ),
      `--o\r\n${MIXED}\r\n\r\n\r\n${part('application/sdp', sdp())}--b--\r\n--o--`,
    ],
    ['what is no line of a description', message(INVITE, [SDP_TYPE], `${sdp()}meet me\r\n`), sdp()],
    ['what lies beyond the end', `${message(INVITE, [SDP_TYPE], sdp())}meet me`, sdp()],
  ])('does not get %s; the rest octet for octet', (_, text, body) => {
    const { sip, isReduced } = reducedMessage(toOctets(text), SIGNALLING);
    const head = text.slice(0, text.indexOf('\r\n\r\n') + 4);
    expect(fromOctets(sip)).toBe(head + body);
    expect(isReduced).toBe(true);
  });

  it.each([
    ['without a body', message(INVITE, [])],
    ['with SDP and MIKEY', message(INVITE, [SDP_TYPE], sdp('a=key-mgmt:mikey AQIDBA=='))],
    ['with SDP, spelt oddly', message(INVITE, ['c : APPLICATION / sdp ; x=y'], sdp())],
    ['with SDP in a part', message(INVITE, [MIXED], `${part('application/sdp', sdp())}--b--\r\n`)],
    ['that is cut in its head', `${INVITE}\r\nFrom: <sip:a@b>`],
  ])('gets a message %s as it is', (_, text) => {
    const octets = toOctets(text);
    expect(reducedMessage(octets, SIGNALLING)).toEqual({ sip: octets, isReduced: false });
  });

  const KEY = 'WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz';
  it.each([
    [
      `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|2^20|1:4`,
      `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${'*'.repeat(40)}|2^20|1:4`,
    ],
    [
      `a=crypto:1 X inline:${KEY};inline:${KEY}|1:1`,
      `a=crypto:1 X inline:${'*'.repeat(40)};inline:${'*'.repeat(40)}|1:1`,
    ],
    [`a=CRYPTO:1 X INLINE:${KEY}`, `a=CRYPTO:1 X INLINE:${'*'.repeat(40)}`],
    [`a= crypto : 1 X inline: ${KEY}`, `a= crypto : 1 X inline: ${'*'.repeat(40)}`],
    ['a=crypto:1 X other:SECRET', 'a=crypto:* * ************'],
    [`a=acap:1 crypto:1 X inline:${KEY}`, `a=acap:1 crypto:1 X inline:${'*'.repeat(40)}`],
    ['k=clear:SECRET', 'k=************'],
    ['a=x-unknown:kept', 'a=x-unknown:kept'],
  ])('gets %s without its key', (line, blanked) => {
    expect(reduced(message(INVITE, [SDP_TYPE], sdp(line)), SIGNALLING)).toBe(
      message(INVITE, [SDP_TYPE], sdp(blanked)),
    );
  });

  it('gets nothing of a body behind a head that nobody can read', () => {
    expect(reduced('what is this\r\n\r\nmeet me', SIGNALLING)).toBe('what is this\r\n\r\n');
  });

  it('is handed over as such, while another of the same task gets all of it', async () => {
    const both = task(XID, 'LIID-1', { delivers: 'HI2Only' });
    const { mediation, poi, store } = await start([
      { ...both, mediations: [...both.mediations, ...task(XID, 'LIID-2').mediations] },
    ]);
    const text = message(MESSAGE, ['Content-Type: text/plain'], 'meet me');
    await mediation.accept([poi.x2([toOctets(text), DIRECTION.fromTarget])]);
    const records = await handedOver(store);
    const texts = records.map(({ liid, sip = '', isReduced }) => [
      liid,
      Buffer.from(sip, 'hex').toString(),
      isReduced,
    ]);
    expect(texts).toEqual([
      ['LIID-1', text.slice(0, -'meet me'.length), true],
      ['LIID-2', text, undefined],
    ]);
  });

  it('gets the start of an established session without keys in the open', () => {
    const described = takenApart(toOctets(message(INVITE, [SDP_TYPE], sdp('k=clear:SECRET'))));
    const record = {
      ...({ kind: 'session-start', liid: 'L', cin: 1, time: 0, correlation: new Uint8Array(8) } as const),
      ...({ observed: [], direction: 'fromTarget' } as const),
      ...{ offer: described, answer: described },
    };
    const { offer, answer } = covered(record, SIGNALLING);
    for (const { head, sdp: body } of [offer, answer])
      expect([fromOctets(head), fromOctets(body)]).toEqual([
        fromOctets(described.head),
        sdp('k=************'),
      ]);
  });
});

describe('R-35: a warrant that does not cover location', () => {
  it.each([
    ['P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=1\r\n'],
    ['p-access-network-info : a\r\n  ,folded\r\n\t;more\r\n'],
    ['Cellular-Network-Info: x\r\n'],
    ['Geolocation: <cid:here@x>\r\n'],
    ['geolocation:<x>\r\nGEOLOCATION: <y>\r\n'],
  ])('does not get %j, and the rest octet for octet', (line) => {
    const text = message(INVITE, ['X-Before: 1', 'X-After: 2', SDP_TYPE], sdp());
    const before = text.replace('X-After', `${line}X-After`);
    expect(reduced(before, NO_LOCATION)).toBe(text);
    expect(reduced(before, ALL)).toBe(before);
  });

  it('does not get a place in a body, but presence that names none', () => {
    const place = message(
      INVITE,
      [MIXED],
      `${part('application/sdp', sdp())}${part('application/pidf+xml', PIDF)}--b--`,
    );
    expect(reduced(place, NO_LOCATION)).not.toContain('geopriv');
    expect(reduced(place, NO_LOCATION)).toContain(sdp());
    const presence = message(MESSAGE, ['Content-Type: application/pidf+xml'], '<presence/>');
    expect(reduced(presence, NO_LOCATION)).toBe(presence);
  });

  it('but where something begins or ends gets it there alone', () => {
    const ends: WarrantCoverage = { ...ALL, location: 'beginningAndEnd' };
    const line = 'P-Access-Network-Info: x';
    for (const first of [INVITE, MESSAGE, 'BYE sip:bob@home2.example SIP/2.0'])
      expect(reduced(message(first, [line]), ends)).toContain(line);
    for (const method of ['UPDATE', 'PRACK', 'INFO'])
      expect(reduced(message(`${method} sip:bob@home2.example SIP/2.0`, [line]), ends)).not.toContain(line);
  });

  it('of digits does not get those in INFO', () => {
    const info = message('INFO sip:bob@x SIP/2.0', ['Content-Type: application/dtmf-relay'], 'Signal=5');
    expect(reduced(info, { ...ALL, digits: false })).not.toContain('Signal');
    expect(reduced(info, ALL)).toBe(info);
  });
});

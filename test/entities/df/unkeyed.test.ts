import { describe, expect, it } from 'vitest';
import { toBase64, utf8 } from '../../../src/bytes/octets.ts';
import { DIRECTION } from '../../../src/wire/x2x3/pdu.ts';
import { kinds, start } from './delivery-function.ts';
import type { Df } from './delivery-function.ts';
import { call, handedOver, LEG, LEMF, LEMF_2, START, task, vector, XID, XID_2 } from './support.ts';
import type { Step } from './support.ts';
import { settle } from '../../support/manual-clock.ts';

const { I_MESSAGE_1, R_MESSAGE_1 } = vector().messages;
const FINGERPRINT = 'a=fingerprint:sha-256 AB:CD';
const ZRTP = 'a=zrtp-hash:1.10 ab';
const sdes = (octets = 30, suite = 'AES_CM_128_HMAC_SHA1_80', tag = 1, more = '') =>
  `a=crypto:${tag} ${suite} inline:${toBase64(new Uint8Array(octets).fill(7))}${more}`;

interface Message {
  readonly start: string;
  readonly fromTag?: string;
  readonly toTag?: string;
  readonly cseq?: string;
  /** Lines of the description after t=; `null`: no body. */
  readonly sdp: readonly string[] | null;
}

function sip({
  start: first,
  fromTag = LEG.fromTag,
  toTag = '',
  cseq = '1 INVITE',
  sdp,
}: Message): Uint8Array {
  const body =
    sdp === null ? '' : ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', ...sdp, ''].join('\r\n');
  const type = sdp === null ? '' : 'Content-Type: application/sdp\r\n';
  return utf8(
    `${first}\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:alice@home1.example>;tag=${fromTag}\r\n` +
      `To: <sip:bob@home2.example>${toTag === '' ? '' : `;tag=${toTag}`}\r\nCall-ID: ${LEG.callId}\r\n` +
      `CSeq: ${cseq}\r\n${type}Content-Length: ${body.length}\r\n\r\n${body}`,
  );
}

const media = (protocol: string, ...attributes: string[]) => [`m=audio 4000 ${protocol} 8`, ...attributes];

const invite = (sdp: readonly string[] | null, more: Partial<Message> = {}): Step => [
  sip({ start: 'INVITE sip:bob@home2.example SIP/2.0', sdp, ...more }),
  DIRECTION.fromTarget,
];
const answer = (status: string, sdp: readonly string[] | null, more: Partial<Message> = {}): Step => [
  sip({ start: `SIP/2.0 ${status}`, toTag: LEG.toTag, sdp, ...more }),
  DIRECTION.toTarget,
];
const ack = (sdp: readonly string[] | null): Step => [
  sip({ start: 'ACK sip:bob@home2.example SIP/2.0', toTag: LEG.toTag, cseq: '1 ACK', sdp }),
  DIRECTION.fromTarget,
];

async function take(df: Df, ...steps: readonly Step[]): Promise<void> {
  for (const step of steps) await df.mediation.accept([df.poi.x2(step)]);
  await settle();
}

async function failures(df: Df, did = LEMF): Promise<number> {
  return kinds(await handedOver(df.store, did)).filter((kind) => kind === 'key-failure').length;
}

describe('A call whose media are encrypted without keys that were seen', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['SRTP without any key', media('RTP/SAVP'), media('RTP/SAVP')],
    ['SDES of an unknown suite', media('RTP/SAVP', sdes(30, 'X_9')), media('RTP/SAVP', sdes(30, 'X_9'))],
    ['SDES whose line is malformed', media('RTP/SAVP', 'a=crypto:1 X inline:!'), media('RTP/SAVP', sdes())],
    ['SDES with a key of the wrong length', media('RTP/SAVP', sdes(29)), media('RTP/SAVP', sdes(30))],
    [
      'SDES of which the answer takes what cannot be used',
      media('RTP/SAVP', sdes(), sdes(30, 'X_9', 2)),
      media('RTP/SAVP', sdes(30, 'X_9', 2)),
    ],
    [
      'SDES with parameters that cannot be undone',
      media('RTP/SAVP', sdes(30, undefined, 1, ' FEC_KEY=inline:x')),
      media('RTP/SAVP', sdes(30, undefined, 1, ' FEC_KEY=inline:x')),
    ],
    ['DTLS', media('UDP/TLS/RTP/SAVPF', FINGERPRINT), media('UDP/TLS/RTP/SAVPF', FINGERPRINT)],
    [
      'DTLS, the fingerprint at session level',
      [FINGERPRINT, ...media('UDP/TLS/RTP/SAVP')],
      [FINGERPRINT, ...media('UDP/TLS/RTP/SAVP')],
    ],
    [
      'DTLS where SDES is shown beside it',
      media('RTP/SAVP', FINGERPRINT, sdes()),
      media('RTP/SAVP', FINGERPRINT, sdes()),
    ],
    ['opportunistic DTLS (RFC 8643)', media('RTP/AVP', FINGERPRINT), media('RTP/AVP', FINGERPRINT)],
    [
      'opportunistic SDES that cannot be read (RFC 8643)',
      media('RTP/AVP', sdes(5)),
      media('RTP/AVP', sdes(5)),
    ],
    ['ZRTP', media('RTP/AVP', ZRTP), media('RTP/AVP', ZRTP)],
    [
      'SRTP as a capability (RFC 5939)',
      media('RTP/AVP', 'a=tcap:1 RTP/SAVP', 'a=acap:1 crypto:1 X_9 inline:AA==', 'a=pcfg:1 t=1 a=1'),
      media('RTP/SAVP', sdes(), 'a=acfg:1 t=1 a=1'),
    ],
    [
      'MIKEY that cannot be read',
      ['a=key-mgmt:mikey AQID', ...media('RTP/SAVP')],
      ['a=key-mgmt:mikey !!!', ...media('RTP/SAVP')],
    ],
    ['names in capitals and blanks', media('rtp/savp', 'A=x'), ['m=audio 4000   RTP/SAVP   8']],
    [
      'one medium of two',
      [...media('RTP/SAVP', sdes()), ...media('RTP/SAVP', FINGERPRINT)],
      [...media('RTP/SAVP', sdes()), ...media('RTP/SAVP', FINGERPRINT)],
    ],
    [
      'the last of more media than anybody has',
      [...Array<string>(80).fill('m=audio 4000 RTP/AVP 8'), ...media('RTP/SAVP', sdes())],
      [...Array<string>(80).fill('m=audio 4000 RTP/AVP 8'), ...media('RTP/SAVP', sdes())],
    ],
  ])('R-62: is reported once: %s', async (_, offer, answered) => {
    const df = await start();
    await take(df, invite(offer), answer('180 Ringing', null));
    expect(await failures(df)).toBe(0);
    await take(df, answer('200 OK', answered), ack(null), answer('200 OK', answered));
    await take(
      df,
      invite(offer, { toTag: LEG.toTag, cseq: '2 INVITE' }),
      answer('200 OK', answered, { cseq: '2 INVITE' }),
    );
    const records = await handedOver(df.store);
    expect(kinds(records).filter((kind) => kind === 'key-failure')).toHaveLength(1);
    const failure = records.findIndex(({ kind }) => kind === 'key-failure');
    expect(failure).toBe(3);
    expect(records[failure]).toMatchObject({ liid: 'LIID-1', cin: 1, correlation: records[0]?.correlation });
    expect(records[failure]?.observed).toEqual([{ name: 'sipUri', value: vector().uri.i }]);
    expect(df.kms.asked).toEqual([]);
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ['media in the clear', media('RTP/AVP'), media('RTP/AVP')],
    [
      'keys offered that the answer does not take up',
      media('RTP/AVP', sdes(5), FINGERPRINT),
      media('RTP/AVP'),
    ],
    [
      'capabilities that the answer does not take up',
      media('RTP/AVP', 'a=tcap:1 RTP/SAVP'),
      media('RTP/AVP'),
    ],
    ['a medium that is refused', media('RTP/SAVP', FINGERPRINT), ['m=audio 0 RTP/SAVP 8', FINGERPRINT]],
    ['SDES', media('RTP/SAVP', sdes()), media('RTP/SAVP', sdes())],
    [
      'SDES, the first suite not taken',
      media('RTP/SAVP', sdes(30, 'X_9'), sdes(44, 'AEAD_AES_256_GCM', 2, '|2^31|1:4')),
      media('RTP/SAVP', sdes(44, 'AEAD_AES_256_GCM', 2, '|2^31')),
    ],
    ['opportunistic SDES (RFC 8643)', media('RTP/AVP', sdes()), media('RTP/AVP', sdes())],
    [
      'SDES as a capability (RFC 5939)',
      media('RTP/AVP', 'a=tcap:1 RTP/SAVP', `a=acap:1 ${sdes().slice(2)}`, 'a=pcfg:1 t=1 a=1'),
      media('RTP/SAVP', sdes(), 'a=acfg:1 t=1 a=1'),
    ],
  ])('R-62: nothing is to be reported: %s', async (_, offer, answered) => {
    const df = await start();
    await take(
      df,
      invite(offer),
      answer('183 Session Progress', answered),
      answer('200 OK', answered),
      ack(null),
    );
    await df.clock.pass(120_000);
    expect(await failures(df)).toBe(0);
  });

  it('R-62: the call of a complete exchange is not reported, nor is its hold without key management', async () => {
    const df = await start();
    await take(df, ...call(), answer('200 OK', null));
    const held = media('RTP/SAVP', 'a=sendonly');
    await take(
      df,
      invite(held, { toTag: LEG.toTag, cseq: '2 INVITE' }),
      answer('200 OK', held, { cseq: '2 INVITE' }),
    );
    await df.clock.pass(120_000);
    expect(await failures(df)).toBe(0);
  });

  it('R-62: an exchange beside which the media agree upon keys of their own hides nothing', async () => {
    const df = await start();
    const dtls = media('RTP/SAVP', FINGERPRINT);
    await take(df, ...call(), invite(dtls, { toTag: LEG.toTag, cseq: '2 INVITE' }));
    await take(df, answer('200 OK', dtls, { cseq: '2 INVITE' }));
    expect(await failures(df)).toBe(1);
  });

  it('R-62: an exchange that never comes to its end is waited for, and then reported, over a restart', async () => {
    const df = await start();
    const keyed = (message: string) => [`a=key-mgmt:mikey ${message}`, ...media('RTP/SAVP')];
    await take(
      df,
      invite(keyed(I_MESSAGE_1.message)),
      answer('200 OK', keyed(R_MESSAGE_1.message)),
      ack(null),
    );
    expect(await failures(df)).toBe(0);
    await df.kill();
    await df.clock.pass(120_000);
    expect(await failures(df)).toBe(1);
    await df.kill();
    await take(df, answer('200 OK', keyed(R_MESSAGE_1.message)));
    await df.clock.pass(120_000);
    expect(await failures(df)).toBe(1);
  });

  it('R-62: an exchange that ends with the ACK is not reported', async () => {
    const df = await start();
    const [first, second, third] = call();
    const again = (octets: Uint8Array, line: string) =>
      utf8(Buffer.from(octets).toString().replace(/^.*/, line));
    await take(df, first!, [again(second![0], 'SIP/2.0 200 OK'), second![1]]);
    await take(df, [again(third![0], 'ACK sip:bob@127.0.0.2 SIP/2.0'), third![1]]);
    await df.clock.pass(120_000);
    expect(await failures(df)).toBe(0);
  });

  it('R-62: an offer in the 200 is judged with the answer in the ACK', async () => {
    const df = await start();
    await take(
      df,
      invite(null),
      answer('200 OK', media('RTP/SAVP', sdes())),
      ack(media('RTP/SAVP', sdes(29))),
    );
    expect(await failures(df)).toBe(1);
  });

  it('R-62: where one side’s description never comes, that is reported after a while', async () => {
    const df = await start();
    await take(df, answer('200 OK', media('RTP/SAVP', sdes())));
    expect(await failures(df)).toBe(0);
    await df.clock.pass(120_000);
    expect(await failures(df)).toBe(1);
  });

  it('R-62: branches of a fork that are not taken up say nothing of the call', async () => {
    const df = await start();
    const other = { toTag: 'bob-2' };
    await take(
      df,
      invite(media('RTP/AVP', sdes(), FINGERPRINT)),
      answer('183 Session Progress', media('RTP/AVP', FINGERPRINT), other),
    );
    await take(df, answer('200 OK', media('RTP/AVP', sdes())), ack(null));
    expect(await failures(df)).toBe(0);
  });

  it('R-62: descriptions without end of a party that pretends to be many hide nothing', async () => {
    const df = await start();
    await take(df, invite(media('RTP/SAVP', FINGERPRINT)));
    for (let branch = 0; branch < 40; branch++)
      await take(df, answer('183 Session Progress', media('RTP/AVP'), { toTag: `b-${branch}` }));
    await take(df, answer('200 OK', media('RTP/SAVP', FINGERPRINT)));
    await df.clock.pass(120_000);
    expect(await failures(df)).toBe(1);
  });

  it('R-62: encryption that a re-INVITE brings is reported, one that is refused is not', async () => {
    const df = await start();
    const dtls = media('UDP/TLS/RTP/SAVP', FINGERPRINT);
    const second = { cseq: '2 INVITE' };
    await take(df, invite(media('RTP/AVP')), answer('200 OK', media('RTP/AVP')));
    await take(
      df,
      invite(dtls, { toTag: LEG.toTag, ...second }),
      answer('488 Not Acceptable Here', null, second),
    );
    expect(await failures(df)).toBe(0);
    await take(
      df,
      invite(dtls, { toTag: LEG.toTag, cseq: '3 INVITE' }),
      answer('200 OK', dtls, { cseq: '3 INVITE' }),
    );
    expect(await failures(df)).toBe(1);
  });

  it('R-62: each LIID that would get keys is told once, also one that comes later', async () => {
    const base = task(XID, 'LIID-1').mediations[0]!;
    const mediations = [
      base,
      { ...base, liid: 'LIID-2', start: START + 5_000 },
      { ...base, liid: 'LIID-3', delivers: 'HI2Only' as const },
    ];
    const second = task(XID_2, 'LIID-4', { destinations: [{ did: LEMF_2, delivers: 'HI2andHI3' }] });
    const df = await start([{ ...task(XID, 'LIID-1'), mediations }, second]);
    const both = media('RTP/SAVP', FINGERPRINT);
    for (const step of [invite(both), answer('200 OK', both)]) {
      await df.mediation.accept([df.poi.x2(step), df.poi.x2(step, XID_2)]);
    }
    await df.clock.pass(6_000);
    await take(df, ack(null), ack(null));
    const told = (await handedOver(df.store)).filter(({ kind }) => kind === 'key-failure');
    expect(told.map(({ liid }) => liid)).toEqual(['LIID-1', 'LIID-2']);
    expect(await failures(df, LEMF_2)).toBe(1);
  });
});

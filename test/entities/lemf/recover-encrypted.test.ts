import { describe, expect, it } from 'vitest';
import { concat, toBase64, utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { SrtpSender } from '../../../src/media/srtp/stream.ts';
import { SRTP_SUITE } from '../../../src/media/srtp/suites.ts';
import type { SrtpSuite } from '../../../src/media/srtp/suites.ts';
import {
  AUDIO,
  content,
  crypto,
  invite,
  keyOf,
  lengths,
  nth,
  only,
  plain,
  range,
  runAll,
  sdp,
  sealed,
  sender,
  speech,
} from './others.ts';

describe('encrypted content is never written as speech', () => {
  const opaque = range(0, 60).map((n) => content('target', sealed(5, 9, n, n + 1)[0]!));
  const fingerprint = 'a=fingerprint:sha-256 AB:CD';

  it.each([
    ['DTLS in RTP/AVP, accepted', [fingerprint], [fingerprint]],
    ['DTLS at session level', [fingerprint], [fingerprint]],
    ['ZRTP, accepted', ['a=zrtp-hash:1.10 ab'], ['a=zrtp-hash:1.10 cd']],
    ['a=crypto that cannot be read', ['a=crypto:1 X inline:!'], ['a=crypto:1 X inline:!']],
    [
      'a=crypto of a suite that is unknown',
      [crypto(1).replace('128', '192')],
      [crypto(2).replace('128', '192')],
    ],
    ['keys offered, and no answer seen', [fingerprint], null],
    ['RTP/SAVP without any key', ['SAVP'], ['SAVP']],
  ])('R-79: %s', (name, offered, answered) => {
    const lines = (more: string[]) =>
      more[0] === 'SAVP'
        ? AUDIO.map((line) => line.replace('AVP', 'SAVP'))
        : name.includes('session')
          ? [...more, ...AUDIO]
          : [...AUDIO, ...more];
    const [offer, answer] = invite(sdp(...lines(offered)), sdp(...lines(answered ?? [])));
    const recovery = runAll([offer!, ...(answered === null ? [] : [answer!]), ...opaque]);
    expect(recovery.audio).toEqual([]);
    expect(only(recovery).recovered).toBe(false);
  });

  it('R-79: in the clear by its signalling, and every packet has a tag behind it', () => {
    const recovery = runAll([...plain, ...opaque]);
    expect(recovery.audio).toEqual([]);
    expect(only(recovery)).toMatchObject({ recovered: false, reason: 'encrypted-unannounced' });
  });

  it('R-79: keys agreed upon on the media’s way in both directions; one packet that pretends so withholds nothing', () => {
    const zrtp = concat(Uint8Array.of(0x10, 0, 0, 1), utf8('ZRTP'), new Uint8Array(20));
    const one = runAll([...plain, content('other', zrtp), ...speech(0, 50)]);
    expect(only(one)).toMatchObject({ recovered: true, other: { handshake: 1 } });
    const both = runAll([...plain, content('other', zrtp), content('target', zrtp), ...speech(0, 50)]);
    expect(both.audio).toEqual([]);
    expect(only(both)).toMatchObject({ recovered: false, reason: 'no-key' });
  });

  it('R-79: keys that the answer does not take up leave the call in the clear, and it is recovered', () => {
    const recovery = runAll([
      ...invite(sdp(...AUDIO, crypto(1), fingerprint), sdp(...AUDIO)),
      ...speech(0, 50),
    ]);
    expect(only(recovery)).toMatchObject({ recovered: true });
    expect(lengths(recovery)).toEqual([8000]);
  });
});

describe('keys that the SDP shows (RFC 4568)', () => {
  it.each([
    ['RTP/SAVP', 'RTP/SAVP', ''],
    ['optional, in RTP/AVP', 'RTP/AVP', ''],
    ['with a lifetime', 'RTP/SAVP', '|2^20'],
    ['with session parameters that change nothing', 'RTP/SAVP', ' UNENCRYPTED_SRTCP WSH=128'],
  ])('R-79: are used: %s', (_, protocol, more) => {
    const lines = AUDIO.map((line) => line.replace('RTP/AVP', protocol));
    const signalling = invite(sdp(...lines, crypto(1, more)), sdp(...lines, crypto(2, more)));
    const packets = [
      ...sealed(1, 5, 0, 50).map((o) => content('target', o)),
      ...sealed(2, 6, 0, 50).map((o) => content('other', o)),
    ];
    const recovery = runAll([...signalling, ...packets]);
    expect(only(recovery)).toMatchObject({ recovered: true });
    expect(lengths(recovery)).toEqual([8000, 8000]);
    expect(JSON.stringify(recovery.report)).not.toContain(toBase64(keyOf(1)));
  });

  it.each(Object.values<SrtpSuite>(SRTP_SUITE).map((suite) => [suite.name, suite] as const))(
    'R-62: are used in every suite: %s',
    (_, suite) => {
      const keys = new Uint8Array(suite.keyLength + suite.saltLength).fill(3);
      const under = new SrtpSender({
        suite,
        masterKey: Secret.of(keys.slice(0, suite.keyLength)),
        masterSalt: Secret.of(keys.slice(suite.keyLength)),
        ssrc: 5,
        mki: new Uint8Array(),
        roc: 0,
      });
      const lines = [...AUDIO.map((line) => line.replace('AVP', 'SAVP')), crypto(9)];
      const line = `a=crypto:2 ${suite.name.toLowerCase()} inline:${toBase64(keys)}|2^31`;
      const packets = range(0, 50).map((n) => content('target', under.protect(nth(n, { ssrc: 5 }))));
      const recovery = runAll([...invite(sdp(...lines, line), sdp(...lines, line)), ...packets]);
      expect(only(recovery)).toMatchObject({ recovered: true });
      expect(lengths(recovery)).toEqual([8000]);
    },
  );

  it('R-62: are used where they were offered as a capability (RFC 5939)', () => {
    const capability = ['a=tcap:1 RTP/SAVP', `a=acap:1 ${crypto(1).slice(2)}`, 'a=pcfg:1 t=1 a=1'];
    const lines = AUDIO.map((line) => line.replace('AVP', 'SAVP'));
    const recovery = runAll([
      ...invite(sdp(...AUDIO, ...capability), sdp(...lines, crypto(2), 'a=acfg:1 t=1 a=1')),
      ...sealed(1, 5, 0, 50).map((o) => content('target', o)),
      ...sealed(2, 6, 0, 50).map((o) => content('other', o)),
    ]);
    expect(only(recovery)).toMatchObject({ recovered: true });
    expect(lengths(recovery)).toEqual([8000, 8000]);
  });

  it('R-62: of the wrong length, or malformed, cost nothing but themselves', () => {
    const lines = AUDIO.map((line) => line.replace('AVP', 'SAVP'));
    const wrong = [
      `a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:${toBase64(new Uint8Array(29))}`,
      'a=crypto:8 AES_CM_128_HMAC_SHA1_80',
      'a=crypto:9 AES_CM_128_HMAC_SHA1_80 inline:AAAA|1:999',
      'a=crypto:999999999999 AES_CM_128_HMAC_SHA1_80 inline:AAAA',
    ];
    const recovery = runAll([
      ...invite(sdp(...lines, ...wrong, crypto(1)), sdp(...lines, ...wrong, crypto(2))),
      ...sealed(1, 5, 0, 50).map((o) => content('target', o)),
    ]);
    expect(only(recovery)).toMatchObject({ recovered: true });
  });

  it('R-79: with an MKI, whose length the line says', () => {
    const under = sender(1, 5, Uint8Array.of(0, 0, 0, 1));
    const packets = range(0, 50).map((n) => content('target', under.protect(nth(n, { ssrc: 5 }))));
    const lines = AUDIO.map((line) => line.replace('AVP', 'SAVP'));
    const recovery = runAll([
      ...invite(sdp(...lines, crypto(1, '|2^20|1:4')), sdp(...lines, crypto(2, '|1:4'))),
      ...packets,
    ]);
    expect(lengths(recovery)).toEqual([8000]);
    expect(only(recovery).streams[0]?.keys).toMatchObject([{ csId: null, mki: '00000001', packets: 50 }]);
  });

  it('R-79: a change of keys by re-INVITE goes on in one stream', () => {
    const lines = AUDIO.map((line) => line.replace('AVP', 'SAVP'));
    const signalling = [
      ...invite(sdp(...lines, crypto(1)), sdp(...lines, crypto(2))),
      ...invite(sdp(...lines, crypto(3)), sdp(...lines, crypto(2)), '2 INVITE'),
    ];
    const packets = [...sealed(1, 5, 0, 50), ...sealed(3, 5, 50, 90)].map((o) => content('target', o));
    const recovery = runAll([...signalling, ...packets]);
    expect(only(recovery)).toMatchObject({ recovered: true });
    expect(lengths(recovery)).toEqual([90 * 160]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SipError } from '../../src/sip/errors.ts';
import { makeSdp, SessionDescription } from '../../src/sip/sdp.ts';
import { fromOctets, toOctets } from '../../src/sip/text.ts';

const OFFER = [
  'v=0',
  'o=alice 1 1 IN IP4 192.0.2.1',
  's=A call \xc3\xa9',
  'c=IN IP4 192.0.2.1',
  't=0 0',
  'a=key-mgmt:mikey AAECAw==',
  'a=x-unknown: kept  as it is',
  'm=audio 49170 RTP/SAVP 0 8',
  'a=rtpmap:0 PCMU/8000',
  'm=video 51372/2 RTP/SAVP 31',
  'i=second',
  'c=IN IP4 192.0.2.2',
  'b=AS:100',
  'a=sendonly',
  '',
].join('\r\n');

describe('SDP', () => {
  it('keeps its octets', () => {
    for (const text of [OFFER, OFFER.replaceAll('\r\n', '\n'), OFFER.slice(0, -2)])
      expect(fromOctets(SessionDescription.parse(toOctets(text)).serialise())).toBe(text);
  });

  it('shows media with their connection, and key management', () => {
    const sdp = SessionDescription.parse(toOctets(OFFER));
    expect(sdp.media.map(({ port, ports, connection }) => [port, ports, connection?.address])).toEqual([
      [49170, 1, '192.0.2.1'],
      [51372, 2, '192.0.2.2'],
    ]);
    expect([...sdp.mikey!]).toEqual([0, 1, 2, 3]);
    expect(sdp.keyManagement).toEqual(['mikey']);
  });

  it('rewrites ports and addresses and nothing else', () => {
    const sdp = SessionDescription.parse(toOctets(OFFER));
    const gateway = { addressType: 'IP4', address: '127.0.0.9' } as const;
    sdp.setConnection(gateway);
    sdp.setMedium(0, 7000, gateway);
    sdp.setMedium(1, 7002, gateway);
    expect(fromOctets(sdp.serialise())).toBe(
      OFFER.replaceAll(/c=IN IP4 192.0.2.[12]/g, 'c=IN IP4 127.0.0.9')
        .replace('49170', '7000')
        .replace('51372', '7002'),
    );
    expect(() => sdp.setMedium(2, 1, gateway)).toThrow(SipError);
  });

  it('gives a medium its own c= line where the session has another, after m= and i=', () => {
    const sdp = SessionDescription.parse(toOctets(OFFER.replace('c=IN IP4 192.0.2.2\r\n', '')));
    sdp.setMedium(1, 7002, { addressType: 'IP4', address: '127.0.0.9' });
    expect(fromOctets(sdp.serialise())).toContain('i=second\r\nc=IN IP4 127.0.0.9\r\nb=AS:100');
  });

  it('replaces, adds and removes the MIKEY message at session level', () => {
    const sdp = SessionDescription.parse(toOctets(OFFER));
    sdp.setMikey(Uint8Array.of(9));
    expect(fromOctets(sdp.serialise())).toBe(OFFER.replace('AAECAw==', 'CQ=='));
    sdp.setMikey(null);
    expect([sdp.mikey, sdp.keyManagement]).toEqual([null, []]);
    sdp.setMikey(Uint8Array.of(0, 1, 2, 3));
    expect(fromOctets(sdp.serialise())).toContain(
      'a=x-unknown: kept  as it is\r\na=key-mgmt:mikey AAECAw==\r\nm=audio',
    );
  });

  it('refuses two MIKEY messages and bad base64', () => {
    const twice = OFFER.replace('a=x-unknown', 'a=key-mgmt:mikey AAAA\r\na=x-unknown');
    expect(() => SessionDescription.parse(toOctets(twice)).mikey).toThrow(SipError);
    expect(() => SessionDescription.parse(toOctets(OFFER.replace('AAECAw==', 'AAECAw'))).mikey).toThrow(
      SipError,
    );
  });

  it('cut short or mangled never breaks the parser', () => {
    fc.assert(
      fc.property(
        fc.nat(OFFER.length),
        fc.nat(OFFER.length - 1),
        fc.string({ maxLength: 3 }),
        (cut, at, text) => {
          try {
            const mangled = (OFFER.slice(0, at) + text + OFFER.slice(at + 1)).slice(0, cut);
            expect(fromOctets(SessionDescription.parse(toOctets(mangled)).serialise())).toBe(
              fromOctets(toOctets(mangled)),
            );
          } catch (cause) {
            if (!(cause instanceof SipError)) throw cause;
          }
        },
      ),
    );
  });

  it('is made from parts', () => {
    const sdp = makeSdp({
      username: 'bob',
      sessionId: '5',
      version: 1,
      connection: { addressType: 'IP4', address: '127.0.0.1' },
      media: [
        {
          line: { media: 'audio', port: 4000, protocol: 'RTP/SAVP', formats: ['8'] },
          attributes: ['sendrecv'],
        },
      ],
    });
    expect(fromOctets(sdp.serialise())).toBe(
      'v=0\r\no=bob 5 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 8\r\na=sendrecv\r\n',
    );
  });
});

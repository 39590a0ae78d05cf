import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { describeMessage, renderMessage } from '../../src/mikey/describe.ts';
import { decodeMessage, encodeMessage } from '../../src/mikey/message.ts';
import { unixMsFromNtp } from '../../src/mikey/ntp.ts';
import { chain, header } from './arbitrary.ts';
import { exchange, FILES, messagesOf } from './vectors.ts';

describe.each(FILES)('the rendering of %s', (file) => {
  const vector = exchange(file);

  it.each(messagesOf(vector))(
    'of %s names the message, its identities, its time and its payloads',
    (name, octets) => {
      const text = renderMessage(describeMessage(decodeMessage(octets), octets.length));
      expect(text.split('\n')[0]).toBe(`${name}, ${octets.length} octets`);
      expect(text).toContain(`ID Data: ${vector.uri.i}`);
      expect(text).toContain(`CSB ID: 0x${vector.csbId.toString(16).padStart(8, '0')}`);
      const t = fromHex(name.endsWith('1') ? vector.time.T1 : vector.time.T2);
      expect(text).toContain(new Date(Math.floor(unixMsFromNtp(t))).toISOString());
    },
  );
});

describe('the rendering', () => {
  it('takes key IDs (RFC 4563) and session data of SRTP (RFC 6043) apart, and shows broken ones in hex', () => {
    const entry = { csId: 1, protType: 0, policies: [2], spi: fromHex('aa') };
    const entries = [
      { ...entry, s: true, sessionData: fromHex('cafe0001000000020003') },
      { ...entry, s: false, sessionData: fromHex('cafe0001') },
      { ...entry, s: true, sessionData: fromHex('cafe0001') },
    ];
    const octets = encodeMessage({
      header: {
        ...{ version: 1, dataType: 0, v: false, prfFunc: 1, csbId: 1, csCount: 3, csIdMapType: 2 },
        csIdMap: { kind: 'generic-id', entries },
      },
      payloads: ['000301020301021122', '0003'].map((data) => ({ kind: 'ext', type: 3, data: fromHex(data) })),
    });
    const { header: head, payloads } = describeMessage(decodeMessage(octets), octets.length);
    expect(head['crypto sessions']).toMatchObject([
      { 'Session Data': { SSRC: '0xcafe0001', ROC: 2, SEQ: 3 } },
      { 'Session Data': { SSRC: '0xcafe0001' } },
      { 'Session Data': 'cafe0001' },
    ]);
    expect(payloads.map(({ fields }) => fields['Data'])).toEqual([
      [
        { 'Key ID Type': 'MBMS Key Domain ID (0)', 'Key ID': '010203' },
        { 'Key ID Type': 'MBMS Service Key ID (1)', 'Key ID': '1122' },
      ],
      '0003',
    ]);
  });

  it('exists for every message, as JSON too, and shows no key', () => {
    fc.assert(
      fc.property(header, chain, (head, payloads) => {
        const key = new Uint8Array(16).map((_, i) => 0xa5 ^ (37 * i));
        const secret = {
          kind: 'key-data' as const,
          type: 7,
          key: Secret.of(key),
          salt: null,
          kv: { kind: 'null' as const },
        };
        const octets = encodeMessage({ header: head, payloads: [secret, ...payloads] });
        const message = decodeMessage(octets);
        const described = describeMessage(message, octets.length);
        const text = renderMessage(described);
        expect(text.endsWith('\n')).toBe(true);
        expect(JSON.stringify(described) + text).not.toContain(toHex(key));
        expect(described.payloads.length).toBe(payloads.length + 1);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { encodeChain } from '../../src/mikey/chain.ts';
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

  it('names what RFC 6509 adds: SAKKE, its KMSs, ECCSI; its data are carried, octet for octet', () => {
    const head = {
      ...{ version: 1, dataType: 26, v: false, prfFunc: 1, csbId: 7, csCount: 0, csIdMapType: 1 },
      csIdMap: { kind: 'empty' as const },
    };
    const idr = (role: number) => ({ kind: 'idr' as const, role, type: 1, data: utf8('kms.example') });
    const data = new Uint8Array(273).fill(0x5a);
    const octets = encodeMessage({
      header: head,
      payloads: [
        idr(6),
        idr(7),
        { kind: 'sakke', params: 1, idScheme: 1, data },
        { kind: 'sign', type: 2, signature: new Uint8Array(129) },
      ],
    });
    const text = renderMessage(describeMessage(decodeMessage(octets), octets.length));
    expect(text).toMatch(/^SAKKE, /);
    for (const line of ['ID Role: IDRkmsi (6)', 'ID Role: IDRkmsr (7)', 'S type: ECCSI (2)'])
      expect(text).toContain(line);
    expect(text).toMatch(/SAKKE params: Parameter Set 1 \(1\)\s+ID scheme: tel URI with monthly keys \(1\)/);
    const at = octets.indexOf(0x5a);
    expect(toHex(octets.subarray(at - 5, at))).toBe('0401010111');
    expect(() => decodeMessage(octets.subarray(0, at + 272))).toThrow(/SAKKE data/);
  });

  it('takes the policy of a ticket (RFC 6043) apart, and shows one that is not a chain in hex', () => {
    const policy = { ticketType: 1, subtype: 1, version: 1, prfFunc: 1, flags: 0x800, reserved: 0 };
    const name = encodeChain([{ kind: 'idr', role: 1, type: 1, data: utf8('sip:a@h') }]);
    const shown = [Uint8Array.of(14, ...name), Uint8Array.of(14, ...name, 1), new Uint8Array()].map(
      (tpData) => {
        const octets = encodeMessage({
          header: {
            ...{ version: 1, dataType: 14, v: false, prfFunc: 1, csbId: 7, csCount: 0, csIdMapType: 1 },
            csIdMap: { kind: 'empty' },
          },
          payloads: [
            {
              kind: 'ticket',
              ...policy,
              tpData,
              ticketData: Uint8Array.of(1),
              initiatorData: new Uint8Array(),
            },
          ],
        });
        const described = describeMessage(decodeMessage(octets), octets.length);
        expect(described.name).toBe('TRANSFER_INIT');
        return described.payloads[0]?.fields['TP Data'];
      },
    );
    expect(shown).toEqual([
      [{ payload: 'IDR', 'ID Role': 'IDRi (1)', 'ID Type': 'URI (1)', 'ID Data': 'sip:a@h' }],
      `0e${toHex(name)}01`,
      '',
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

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { derSequence } from '../../../src/bytes/der.ts';
import { concat, fromHex, toHex, utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { constructed, primitive } from '../../../src/wire/hi/ber.ts';
import { MAX_PDU, PsPduDeframer, splitPsPdus } from '../../../src/wire/hi/deframer.ts';
import { PS_HEADER } from '../../../src/wire/hi/header.ts';
import { decodePsPdu, encodePsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import type { PsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import { readGeneralizedTime, microTime, unixMsOf } from '../../../src/wire/hi/time.ts';
import { askOracle, compileOracle, TIME_TO_COMPILE, withoutOracle } from '../../support/asn1-oracle.ts';
import { rewritten } from './rewritten.ts';
import { header, samples } from './samples.ts';

const encoded = samples.map(([name, pdu]) => [name, encodePsPdu(pdu)] as const);

/** Secrets become hex, octets too: `toEqual` sees into neither otherwise. */
function plain(value: unknown): unknown {
  if (value instanceof Secret) return `secret ${toHex(value.expose())}`;
  if (value instanceof Uint8Array) return `octets ${toHex(value)}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}

describe('PS-PDU (TS 102 232-1, TS 33.108)', () => {
  it.each(samples)('%s: decode(encode(x)) = x', (_, pdu) => {
    expect(plain(decodePsPdu(encodePsPdu(pdu)))).toEqual(plain(pdu));
  });

  it.each(samples)('R-79: %s, with lengths longer than needed or indefinite, is the same', (_, pdu) => {
    if (pdu.payload.kind === 'other') return;
    for (const form of ['long', 'indefinite'] as const) {
      expect(plain(decodePsPdu(rewritten(encodePsPdu(pdu), form)))).toEqual(plain(pdu));
    }
  });

  it('R-79: content and text in segments are put together', () => {
    const [, pdu] = samples.find(([name]) => name === 'an RTP packet')!;
    const octets = encodePsPdu(pdu);
    const packet = fromHex('81' + '81be' + '80'.repeat(190));
    const at = Buffer.from(octets).indexOf(packet);
    const segments = fromHex(
      'a180' + '0464' + '80'.repeat(100) + '2480' + '045a' + '80'.repeat(90) + '0000' + '0000',
    );
    // Everything around it becomes indefinite, so that no length needs to change.
    const marked = concat(
      octets.subarray(0, at),
      primitive(1, new Uint8Array(190).fill(0x55)),
      octets.subarray(at + packet.length),
    );
    const open = rewritten(marked, 'indefinite');
    const place = Buffer.from(open).indexOf(fromHex('81' + '88' + '00000000000000be'));
    const spliced = concat(open.subarray(0, place), segments, open.subarray(place + 10 + 190));
    expect(plain(decodePsPdu(spliced))).toEqual(plain(pdu));
  });

  it.each(encoded)('%s: truncated anywhere, it is refused; an octet after it too', (_, octets) => {
    for (let length = 0; length < octets.length; length++) {
      expect(() => decodePsPdu(octets.subarray(0, length)), `${length} octets`).toThrow(
        expect.objectContaining({ code: 'malformed' }) as Error,
      );
    }
    expect(() => decodePsPdu(concat(octets, Uint8Array.of(0)))).toThrow(/trailing|left over/);
  });

  it('one octet altered anywhere is refused with a HiError or decodes; it never crashes the reader', () => {
    for (const [, octets] of encoded) {
      for (let at = 0; at < octets.length; at++) {
        const altered = octets.slice();
        altered[at] = (altered[at] ?? 0) ^ 0x41;
        try {
          decodePsPdu(altered);
        } catch (error) {
          expect(error).toMatchObject({ code: 'malformed' });
        }
      }
    }
  });

  it('header fields of any value survive', () => {
    const country = fc.stringMatching(/^[A-Z]{2}$/);
    const octets = (max: number) =>
      fc.uint8Array({ minLength: 1, maxLength: max }).map((value) => Buffer.from(value).toString('latin1'));
    const headers = fc.record(
      {
        domainId: fc.constant(header.domainId),
        liid: octets(25),
        authorizationCountryCode: country,
        deliveryCountryCode: country,
        operatorIdentifier: octets(16),
        networkElementIdentifier: octets(16),
        cin: fc.nat(0xffffffff),
        sequenceNumber: fc.nat(0xffffffff),
        time: fc.record({ seconds: fc.maxSafeNat(), microSeconds: fc.nat(999_999) }),
        timeStampQualifier: fc.nat(9),
      },
      { requiredKeys: ['domainId', 'liid', 'operatorIdentifier', 'sequenceNumber'] },
    );
    fc.assert(
      fc.property(headers, (value) => {
        const pdu: PsPdu = { header: value, payload: { kind: 'tri', message: { type: 'keepAlive' } } };
        expect(decodePsPdu(encodePsPdu(pdu))).toEqual(pdu);
      }),
    );
  });

  it('content of any octets survives unchanged (R-13)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (packet) => {
        const pdu = samples.find(([name]) => name === 'an RTP packet')![1];
        if (pdu.payload.kind !== 'cc') throw new Error('sample is not content');
        const [payload] = pdu.payload.packets;
        if (payload?.contents.kind !== 'ipmm') throw new Error('sample is not IPMMCC');
        const contents = { ...payload.contents, cc: { ...payload.contents.cc, packet } };
        const changed: PsPdu = { ...pdu, payload: { kind: 'cc', packets: [{ ...payload, contents }] } };
        expect(plain(decodePsPdu(encodePsPdu(changed)))).toEqual(plain(changed));
      }),
    );
  });

  it('records of any content survive', () => {
    const octets = fc.uint8Array({ maxLength: 300 });
    const text = fc.string({ unit: 'grapheme', maxLength: 40 });
    const optionalText = <K extends string>(...names: K[]) =>
      Object.fromEntries(names.map((name) => [name, text])) as Record<K, typeof text>;
    const parties = fc.array(
      fc.record(
        {
          qualifier: fc.nat(9),
          imei: fc.stringMatching(/^(\d{14}|\d{16})$/),
          imsi: fc.stringMatching(/^\d{6,15}$/),
          ...optionalText('sipUri', 'telUri', 'nai', 'impi'),
        },
        { requiredKeys: ['qualifier'] },
      ),
      { maxLength: 10 },
    );
    const secret = octets.map((value) => Secret.of(value));
    const key = fc.record({ csId: octets, key: secret, salt: secret }, { requiredKeys: ['csId', 'key'] });
    const iriToCc = fc.record(
      { cc: fc.array(octets, { maxLength: 3 }), iri: octets },
      { requiredKeys: ['cc'] },
    );
    const records = fc.record(
      {
        recordType: fc.integer({ min: 1, max: 4 }),
        domainId: fc.constant('0.4.0.2.2.4.8.15.5'),
        liid: fc.stringMatching(/^[A-Za-z0-9]{1,25}$/),
        time: fc.integer({ min: 0, max: Date.UTC(9999, 0) }),
        parties,
        networkIdentifier: fc.record(
          { operator: fc.stringMatching(/^[!-~]{1,5}$/), element: fc.stringMatching(/^[!-~]{1,25}$/) },
          { requiredKeys: ['operator'] },
        ),
        imsEvent: fc.nat(0xffffffff),
        sipMessage: octets,
        correlation: fc.oneof(
          fc.record({ iriToCc }),
          fc.record({ iriToIri: octets }),
          fc.record({ iriToCc, iriToIri: octets }),
        ),
        keys: fc.array(key, { maxLength: 3 }),
        sipMessageHeaderOffer: octets,
        sipMessageHeaderAnswer: octets,
        sdpOffer: octets,
        sdpAnswer: octets,
        mediaSecFailure: fc.nat(9),
        pani: fc.array(
          fc.record(
            {
              networkProvided: fc.boolean(),
              rawLocation: octets,
              ...optionalText('accessType', 'accessClass'),
            },
            { requiredKeys: ['networkProvided'] },
          ),
          { maxLength: 3 },
        ),
        imsVoip: fc.array(fc.record({ imsIri: octets, imsCc: iriToCc }, { requiredKeys: ['imsIri'] }), {
          maxLength: 3,
        }),
        ccUnavailableReason: fc.stringMatching(/^[A-Za-z0-9 .]{0,40}$/),
      },
      { requiredKeys: ['recordType', 'domainId', 'liid', 'time', 'parties', 'networkIdentifier'] },
    );
    fc.assert(
      fc.property(records, (record) => {
        const contents = { kind: 'eps' as const, record };
        const pdu: PsPdu = { header, payload: { kind: 'iri', records: [{ iriType: 4, contents }] } };
        const octetsOnce = encodePsPdu(pdu);
        expect(plain(decodePsPdu(octetsOnce))).toEqual(plain(pdu));
        expect(encodePsPdu(decodePsPdu(octetsOnce))).toEqual(octetsOnce);
      }),
    );
  });

  it('components of a later version are passed over; unknown ones before the extension mark are refused', () => {
    const tri = constructed(2, constructed(2, primitive(3, new Uint8Array())));
    const contents = PS_HEADER.contents(header, 'pSHeader');
    const later = derSequence(constructed(1, contents, primitive(77, utf8('new'))), tri);
    expect(decodePsPdu(later).header).toEqual(header);
    const twice = derSequence(constructed(1, contents, primitive(4, Uint8Array.of(0))), tri);
    expect(() => decodePsPdu(twice)).toThrow(/\[4\] after/);
    expect(() =>
      decodePsPdu(derSequence(constructed(1, contents), tri, primitive(3, new Uint8Array()))),
    ).toThrow(/no component \[3\]/);
  });

  it('alternatives that are not ours survive decoding and encode to the same octets', () => {
    const ilhi = constructed(6, constructed(1, primitive(0, Uint8Array.of(1))));
    const octets = derSequence(constructed(1, PS_HEADER.contents(header, 'pSHeader')), constructed(2, ilhi));
    const pdu = decodePsPdu(octets);
    expect(pdu.payload).toMatchObject({ kind: 'other', tag: 6 });
    expect(encodePsPdu(pdu)).toEqual(octets);
  });

  it.each([
    ['a notification of later versions', constructed(9, primitive(0, Uint8Array.of(1)))],
    ['national parameters alone', constructed(5, primitive(1, utf8('DE')))],
    ['a notification without time', constructed(1, primitive(1, utf8('LIID')))],
    ['an alarm whose text is too long', constructed(4, primitive(3, new Uint8Array(257).fill(0x41)))],
  ])('R-91: %s survives decoding with its octets', (_, operation) => {
    const header1 = constructed(1, PS_HEADER.contents(header, 'pSHeader'));
    const octets = derSequence(header1, constructed(2, constructed(3, operation)));
    const pdu = decodePsPdu(octets);
    expect(pdu.payload).toMatchObject({ kind: 'hi1', operation: { kind: 'other', element: operation } });
    expect(encodePsPdu(pdu)).toEqual(octets);
  });

  it('R-91: notifications and alarms of any values survive', () => {
    const text = (max: number) =>
      fc.uint8Array({ minLength: 1, maxLength: max }).map((value) => Buffer.from(value).toString('latin1'));
    const time = fc.integer({ min: 0, max: Date.UTC(9999, 0) });
    const notification = fc.record(
      { liid: text(25), time, target: text(256) },
      { requiredKeys: ['liid', 'time'] },
    );
    const alarm = fc.record(
      { time, information: text(256), liid: text(25) },
      { requiredKeys: ['time', 'information'] },
    );
    const operation = fc.oneof(
      fc.record({ kind: fc.constantFrom('liActivated', 'liModified', 'liDeactivated'), notification }),
      fc.record({ kind: fc.constant('alarm' as const), alarm }),
    );
    fc.assert(
      fc.property(operation, (value) => {
        const pdu: PsPdu = { header, payload: { kind: 'hi1', operation: value } };
        expect(decodePsPdu(encodePsPdu(pdu))).toEqual(pdu);
      }),
    );
  });

  it.each([
    ['an alarm without text', { time: 0, information: '' }],
    ['an alarm of 257 octets', { time: 0, information: 'x'.repeat(257) }],
    ['an alarm beyond one octet a character', { time: 0, information: 'Ω' }],
    ['an alarm of the year 10000', { time: Date.UTC(10000, 0), information: 'x' }],
    ['an alarm of no time', { time: NaN, information: 'x' }],
  ])('R-91: %s is not sent', (_, alarm) => {
    const pdu: PsPdu = { header, payload: { kind: 'hi1', operation: { kind: 'alarm', alarm } } };
    expect(() => encodePsPdu(pdu)).toThrow(expect.objectContaining({ code: 'range' }) as Error);
  });

  it.each([
    ['an LIID of 26 octets', { liid: 'x'.repeat(26) }],
    ['an empty LIID', { liid: '' }],
    ['an LIID beyond one octet a character', { liid: 'Ω' }],
    ['a country code of three letters', { deliveryCountryCode: 'DEU' }],
    ['a sequence number of 33 bits', { sequenceNumber: 2 ** 32 }],
    ['an operator of 17 octets', { operatorIdentifier: 'x'.repeat(17) }],
  ])('%s is not sent', (_, fields) => {
    const pdu: PsPdu = {
      header: { ...header, ...fields },
      payload: { kind: 'tri', message: { type: 'keepAlive' } },
    };
    expect(() => encodePsPdu(pdu)).toThrow(expect.objectContaining({ code: 'range' }) as Error);
  });

  it('a key is a Secret on both sides and shows nowhere', () => {
    const [, pdu] = samples.find(([name]) => name.startsWith('session encryption'))!;
    const text = JSON.stringify(decodePsPdu(encodePsPdu(pdu)));
    expect(text).toContain('[secret]');
  });
});

describe('time stamps', () => {
  it.each([
    ['20300102030405.678Z', Date.UTC(2030, 0, 2, 3, 4, 5, 678)],
    ['20300102030405Z', Date.UTC(2030, 0, 2, 3, 4, 5)],
    ['20300102040405.5+0100', Date.UTC(2030, 0, 2, 3, 4, 5, 500)],
    ['20300102030405', Date.UTC(2030, 0, 2, 3, 4, 5)],
    ['20300102030405,75', Date.UTC(2030, 0, 2, 3, 4, 5, 750)],
    ['2030010203Z', Date.UTC(2030, 0, 2, 3)],
    ['2030010203.5', Date.UTC(2030, 0, 2, 3, 30)],
    ['203001020304.25Z', Date.UTC(2030, 0, 2, 3, 4, 15)],
    ['203001020304-05', Date.UTC(2030, 0, 2, 8, 4)],
    ['2030010203+0545', Date.UTC(2030, 0, 1, 21, 15)],
    ['20300102240000Z', Date.UTC(2030, 0, 3)],
    ['20300102235960Z', Date.UTC(2030, 0, 3)],
    ['20300102030405.123456789012Z', Date.UTC(2030, 0, 2, 3, 4, 5, 123)],
  ])('R-79: GeneralizedTime in every form of X.680 46.3: %s', (text, ms) =>
    expect(readGeneralizedTime(text, 'time')).toBe(ms),
  );

  it.each([
    '20301302030405Z',
    '20300230030405Z',
    '20300102250000Z',
    '20300102240001Z',
    '203001020360',
    '20300102030405+2400',
    '20300102030405.Z',
    '20300102030405 Z',
    '203001020',
    '2030010203Zx',
    'x',
  ])('%s is refused', (text) => expect(() => readGeneralizedTime(text, 'time')).toThrow());

  it('microseconds of Unix milliseconds and back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e15 }), (micros) => {
        expect(Math.round(unixMsOf(microTime(micros / 1000)) * 1000)).toBe(micros);
      }),
    );
  });
});

describe('PDUs one after the other', () => {
  const stream = concat(...encoded.map(([, octets]) => octets));

  it('are cut apart wherever a segment ends (R-51)', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }), (sizes) => {
        const deframer = new PsPduDeframer();
        const pdus: Uint8Array[] = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = sizes[i % sizes.length] ?? 1;
          pdus.push(...deframer.push(stream.subarray(at, at + size)));
          at += size;
        }
        expect(pdus.map(toHex)).toEqual(encoded.map(([, octets]) => toHex(octets)));
        expect(deframer.pending).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  it.each(['long', 'indefinite'] as const)('R-79: are cut apart with %s lengths, octet by octet', (form) => {
    const forms = encoded.slice(0, 6).map(([, octets]) => rewritten(octets, form));
    const deframer = new PsPduDeframer();
    const pdus: Uint8Array[] = [];
    for (const octet of concat(...forms)) pdus.push(...deframer.push(Uint8Array.of(octet)));
    expect(pdus.map(toHex)).toEqual(forms.map(toHex));
    expect(splitPsPdus(concat(...forms)).pdus.map(toHex)).toEqual(forms.map(toHex));
  });

  it('R-79: a PDU that never ends is given up at the largest size, however it is sent', () => {
    const deframer = new PsPduDeframer();
    const filler = concat(Uint8Array.of(0x04, 0x83, 0x00, 0xff, 0xfc), new Uint8Array(0xfffc));
    const send = (octets: Uint8Array) => [...deframer.push(octets)];
    send(fromHex('3080'));
    expect(() => {
      for (let i = 0; i < 40; i++) send(filler);
    }).toThrow(/too many/);
    expect(deframer.pending).toBeLessThan(MAX_PDU + 2 * filler.length);
  });

  it('a partial one at the end is left over', () => {
    const { pdus, rest } = splitPsPdus(stream.subarray(0, stream.length - 1));
    expect(pdus).toHaveLength(encoded.length - 1);
    expect(rest).toEqual(encoded.at(-1)![1].subarray(0, -1));
  });

  it.each(['0203', '30ff', '3085ffffffff', '3084ffffffff', '30800580', '3080'.repeat(40)])(
    '%s is no PDU; what came before it is taken',
    (hex) => {
      const noise = concat(fromHex(hex), new Uint8Array(8));
      expect(splitPsPdus(noise).damage).toMatchObject({ code: 'malformed' });
      const [, good] = encoded[0]!;
      const deframer = new PsPduDeframer();
      const taken: Uint8Array[] = [];
      expect(() => {
        for (const pdu of deframer.push(concat(good, noise))) taken.push(pdu);
      }).toThrow(/PS-PDU at octet/);
      expect(taken).toEqual([good]);
    },
  );
});

describe.skipIf(withoutOracle())('an independent ASN.1 compiler', () => {
  beforeAll(compileOracle, TIME_TO_COMPILE);

  it('accepts every kind, writes the same octets, and reads the same values (R-8, R-31, R-32, R-91)', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'claviger-hi-'));
    const file = path.join(folder, 'all.ber');
    writeFileSync(file, concat(...encoded.map(([, octets]) => octets)), { mode: 0o600 });
    const { status, stderr, pdus: lines } = askOracle(file);
    rmSync(folder, { recursive: true });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(lines).toHaveLength(samples.length);
    const keys = lines[samples.findIndex(([name]) => name.startsWith('session encryption'))];
    expect(keys).toContain('"iMSevent":"decryptionKeysAvailable"');
    expect(keys).toContain(`"cCDecKey":{"octets":"${'01'.repeat(16)}"`);
    expect(keys).toContain(`"cCSalt":{"octets":"${'82'.repeat(12)}"`);
    expect(keys).toContain('"sequenceNumber":4294967295');
    expect(lines[samples.findIndex(([name]) => name === 'an RTP packet')]).toContain('"rtpFrame"');
    const of = (sample: string) => lines[samples.findIndex(([name]) => name === sample)];
    expect(of('LI activated')).toContain('"liActivated"');
    expect(of('LI modified')).toContain('"liModified"');
    expect(of('LI deactivated')).toContain('"liDeactivated"');
    expect(of('an alarm')).toContain('"alarms-indicator"');
  });
});

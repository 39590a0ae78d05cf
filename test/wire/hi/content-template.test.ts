/** PDUs of a stream from a template: octet for octet those of the encoder of all PDUs. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordEncoder, wholePdu } from '../../../src/entities/df/handover/encoder.ts';
import type { CcRecord } from '../../../src/entities/df/records.ts';
import { ContentTemplate } from '../../../src/wire/hi/content-template.ts';
import { encodePsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import { microTime } from '../../../src/wire/hi/time.ts';

const NAME = { countryCode: 'DE', operator: 'home1', element: 'df.home1' };
const CONTENT: CcRecord = {
  ...{ kind: 'cc', liid: 'LIID-1', cin: 1, time: 1_900_000_000_123.5, correlation: new Uint8Array(8) },
  ...{ direction: 'fromTarget', format: 'rtp', content: new Uint8Array(172), streamIdentifier: 'a>b' },
};

/** Values on both sides of each length that DER has another form for. */
const numbers = fc.oneof(
  fc.constantFrom(
    0,
    127,
    128,
    255,
    256,
    32_767,
    32_768,
    8_388_607,
    8_388_608,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
  ),
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
);
const sizes = fc.oneof(
  fc.constantFrom(0, 1, 40, 60, 80, 100, 127, 128, 172, 200, 255, 256, 1_200, 65_300, 65_535, 65_536, 70_000),
  fc.integer({ min: 0, max: 1_500 }),
);
const records: fc.Arbitrary<CcRecord> = fc.record({
  kind: fc.constant('cc'),
  liid: fc.string({ minLength: 1, maxLength: 25, unit: 'grapheme-ascii' }),
  cin: numbers,
  time: fc.oneof(fc.constantFrom(0, 0.001, 999.999, 1_000), fc.double({ min: 0, max: 4e12, noNaN: true })),
  correlation: fc.constant(new Uint8Array(8)),
  direction: fc.constantFrom('toTarget', 'fromTarget', 'unknown'),
  format: fc.constantFrom('rtp', 'ipv4', 'ipv6'),
  content: sizes.map((size) => new Uint8Array(size).fill(0xa5)),
  streamIdentifier: fc.oneof(fc.constantFrom('', ' ', '1'), fc.string({ maxLength: 60 })),
  decrypted: fc.option(fc.record({ csId: fc.option(fc.integer({ min: 1, max: 255 })) }), { nil: undefined }),
}) as fc.Arbitrary<CcRecord>;

describe('a template of the PDUs of a stream', () => {
  it('R-73: gives for every record what the encoder of all PDUs gives', () => {
    const encode = recordEncoder(NAME);
    fc.assert(
      fc.property(records, numbers, (record, sequenceNumber) => {
        const whole = encodePsPdu(wholePdu(NAME, record, sequenceNumber));
        expect(Buffer.compare(encode(record, sequenceNumber), whole)).toBe(0);
      }),
      { numRuns: 600 },
    );
  });

  it('R-73: … whatever other packet of the stream it was made from', () => {
    fc.assert(
      fc.property(records, records, numbers, (record, other, sequenceNumber) => {
        const { time, content } = other;
        const template = new ContentTemplate(wholePdu(NAME, { ...record, time, content }, 7));
        const made = template.encode(sequenceNumber, microTime(record.time), record.content);
        expect(Buffer.compare(made, encodePsPdu(wholePdu(NAME, record, sequenceNumber)))).toBe(0);
      }),
    );
  });

  it('streams of several warrants and calls in turns are not taken for each other', () => {
    const encode = recordEncoder(NAME);
    const others: Partial<CcRecord>[] = [
      {},
      { liid: 'LIID-1a', streamIdentifier: '>b' },
      { cin: 2 },
      { direction: 'toTarget' },
      { format: 'ipv4' },
      { decrypted: { csId: null } },
      { decrypted: { csId: 1 } },
      { streamIdentifier: '' },
    ];
    for (let round = 0; round < 2; round++)
      for (const [n, other] of others.entries()) {
        const record = { ...CONTENT, ...other };
        expect(encode(record, n)).toEqual(encodePsPdu(wholePdu(NAME, record, n)));
      }
  });

  it('refuses the numbers and times that the encoder of all PDUs refuses', () => {
    const encode = recordEncoder(NAME);
    encode(CONTENT, 0);
    for (const [time, number] of [
      [0, -1],
      [0, 2 ** 32],
      [0, 0.5],
      [-1, 0],
      [NaN, 0],
      [1e300, 0],
    ] as const) {
      const record = { ...CONTENT, time };
      expect(() => encodePsPdu(wholePdu(NAME, record, number)), `${time} ${number}`).toThrow('not');
      expect(() => encode(record, number), `${time} ${number}`).toThrow('not');
    }
    const large = { ...CONTENT, content: new Uint8Array(3 << 20) };
    expect(() => encode(large, 0)).toThrow('a PDU of');
  });

  it('is made of content alone', () => {
    const { header } = wholePdu(NAME, CONTENT, 0);
    const tri = { header, payload: { kind: 'tri', message: { type: 'keepAlive' } } } as const;
    expect(() => new ContentTemplate(tri)).toThrow('the example of a stream');
  });
});

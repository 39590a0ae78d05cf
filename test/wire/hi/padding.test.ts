import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { paddingPdu } from '../../../src/wire/hi/padding.ts';
import { decodePsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import { splitPsPdus } from '../../../src/wire/hi/deframer.ts';
import { askOracle, compileOracle, TIME_TO_COMPILE, withoutOracle } from '../../support/asn1-oracle.ts';

const LEAST = 40;
const LENGTHS = [
  ...Array.from({ length: 300 }, (_, at) => LEAST + at),
  ...Array.from({ length: 40 }, (_, at) => (1 << 16) - 5 + at),
  1_000_000,
];

describe('padding PDUs (TS 102 232-1, TRIPayload paddingPDU)', () => {
  it('there is one of every length, also where the length of a length changes', () => {
    for (const length of LENGTHS) {
      const pdu = paddingPdu(length)!;
      expect(pdu.length).toBe(length);
      expect(decodePsPdu(pdu).payload).toMatchObject({ kind: 'tri', message: { type: 'other', tag: 2 } });
    }
    expect(
      splitPsPdus(Buffer.concat(LENGTHS.slice(0, 50).map((length) => paddingPdu(length)!))).pdus,
    ).toHaveLength(50);
  });

  it('there is none shorter than a header', () => {
    expect(paddingPdu(10)).toBeNull();
  });

  it.skipIf(withoutOracle())(
    'an independent ASN.1 compiler reads them',
    async () => {
      await compileOracle();
      const root = mkdtempSync(path.join(tmpdir(), 'claviger-padding-'));
      try {
        const file = path.join(root, 'hi3.ber');
        // No PDU of 130 octets is written as short as can be: contents of 127 make 129, of 128 make 131.
        const some = LENGTHS.slice(0, 150).filter((length) => length !== 130);
        writeFileSync(file, Buffer.concat(some.map((length) => paddingPdu(length)!)));
        const { status, stderr, pdus } = askOracle(file);
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        expect(pdus).toHaveLength(some.length);
      } finally {
        rmSync(root, { recursive: true });
      }
    },
    TIME_TO_COMPILE,
  );
});

/** What the files of a LEMF hold. */
import { existsSync, readFileSync } from 'node:fs';
import { splitPsPdus } from '../../src/wire/hi/deframer.ts';
import type { Hi1Operation } from '../../src/wire/hi/hi1.ts';
import { decodePsPdu } from '../../src/wire/hi/ps-pdu.ts';
import type { PsPdu } from '../../src/wire/hi/ps-pdu.ts';

/** Every PS-PDU of a file, in order of arrival. */
export function psPdusOf(file: string): PsPdu[] {
  const octets = existsSync(file) ? new Uint8Array(readFileSync(file)) : new Uint8Array();
  const { pdus, rest, damage } = splitPsPdus(octets);
  if (damage !== null || rest.length > 0) throw new Error(`${file} is damaged`);
  return pdus.map((pdu) => decodePsPdu(pdu));
}

/** IRI and CC of a file: what was intercepted under a warrant. */
export function deliveredOf(file: string): PsPdu[] {
  return psPdusOf(file).filter(({ payload }) => payload.kind !== 'tri' && payload.kind !== 'hi1');
}

/** What a file tells of warrants themselves (HI1). */
export function noticesOf(file: string): Hi1Operation[] {
  return psPdusOf(file).flatMap(({ payload }) => (payload.kind === 'hi1' ? [payload.operation] : []));
}

/** Types of the PDUs of the transport in a file. */
export function transportOf(file: string): string[] {
  return psPdusOf(file).flatMap(({ payload }) => (payload.kind === 'tri' ? [payload.message.type] : []));
}

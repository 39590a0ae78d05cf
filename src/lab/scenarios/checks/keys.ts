/**
 * That keys are handed over once and in order: one record for each key under each warrant, never a second, never one that is
 * missing, and none before one that was sent under earlier. Where the LEMF was told that keys were late (R-30), they come
 * when they come.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { toHex } from '../../../bytes/octets.ts';
import { splitPsPdus } from '../../../wire/hi/deframer.ts';
import type { EpsIri } from '../../../wire/hi/eps-iri.ts';
import { decodePsPdu } from '../../../wire/hi/ps-pdu.ts';
import { PAYLOAD_FORMAT } from '../../../wire/x2x3/pdu.ts';
import type { HomeName } from '../../network/home.ts';
import { counted } from './check.ts';
import type { Check, CheckParts } from './check.ts';
import { keyOrder } from './key-order.ts';
import type { HandedKey, KeyOrder } from './key-order.ts';
import { pdusIn } from './pdus.ts';

/** A key as a record on HI2 has it. */
export interface DeliveredKey {
  readonly handed: HandedKey | null;
  readonly liid: string;
  readonly cin: number | null;
  /** In hex, as on HI2. */
  readonly csId: string;
  /** Tells keys apart, and does not tell them: SHA-256 of key and salt, the first 8 octets in hex. */
  readonly fingerprint: string;
}

/**
 * Every crypto session's key that was in force is in exactly one record under a warrant, and in the order of their use.
 * @param expected how many keys: crypto sessions in use, and again for each rekeying of each of them
 * @param most where there may be more, of exchanges that were given up
 */
export function keyRecordsCheck(
  parts: CheckParts,
  home: HomeName,
  liid: string,
  expected: number,
  most = expected,
): Check {
  const { out } = parts.scenario.options;
  const { distinct, places, used, early, late } = handedOverKeys(out, home, liid);
  const isInOrder = early === 0 || late > 0;
  return {
    name: `each key of ${liid} is in exactly one record at the LEMF of ${home}, in the order of their use`,
    passed: distinct >= expected && distinct <= most && places === distinct && isInOrder,
    detail: `${counted(distinct, 'key')} of ${expected === most ? expected : `${expected} to ${most}`}, in ${counted(places, 'place')}; ${used} were sent under, ${early} of them out of order; ${counted(late, 'word')} that some were late`,
  };
}

export interface HandedOverKeys extends KeyOrder {
  readonly distinct: number;
  /** Records that have one of them. */
  readonly places: number;
  /** Records of R-30. */
  readonly late: number;
}

/** What a home's LEMF was given of the keys of a warrant. */
export function handedOverKeys(out: string, home: HomeName, liid: string): HandedOverKeys {
  const records = recordsOnHi2(out, home).filter((record) => record.liid === liid);
  const keys = records.flatMap(keysOf);
  const distinct = new Set(keys.map(({ cin, csId, fingerprint }) => `${cin ?? ''} ${csId} ${fingerprint}`));
  const packets = pdusIn(path.join(out, home, 'x3.bin')).flatMap(({ payloadFormat, payload }) =>
    payloadFormat === PAYLOAD_FORMAT.rtp ? [payload] : [],
  );
  const order = keyOrder(
    packets,
    keys.flatMap(({ handed }) => handed ?? []),
  );
  const late = records.filter(({ record }) => record.mediaSecFailure !== undefined).length;
  return { distinct: distinct.size, places: keys.length, late, ...order };
}

/** All keys that a home's LEMF was given, in order. */
export function keysOnHi2(out: string, home: HomeName): DeliveredKey[] {
  return recordsOnHi2(out, home).flatMap(keysOf);
}

/* ---------------------------------------------------------------- helpers */

interface DeliveredRecord {
  readonly liid: string;
  readonly cin: number | null;
  readonly record: EpsIri;
}

function recordsOnHi2(out: string, home: HomeName): DeliveredRecord[] {
  const file = path.join(out, home, 'hi2.ber');
  if (!existsSync(file)) return [];
  return splitPsPdus(new Uint8Array(readFileSync(file))).pdus.flatMap((octets) => {
    const { header, payload } = decodePsPdu(octets);
    if (payload.kind !== 'iri') return [];
    const { liid, cin = null } = header;
    return payload.records.flatMap(({ contents }) =>
      contents.kind === 'eps' ? { liid, cin, record: contents.record } : [],
    );
  });
}

function keysOf({ liid, cin, record: { keys = [] } }: DeliveredRecord): DeliveredKey[] {
  return keys.map(({ csId, key, salt }) => {
    const hash = createHash('sha256').update(key.expose());
    if (salt !== undefined) hash.update(salt.expose());
    const fingerprint = toHex(hash.digest().subarray(0, 8));
    return { liid, cin, csId: toHex(csId), fingerprint, handed: salt === undefined ? null : { key, salt } };
  });
}

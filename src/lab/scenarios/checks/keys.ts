/**
 * That keys are handed over once and in order: one record for each key under each warrant, never a second, never one that is
 * missing, and none before one that was sent under earlier.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { toHex } from '../../../bytes/octets.ts';
import { splitPsPdus } from '../../../wire/hi/deframer.ts';
import { decodePsPdu } from '../../../wire/hi/ps-pdu.ts';
import { PAYLOAD_FORMAT } from '../../../wire/x2x3/pdu.ts';
import type { HomeName } from '../../network/home.ts';
import { counted } from './check.ts';
import type { Check, CheckParts } from './check.ts';
import { keyOrder } from './key-order.ts';
import type { HandedKey } from './key-order.ts';
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
  const { distinct, places, used, early } = handedOverKeys(out, home, liid);
  return {
    name: `each key of ${liid} is in exactly one record at the LEMF of ${home}, in the order of their use`,
    passed: distinct >= expected && distinct <= most && places === distinct && early === 0,
    detail: `${counted(distinct, 'key')} of ${expected === most ? expected : `${expected} to ${most}`}, in ${counted(places, 'place')}; ${used} were sent under, ${early} of them out of order`,
  };
}

/** What a home's LEMF was given of the keys of a warrant: how many, in how many records, and in what order. */
export function handedOverKeys(
  out: string,
  home: HomeName,
  liid: string,
): { readonly distinct: number; readonly places: number; readonly used: number; readonly early: number } {
  const keys = keysOnHi2(out, home).filter((key) => key.liid === liid);
  const distinct = new Set(keys.map(({ cin, csId, fingerprint }) => `${cin ?? ''} ${csId} ${fingerprint}`));
  const packets = pdusIn(path.join(out, home, 'x3.bin')).flatMap(({ payloadFormat, payload }) =>
    payloadFormat === PAYLOAD_FORMAT.rtp ? [payload] : [],
  );
  const order = keyOrder(
    packets,
    keys.flatMap(({ handed }) => handed ?? []),
  );
  return { distinct: distinct.size, places: keys.length, ...order };
}

/** All keys that a home's LEMF was given, in order. */
export function keysOnHi2(out: string, home: HomeName): DeliveredKey[] {
  const file = path.join(out, home, 'hi2.ber');
  if (!existsSync(file)) return [];
  return splitPsPdus(new Uint8Array(readFileSync(file))).pdus.flatMap((octets) => {
    const { header, payload } = decodePsPdu(octets);
    if (payload.kind !== 'iri') return [];
    const records = payload.records.flatMap(({ contents }) =>
      contents.kind === 'eps' ? contents.record : [],
    );
    const { liid, cin = null } = header;
    return records.flatMap(({ keys = [] }) =>
      keys.map(({ csId, key, salt }) => {
        const hash = createHash('sha256').update(key.expose());
        if (salt !== undefined) hash.update(salt.expose());
        const fingerprint = toHex(hash.digest().subarray(0, 8));
        return {
          liid,
          cin,
          csId: toHex(csId),
          fingerprint,
          handed: salt === undefined ? null : { key, salt },
        };
      }),
    );
  });
}

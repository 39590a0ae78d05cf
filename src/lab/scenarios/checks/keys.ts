/** That keys are handed over once: one record for each key under each warrant, never a second, never one that is missing. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { toHex } from '../../../bytes/octets.ts';
import { splitPsPdus } from '../../../wire/hi/deframer.ts';
import { decodePsPdu } from '../../../wire/hi/ps-pdu.ts';
import type { HomeName } from '../../network/home.ts';
import { counted } from './check.ts';
import type { Check, CheckParts } from './check.ts';

/** A key as a record on HI2 has it. */
export interface DeliveredKey {
  readonly liid: string;
  readonly cin: number | null;
  /** In hex, as on HI2. */
  readonly csId: string;
  /** Tells keys apart, and does not tell them: SHA-256 of key and salt, the first 8 octets in hex. */
  readonly fingerprint: string;
}

/**
 * Every crypto session's key that was in force is in exactly one record under a warrant.
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
  const keys = keysOnHi2(parts.scenario.options.out, home).filter((key) => key.liid === liid);
  const distinct = new Set(keys.map(({ cin, csId, fingerprint }) => `${cin ?? ''} ${csId} ${fingerprint}`));
  return {
    name: `each key of ${liid} is in exactly one record at the LEMF of ${home}`,
    passed: distinct.size >= expected && distinct.size <= most && keys.length === distinct.size,
    detail: `${counted(distinct.size, 'key')} of ${expected === most ? expected : `${expected} to ${most}`}, in ${counted(keys.length, 'place')}`,
  };
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
        return { liid, cin, csId: toHex(csId), fingerprint: toHex(hash.digest().subarray(0, 8)) };
      }),
    );
  });
}

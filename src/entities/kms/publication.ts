/**
 * The public parameter server (RFC 5408 section 4): GET at the district's URI gives IBESysParams, base64 of DER. The
 * RFC has one structure per answer and no way to learn of the next; an announced serial is linked as
 * `rel="successor-version"` (RFC 5829) and fetched with `?serial=N`.
 */
import { toBase64 } from '../../bytes/octets.ts';
import { encodeIbeSysParams, sysParamsOf } from '../../ibe/system-parameters.ts';
import type { District } from './district.ts';
import { KmsError } from './errors.ts';
import type { SerialRecord } from './ports.ts';

export interface Publication {
  /** Base64 of the DER of IBESysParams. */
  readonly body: string;
  readonly serial: number;
  /** The announced serial after this one, if any. */
  readonly successor: number | null;
}

/**
 * The parameters of `serial`, or without it those in force now; `null` for a serial that is unknown or not announced yet.
 * @throws KmsError `no-parameters` if none are in force
 */
export function publish(district: District, now: number, serial: number | null): Publication | null {
  const record = serial === null ? inForce(district, now) : district.bySerial(serial);
  if (record === null || !district.isAnnounced(record, now)) return null;
  return {
    body: toBase64(encodeIbeSysParams(sysParamsOf(district.published(record)))),
    serial: record.serial,
    successor: district.announcedAfter(record, now)?.serial ?? null,
  };
}

function inForce(district: District, now: number): SerialRecord {
  const record = district.serialFor(district.periodOf(now));
  if (record === null) throw new KmsError('no-parameters', 'no parameters are in force');
  return record;
}

/** What a district publishes of its parameters, and when (RFC 5408 section 4): `wire/pps` has the form. */
import { encodeIbeSysParams, sysParamsOf } from '../../ibe/system-parameters.ts';
import type { PublishedParameters } from '../../wire/pps/publication.ts';
import { uriOfSerial } from '../../wire/pps/publication.ts';
import type { District } from './district.ts';
import { KmsError } from './errors.ts';
import type { SerialRecord } from './ports.ts';

/**
 * The parameters of `serial`, or without it those in force now; `null` for a serial that is unknown or not announced yet.
 * @throws KmsError `no-parameters` if none are in force
 */
export function publish(district: District, now: number, serial: number | null): PublishedParameters | null {
  const record = serial === null ? inForce(district, now) : district.bySerial(serial);
  if (record === null || !district.isAnnounced(record, now)) return null;
  const next = district.announcedAfter(record, now);
  return {
    der: encodeIbeSysParams(sysParamsOf(district.published(record))),
    successor: next === null ? null : uriOfSerial(district.name, next.serial),
  };
}

function inForce(district: District, now: number): SerialRecord {
  const record = district.serialFor(district.periodOf(now));
  if (record === null) throw new KmsError('no-parameters', 'no parameters are in force');
  return record;
}

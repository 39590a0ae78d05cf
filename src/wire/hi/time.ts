/**
 * Time stamps of HI2/HI3.
 *
 *     MicroSecondTimeStamp ::= SEQUENCE { seconds [0] INTEGER (0..2^64−1), microSeconds [1] INTEGER (0..999999), ... }
 *     TimeStamp ::= CHOICE { localTime [0] LocalTimeStamp, utcTime [1] UTCTime }
 *     LocalTimeStamp ::= SEQUENCE { generalizedTime [0] GeneralizedTime, winterSummerIndication [1] ENUMERATED {…, ...} }
 *
 * TimeStamp is written as localTime with a GeneralizedTime in UTC of milliseconds and notProvided(0): UTCTime has whole
 * seconds only, too coarse for the order of events in a call's set-up.
 */
import { malformed } from './ber.ts';
import { HiError } from './errors.ts';
import { integer } from './contents.ts';
import { alternative, choice, component, converted, sequence } from './fields.ts';
import type { ValueOf } from '../../bytes/fields.ts';
import { latin1String } from './text.ts';

const MICRO_TIME_PARTS = {
  seconds: component(0, 'seconds', integer(0, Number.MAX_SAFE_INTEGER)),
  microSeconds: component(1, 'microSeconds', integer(0, 999_999)),
};

/** A point of time in microseconds since 1970, as two whole numbers. */
export type MicroTime = ValueOf<typeof MICRO_TIME_PARTS>;

export const MICRO_TIME = sequence([0, 1], 'skipped', MICRO_TIME_PARTS);

/** The first millisecond after the year 9999, the last that GeneralizedTime can say. */
const LATEST = Date.UTC(10000, 0);

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Of Unix milliseconds, with or without a fraction. */
export function microTime(unixMs: number): MicroTime {
  const micros = Math.round(unixMs * 1000);
  const seconds = Math.floor(micros / 1_000_000);
  return { seconds, microSeconds: micros - seconds * 1_000_000 };
}

export function unixMsOf(time: MicroTime): number {
  return time.seconds * 1000 + time.microSeconds / 1000;
}

/** GeneralizedTime as Unix milliseconds (whole ones are kept). */
export const GENERALIZED_TIME = converted(latin1String(), readGeneralizedTime, (unixMs: number, what) => {
  if (!(unixMs >= 0 && unixMs < LATEST)) throw new HiError('range', `${what}: no such time`);
  return new Date(Math.floor(unixMs)).toISOString().replace(/[-:T]/g, '');
});

const LOCAL_TIME = sequence([0, 1], 'refused', {
  generalizedTime: component(0, 'generalizedTime', GENERALIZED_TIME),
  season: component(1, 'winterSummerIndication', integer()),
});

/** TimeStamp as Unix milliseconds. */
export const TIME_STAMP = choice<number>(
  {
    localTime: alternative(
      0,
      converted(
        LOCAL_TIME,
        (local) => local.generalizedTime,
        (unixMs) => ({ generalizedTime: unixMs, season: 0 }),
      ),
    ),
    utcTime: alternative(
      1,
      converted(latin1String(), utcTime, () => ''),
    ),
  },
  () => 'localTime',
);

/**
 * X.680 46.3: `YYYYMMDDHH[MM[SS]]`, a decimal fraction of the last unit given after a full stop or a comma, and
 *
 *     a) nothing more    the sender's local time. Where that is nobody says: it is read as UTC.
 *     b) Z               UTC
 *     c) ±HH[MM]         local time, which is so much ahead of UTC
 *
 * Hour 24 is the midnight that ends the day, second 60 a leap second (ISO 8601), which counts as the next one.
 */
export function readGeneralizedTime(text: string, what: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(\d\d)?)?(?:[.,](\d+))?(Z|[+-]\d\d(?:\d\d)?)?$/.exec(
    text,
  );
  if (match === null) throw malformed(`${what}: not a GeneralizedTime`);
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  const unit = minute === undefined ? HOUR : second === undefined ? MINUTE : SECOND;
  const whole = unixMs([year, month, day, hour, minute ?? '0', second ?? '0'].map(Number), what);
  const part = Math.floor(Number(`0.${fraction ?? '0'}`) * unit + 1e-6);
  return whole + part - zoneMs(zone ?? 'Z', what);
}

/** X.680 47: `YYMMDDHHMM[SS](Z|±HHMM)`, years 1950 to 2049. */
function utcTime(text: string, what: string): number {
  const match = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(Z|[+-]\d{4})$/.exec(text);
  if (match === null) throw malformed(`${what}: not a UTCTime`);
  const [, year, month, day, hour, minute, second, zone] = match;
  const century = Number(year) < 50 ? 2000 : 1900;
  const fields = [century + Number(year), ...[month, day, hour, minute, second ?? '0'].map(Number)];
  return unixMs(fields, what) - zoneMs(zone ?? 'Z', what);
}

function unixMs(fields: readonly number[], what: string): number {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields;
  // `setUTCFullYear`, since Date.UTC takes the years 0 to 99 for those of the last century.
  const midnight = new Date(0).setUTCFullYear(year, month - 1, day);
  const date = new Date(midnight);
  const inDay = hour < 24 ? minute < 60 && second <= 60 : hour === 24 && minute === 0 && second === 0;
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || !inDay) {
    throw malformed(`${what}: no such time`);
  }
  return midnight + hour * HOUR + minute * MINUTE + second * SECOND;
}

function zoneMs(zone: string, what: string): number {
  if (zone === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3));
  if (hours > 23 || minutes > 59) throw malformed(`${what}: no such difference from UTC`);
  return (zone.startsWith('-') ? -1 : 1) * (hours * HOUR + minutes * MINUTE);
}

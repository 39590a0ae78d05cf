/** What an officer writes on a command line: identities, times, and where deliveries go. */
import { parseTime } from '../../wire/officers/terms.ts';
import { CliError } from '../failure.ts';

export interface TargetOption {
  readonly name: string;
  readonly value: string;
}

export interface AddressOption {
  readonly host: string;
  readonly port: number;
}

export interface LemfOption {
  readonly hi2: AddressOption;
  readonly hi3?: AddressOption;
}

const TARGET_HINT =
  'Give a SIP or tel URI (sip:alice@home1.example, tel:+12125550101), or an identifier of X1 by its name (impu=…, e164Number=…).';

/** A URI, or `NAME=VALUE` with the name that the identifier has on X1. */
export function targetOption(text: string): TargetOption {
  const scheme = /^([a-z]+):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === 'sip' || scheme === 'sips') return { name: 'sipUri', value: text };
  if (scheme === 'tel') return { name: 'telUri', value: text };
  const [, name, value] = /^([a-z][a-zA-Z0-9]*)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new CliError('usage', `${text} does not say whose identity it is`, TARGET_HINT);
  return { name, value };
}

/** Milliseconds of each unit of a duration. */
const UNITS: Readonly<Record<string, number>> = {
  w: 7 * 86_400_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
};

/** Milliseconds of `90s`, `30m`, `1h30m`, `2d`, `1w`; `null`: it is not a duration. */
export function parseDuration(text: string): number | null {
  if (!/^(?:\d{1,9}[wdhms])+$/.test(text)) return null;
  const parts = [...text.matchAll(/(\d+)([wdhms])/g)];
  const sum = parts.reduce((total, [, count, unit = '']) => total + Number(count) * (UNITS[unit] ?? 0), 0);
  return sum > 0 ? sum : null;
}

const TIME_HINT =
  'Give a time with zone (2030-01-31T12:00:00Z), or how long from then on: 90s, 30m, 2h, 1h30m, 7d, 4w.';

/** A time, or a duration after `from`. @param option its name @param from Unix milliseconds */
export function timeOption(option: string, text: string, from: number): number {
  const duration = parseDuration(text);
  const time = duration === null ? parseTime(text) : from + duration;
  if (time === null) throw new CliError('usage', `--${option} ${text} is not a time`, TIME_HINT);
  return time;
}

const LEMF_HINT =
  'Give HOST:HI2PORT, with HI3PORT for content: lemf.home1.example:7512,7513; an IPv6 address in brackets.';

/** `HOST:HI2PORT`, or `HOST:HI2PORT,HI3PORT`. */
export function lemfOption(text: string): LemfOption {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:,[\]]+)):(\d{1,5})(?:,(\d{1,5}))?$/.exec(text);
  const host = parts?.[1] ?? parts?.[2];
  const hi2 = portOf(parts?.[3]);
  const hi3 = portOf(parts?.[4]);
  if (host === undefined || hi2 === undefined || hi2 === null || hi3 === null)
    throw new CliError('usage', `--lemf ${text} does not say where HI2 goes`, LEMF_HINT);
  return { hi2: { host, port: hi2 }, ...(hi3 === undefined ? {} : { hi3: { host, port: hi3 } }) };
}

/** `null`: not a port; `undefined`: nothing is said. */
function portOf(digits: string | undefined): number | null | undefined {
  if (digits === undefined) return undefined;
  const port = Number(digits);
  return port >= 1 && port <= 65_535 ? port : null;
}

/** A whole number from 1 on. */
export function countOption(option: string, text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count < 1)
    throw new CliError('usage', `--${option} ${text} is not a whole number from 1 on`, undefined);
  return count;
}

/** How values are written: times, spans, identities. */
import type { WarrantJson } from './answers.ts';
import { CONSOLE_TEXTS } from './texts.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Text from elsewhere, without what turns or hides what stands beside it: control characters, marks of direction. */
export function plainText(text: string): string {
  return text.replace(/[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, '\ufffd');
}

/** A span in its two largest units. @param ms not negative */
export function spanText(ms: number): string {
  const { day, hour, minute, second } = CONSOLE_TEXTS.time;
  const whole = (unit: number, within: number): number => Math.floor((ms % within) / unit);
  if (ms >= DAY) return `${day(Math.floor(ms / DAY))} ${hour(whole(HOUR, DAY))}`;
  if (ms >= HOUR) return `${hour(whole(HOUR, DAY))} ${minute(whole(MINUTE, HOUR))}`;
  if (ms >= MINUTE) return `${minute(whole(MINUTE, HOUR))} ${second(whole(SECOND, MINUTE))}`;
  return second(whole(SECOND, MINUTE));
}

/** Until the warrant begins, or ends; empty: it does neither by itself any more. @param now of the ADMF, Unix milliseconds */
export function timeLeft({ state, startTime, endTime }: WarrantJson, now: number): string {
  if (['ended', 'rejected', 'failed', 'ending'].includes(state)) return '';
  const [start, end] = [Date.parse(startTime), Date.parse(endTime)];
  if (end <= now) return CONSOLE_TEXTS.time.over;
  if (start > now) return CONSOLE_TEXTS.time.begins(spanText(start - now));
  return CONSOLE_TEXTS.time.left(spanText(end - now));
}

/** A time of the interface in the reader's zone, to the second: 2026-11-30 06:10:00. */
export function timeText(iso: string): string {
  return localParts(Date.parse(iso)).replace('T', ' ');
}

/** As `<input type="datetime-local">` has it. @param unixMs in the reader's zone then */
export function localInput(unixMs: number): string {
  return localParts(unixMs);
}

/** What the reader has put into `<input type="datetime-local">`; `null`: nothing. */
export function inputTime(value: string): string | null {
  const time = value === '' ? NaN : new Date(value).getTime();
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

function localParts(unixMs: number): string {
  const time = new Date(unixMs);
  if (Number.isNaN(time.getTime())) return '?';
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day}T${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

export function targetLabel({ name, value }: WarrantJson['targets'][number]): string {
  return plainText(name === 'sipUri' || name === 'telUri' ? value : `${name}=${value}`);
}

export function hostLabel({ host, port }: WarrantJson['lemf']['hi2']): string {
  return plainText(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
}

export function locationLabel(location: WarrantJson['location']): string {
  if (location === 'uponChange') return CONSOLE_TEXTS.locations.uponChange;
  return location ? CONSOLE_TEXTS.locations.yes : CONSOLE_TEXTS.locations.no;
}

/** Who may ask the KMS for keys, beside the DF. */
export function askingLabel(xk: WarrantJson['xk']): string {
  return xk === false ? CONSOLE_TEXTS.file.nobodyAsks : CONSOLE_TEXTS.file.mayAsk(plainText(xk));
}

/** What waits for an approver; `null`: nothing. */
export function waitsFor({ state, pending, lapses }: WarrantJson): string | null {
  if (pending !== undefined) return CONSOLE_TEXTS.waits[pending.kind];
  if (lapses !== undefined) return CONSOLE_TEXTS.waits.second;
  return state === 'submitted' ? CONSOLE_TEXTS.waits.approval : null;
}

/** Those who may not approve what waits, since it is theirs. */
export function ownersOf({ authors, approvals, pending, lapses }: WarrantJson): string[] {
  if (pending !== undefined) return [pending.by];
  return [...new Set(lapses === undefined ? authors : [...authors, ...approvals])];
}

/** What of a change is told, one line each. */
export function changeLines(changes: NonNullable<WarrantJson['pending']>['changes'] = {}): string[] {
  const { targets, delivery, startTime, endTime, lemf, location, xk } = changes;
  const { file } = CONSOLE_TEXTS;
  return [
    ...(targets === undefined ? [] : [`${file.targets}: ${targets.map(targetLabel).join(', ')}`]),
    ...(delivery === undefined ? [] : [`${file.delivery}: ${file.deliveries[delivery]}`]),
    ...(startTime === undefined ? [] : [`${file.from}: ${timeText(startTime)}`]),
    ...(endTime === undefined ? [] : [`${file.until}: ${timeText(endTime)}`]),
    ...(lemf === undefined ? [] : [`${file.hi2}: ${hostLabel(lemf.hi2)}`]),
    ...(lemf?.hi3 === undefined ? [] : [`${file.hi3}: ${hostLabel(lemf.hi3)}`]),
    ...(location === undefined ? [] : [`${file.location}: ${locationLabel(location)}`]),
    ...(xk === undefined ? [] : [`${file.xk}: ${askingLabel(xk)}`]),
  ];
}

/**
 * NTP timestamps (RFC 3830 section 4.2.8): 32 bits of seconds since 1900-01-01, 32 bits of fraction. Seconds with the top
 * bit clear are of NTP era 1 (RFC 4330 section 3), so that the range is 1968 to 2104.
 */
import { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import { asMikey } from './errors.ts';

/** 1900-01-01 to 1970-01-01 in seconds. */
const UNIX_OFFSET = 2_208_988_800;
const ERA = 2 ** 32;

/** 8 octets of NTP-UTC for Unix milliseconds (which may have a fraction). */
export function ntpFromUnixMs(ms: number): Uint8Array {
  return asMikey('unencodable', 'NTP timestamp', () => {
    const whole = Math.floor(ms / 1000);
    const fraction = Math.floor(((ms - whole * 1000) / 1000) * ERA);
    return new Writer(8)
      .u32(modEra(whole + UNIX_OFFSET))
      .u32(fraction)
      .finish();
  });
}

/** Unix seconds, whole part and fraction, of 8 octets of NTP-UTC. */
export function unixSecondsFromNtp(ntp: Uint8Array): { readonly seconds: number; readonly fraction: number } {
  return asMikey('malformed', 'NTP timestamp', () => {
    const reader = new Reader(ntp);
    const seconds = reader.u32('NTP seconds');
    const fraction = reader.u32('NTP fraction') / ERA;
    reader.end('NTP timestamp');
    const era = seconds < ERA / 2 ? ERA : 0;
    return { seconds: seconds + era - UNIX_OFFSET, fraction };
  });
}

/** Unix milliseconds of 8 octets of NTP-UTC. */
export function unixMsFromNtp(ntp: Uint8Array): number {
  const { seconds, fraction } = unixSecondsFromNtp(ntp);
  return (seconds + fraction) * 1000;
}

function modEra(seconds: number): number {
  return seconds >= ERA ? seconds - ERA : seconds;
}

/** Timestamps for people. */
import { toHex } from '../bytes/octets.ts';
import { unixMsFromNtp } from './ntp.ts';

/** ISO 8601 and hex for 4 or 8 octets of NTP, hex for anything else. */
export function ntpName(value: Uint8Array): string {
  if (value.length !== 8 && value.length !== 4) return `0x${toHex(value)}`;
  const ntp = new Uint8Array(8);
  ntp.set(value);
  return `${new Date(Math.floor(unixMsFromNtp(ntp))).toISOString()} (0x${toHex(value)})`;
}

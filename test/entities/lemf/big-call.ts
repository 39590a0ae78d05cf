import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { concat } from '../../../src/bytes/octets.ts';
import { delivered } from './call.ts';
import { content, nth, plain } from './others.ts';

/** One call in the clear of about so many MB, a second of speech in each packet. */
export function bigCall(folder: string, megabytes: number): { readonly hi2: string; readonly hi3: string } {
  mkdirSync(folder);
  const hi2 = path.join(folder, 'hi2.ber');
  const hi3 = path.join(folder, 'hi3.ber');
  writeFileSync(hi2, concat(...delivered(plain)));
  const descriptor = openSync(hi3, 'w');
  const payload = new Uint8Array(8000).fill(0x2a);
  for (let n = 0, octets = 0; octets < megabytes * 1e6; n++) {
    const packet = nth(n, { timestamp: (8000 * n) >>> 0, payload });
    const [pdu] = delivered([content('target', packet, 'a>b', 1000 * n)], n);
    octets += writeSync(descriptor, pdu!);
  }
  closeSync(descriptor);
  return { hi2, hi3 };
}

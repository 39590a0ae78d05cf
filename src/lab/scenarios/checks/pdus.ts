/** The PDUs that a DF took in, from the record of a run. */
import { existsSync, readFileSync } from 'node:fs';
import { Deframer } from '../../../wire/x2x3/deframer.ts';
import { decodePdu } from '../../../wire/x2x3/pdu.ts';
import type { Pdu } from '../../../wire/x2x3/pdu.ts';

/** In the order of arrival; none where there is no such file. */
export function pdusIn(file: string): Pdu[] {
  if (!existsSync(file)) return [];
  return new Deframer().push(new Uint8Array(readFileSync(file))).map((frame) => decodePdu(frame));
}

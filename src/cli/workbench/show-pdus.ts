/** What `lemf inspect` and `x2 show` print: the PDUs of a file one after the other, as a tree, a line or JSON each. */
import { once } from 'node:events';
import { Option } from 'commander';
import type { Command } from 'commander';
import { CliError } from '../failure.ts';
import { PduFile } from './pdu-file.ts';
import type { FilePdu, PduFileKind } from './pdu-file.ts';
import { escaped, renderFields } from '../../wire/shown/shown.ts';
import type { ShownFields } from '../../wire/shown/shown.ts';

export interface ShowFlags {
  readonly json?: true;
  readonly list?: true;
}

/** A PDU as it is shown. */
export interface ShownPdu {
  /** In one line. */
  readonly head: string;
  readonly fields: ShownFields;
  /** Why it, or a part of it, could not be read; `null`: all of it was. */
  readonly unreadable: string | null;
}

/** The options of both. */
export function withShowOptions(command: Command): Command {
  return command
    .addOption(new Option('--list', 'print one line for each PDU').conflicts('json'))
    .option('--json', 'print JSON, one object a line');
}

/**
 * @param show what is shown of a PDU; `null`: it is not asked for
 * @throws CliError `failed`, at the end, if not all of the file could be read
 */
export async function showPdus(
  file: string,
  kind: PduFileKind,
  { json, list }: ShowFlags,
  show: (pdu: FilePdu) => ShownPdu | null,
): Promise<void> {
  const pdus = new PduFile(file, kind);
  let unreadable = 0;
  for await (const pdu of pdus.read()) {
    const shown = show(pdu);
    if (shown === null) continue;
    if (shown.unreadable !== null) unreadable++;
    const { number, at, octets } = pdu;
    if (json === true) {
      await print(`${JSON.stringify({ number, at, octets: octets.length, pdu: shown.fields })}\n`);
      continue;
    }
    const head = `${number}  octet ${at}, ${octets.length} octets: ${shown.head}`;
    await print(`${escaped(head)}\n${list === true ? '' : renderFields(shown.fields)}`);
  }
  const faults = [
    ...(unreadable === 0 ? [] : [`${unreadable} of ${pdus.pdus} PDUs could not be read, or not all of them`]),
    ...(pdus.fault === null ? [] : [pdus.fault]),
  ];
  if (faults.length > 0)
    throw new CliError('failed', escaped(`${file}: ${faults.join('; ')}`), WHICH_FILE[kind]);
  if (pdus.pdus === 0) process.stderr.write(escaped(`${file} holds no PDU: it is empty`) + '\n');
}

const WHICH_FILE: Readonly<Record<PduFileKind, string>> = {
  'ps-pdu': 'Is it a file of HI2 or HI3, such as hi2.ber of a LEMF? X2 and X3: claviger x2 show.',
  x2x3: 'Is it a file of X2 or X3? HI2 and HI3: claviger lemf inspect.',
};

/** Waits for whoever reads, so that what is not yet read does not gather here. */
async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

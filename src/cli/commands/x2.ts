/** `claviger x2 show`: what a file of X2 or X3 holds, PDU by PDU. */
import { Command } from 'commander';
import { ClavigerError } from '../../bytes/errors.ts';
import { ATTRIBUTE } from '../../wire/x2x3/attributes.ts';
import type { Pdu } from '../../wire/x2x3/pdu.ts';
import { decodePdu, DIRECTION, numberAttribute, PAYLOAD_FORMAT, PDU_TYPE } from '../../wire/x2x3/pdu.ts';
import { describeX2X3 } from '../../wire/shown/describe-pdu.ts';
import type { FilePdu } from '../workbench/pdu-file.ts';
import { nameIn } from '../../wire/shown/pdu-names.ts';
import { showPdus, withShowOptions } from '../workbench/show-pdus.ts';
import type { ShowFlags, ShownPdu } from '../workbench/show-pdus.ts';

export function x2Command(): Command {
  return new Command('x2')
    .description('PDUs of X2 and X3 (TS 103 221-2)')
    .addCommand(
      withShowOptions(
        new Command('show')
          .description('print the PDUs in a file of X2 or X3: header, attributes, what the payload is')
          .argument('<file>', 'PDUs one after the other; - for standard input'),
      )
        .option('--xid <uuid>', 'only PDUs of this task')
        .addHelpText('after', EXAMPLES)
        .action(show),
    );
}

const EXAMPLES = `
The file is read piece by piece, whatever its size. MIKEY messages in SIP are named; all
of them is shown by claviger mikey decode. Ends with 0 if all of the file could be read.

Examples:
  $ claviger x2 show demo-out/home1/x2.bin | less
  $ claviger x2 show --list demo-out/home1/x3.bin
  $ claviger set-aside show home1/df.db 3 --out 3.bin && claviger x2 show --json 3.bin`;

async function show(file: string, flags: ShowFlags & { readonly xid?: string }): Promise<void> {
  const wanted = flags.xid?.toLowerCase();
  await showPdus(file, 'x2x3', flags, (pdu) =>
    shownX2X3(pdu, ({ xid }) => wanted === undefined || xid === wanted),
  );
}

function shownX2X3({ octets }: FilePdu, isWanted: (pdu: Pdu) => boolean): ShownPdu | null {
  try {
    const pdu = decodePdu(octets);
    return isWanted(pdu) ? { head: headOf(pdu), fields: describeX2X3(pdu), unreadable: null } : null;
  } catch (error) {
    if (!(error instanceof ClavigerError)) throw error;
    const { message } = error;
    return { head: `unreadable: ${message}`, fields: { unreadable: message }, unreadable: message };
  }
}

function headOf(pdu: Pdu): string {
  const type = nameIn(PDU_TYPE, pdu.type);
  const number = numberAttribute(pdu, ATTRIBUTE.sequenceNumber);
  const numbered = number === null ? '' : `, number ${number}`;
  if (pdu.type === PDU_TYPE.keepalive || pdu.type === PDU_TYPE.keepaliveAck) return `${type}${numbered}`;
  const format = nameIn(PAYLOAD_FORMAT, pdu.payloadFormat);
  return `${type} of ${pdu.xid}${numbered}: ${format} ${nameIn(DIRECTION, pdu.direction)}, ${pdu.payload.length} octets`;
}

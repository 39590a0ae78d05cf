/** `claviger lemf inspect`: what a file of HI2 or HI3 holds, PDU by PDU. */
import { Command } from 'commander';
import { ClavigerError } from '../../bytes/errors.ts';
import { decimal } from '../../sip/text.ts';
import { decodePsPdu } from '../../wire/hi/ps-pdu.ts';
import type { PsPduPayload, ReceivedPsPdu } from '../../wire/hi/ps-pdu.ts';
import { IMS_EVENT } from '../../wire/hi/eps-iri.ts';
import { PAYLOAD_DIRECTION } from '../../wire/hi/ps-pdu.ts';
import { CliError } from '../failure.ts';
import { describePsPdu } from '../../wire/shown/describe-pdu.ts';
import type { FilePdu } from '../workbench/pdu-file.ts';
import { nameIn } from '../../wire/shown/pdu-names.ts';
import { showPdus, withShowOptions } from '../workbench/show-pdus.ts';
import type { ShowFlags, ShownPdu } from '../workbench/show-pdus.ts';

interface InspectFlags extends ShowFlags {
  readonly liid?: string;
  readonly cin?: string;
}

export function lemfInspectCommand(): Command {
  return withShowOptions(
    new Command('inspect')
      .description('print the PDUs in a file of HI2 or HI3 (TS 102 232-1); keys are not shown')
      .argument('<file>', 'PS-PDUs one after the other, of whichever sender; - for standard input'),
  )
    .option('--liid <liid>', 'only PDUs of this LIID')
    .option('--cin <number>', 'only PDUs of this communication identity number')
    .addHelpText('after', EXAMPLES)
    .action(inspect);
}

const EXAMPLES = `
The file is read piece by piece, whatever its size. Payloads that are not known here are
shown tag by tag. Ends with 0 if all of the file could be read, with 1 otherwise.

Examples:
  $ claviger lemf inspect demo-out/home1/hi2.ber | less
  $ claviger lemf inspect --list demo-out/home1/hi3.ber
  $ claviger lemf inspect --json --cin 1 demo-out/home1/hi2.ber | jq .pdu.payload`;

async function inspect(file: string, flags: InspectFlags): Promise<void> {
  const cin = flags.cin === undefined ? null : decimal(flags.cin, 0xffff_ffff);
  if (flags.cin !== undefined && cin === null)
    throw new CliError(
      'usage',
      '--cin is not a number from 0 to 4294967295',
      'claviger lemf inspect --list FILE',
    );
  const isWanted = ({ header }: ReceivedPsPdu): boolean =>
    (flags.liid === undefined || header.liid === flags.liid) && (cin === null || header.cin === cin);
  await showPdus(file, 'ps-pdu', flags, (pdu) => shownPsPdu(pdu, isWanted));
}

/** One that cannot be read is shown whatever is wanted: nobody knows what it is. */
function shownPsPdu({ octets }: FilePdu, isWanted: (pdu: ReceivedPsPdu) => boolean): ShownPdu | null {
  try {
    const pdu = decodePsPdu(octets);
    if (!isWanted(pdu)) return null;
    const unreadable = pdu.unread?.join('; ') ?? null;
    return { head: headOf(pdu), fields: describePsPdu(pdu), unreadable };
  } catch (error) {
    if (!(error instanceof ClavigerError)) throw error;
    return {
      head: `unreadable: ${error.message}`,
      fields: { unreadable: error.message },
      unreadable: error.message,
    };
  }
}

function headOf({ header, payload }: ReceivedPsPdu): string {
  const { liid, cin, sequenceNumber } = header;
  const of = cin === undefined ? `LIID ${liid}` : `LIID ${liid}, CIN ${cin}`;
  return `${of}, number ${sequenceNumber}: ${summaryOf(payload)}`;
}

function summaryOf(payload: PsPduPayload): string {
  switch (payload.kind) {
    case 'iri':
      return `IRI, ${payload.records.map(({ contents }) => recordSummary(contents)).join(' + ')}`;
    case 'cc': {
      const ways = new Set(
        payload.packets.map(({ direction }) => nameIn(PAYLOAD_DIRECTION, direction ?? -1)),
      );
      return `CC, ${payload.packets.length} ${payload.packets.length === 1 ? 'packet' : 'packets'} ${[...ways].join(', ').replace('-1', 'of no direction')}`;
    }
    case 'tri':
      return `TRI, ${payload.message.type === 'other' ? `alternative ${payload.message.tag}` : payload.message.type}`;
    case 'hi1':
      return `HI1, ${payload.operation.kind}`;
    case 'other':
      return `payload alternative ${payload.tag}`;
  }
}

type RecordContents = Extract<PsPduPayload, { kind: 'iri' }>['records'][number]['contents'];

/** The event of a record and the first line of its SIP message. */
function recordSummary(contents: RecordContents): string {
  if (contents.kind === 'other') return `contents alternative ${contents.tag}`;
  if (contents.kind === 'ipmm')
    return contents.iri.message.kind === 'sip'
      ? firstLine(contents.iri.message.content)
      : contents.iri.message.kind;
  const { imsEvent, sipMessage, sipMessageHeaderOffer, keys, mediaSecFailure } = contents.record;
  const event = imsEvent === undefined ? [] : [nameIn(IMS_EVENT, imsEvent)];
  const text = sipMessage ?? sipMessageHeaderOffer;
  return [
    ...event,
    ...(text === undefined ? [] : [firstLine(text)]),
    ...(keys === undefined ? [] : [`${keys.length} ${keys.length === 1 ? 'key' : 'keys'}`]),
    ...(mediaSecFailure === undefined ? [] : ['media security failure']),
  ].join(', ');
}

const LONGEST_LINE = 120;

function firstLine(octets: Uint8Array): string {
  const text = Buffer.from(octets.subarray(0, LONGEST_LINE)).toString('utf8');
  return text.split(/[\r\n]/)[0] ?? '';
}

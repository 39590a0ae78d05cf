/**
 * The streams between those parts of a DF that mediate and those that deliver to LEMFs, and what is in a message.
 *
 *     stream       subjects              messages
 *     NAME-hi2     NAME.hi2.DID          PS-PDUs of HI1 and HI2 of one warrant for one destination, in their order
 *     NAME-hi3     NAME.hi3.DID          the same of HI3
 *     NAME-lemf    NAME.lemf.DID         where a destination is, for those who deliver
 *                  NAME.told.DID         how it is with a destination, from who delivers to it
 *                  NAME.raised.DID       which alarms of a destination are raised, for whoever is to clear them
 *     NAME-refused NAME.refused.pdu      a PDU that a LEMF refused, to be set aside
 *     NAME-delivery NAME.delivery.DID   who delivers to a destination (`storage/lease-shares.ts`)
 *
 * PS-PDUs tell their own lengths: a message is read as a connection would be. All of a message are of one warrant and one
 * interface, so that what is kept of a warrant can be removed, and of others nothing. One subject has all of a destination:
 * several processes that mediate may lay PDUs there, each the calls that are its own. A message says of which partition of the
 * calls it is, and by which lease whoever laid it down has that (`HandoverWriter`): what one lays down that has lost the
 * partition, after who has it now has laid something down, is passed over. It is in the outbox of the partition all the same,
 * since only who has that may remove anything there.
 */
import { createHash } from 'node:crypto';
import Type from 'typebox';
import { jsonIn } from '../../../bytes/json.ts';
import { concat, utf8 } from '../../../bytes/octets.ts';
import { Form, strict } from '../../../bytes/schema.ts';
import type { StreamTerms } from '../../../storage/jetstream.ts';
import type { StoredMessage } from '../../../storage/stream-reading.ts';
import { MAX_SENT_PDU, PsPduDeframer } from '../../../wire/hi/deframer.ts';
import type { HandoverAddress } from '../handover/ports.ts';
import type { OutboxAppend, OutboxEntry, OutboxPart } from '../ports.ts';
import type { PduPlace } from './pdu-streams.ts';

/** What all processes of one DF agree in. */
export interface HandoverStreamSettings {
  /** Begins the names of streams and subjects. */
  readonly name: string;
  /** What may wait of HI1 and HI2, and of HI3, octets. */
  readonly hi2Octets: number;
  readonly hi3Octets: number;
  /** Servers that have each stream. */
  readonly replicas: number;
}

/** What a message with PS-PDUs says besides; names are URI-encoded. */
const LIID_HEADER = 'Claviger-Liid';
const INTERFACE_HEADER = 'Claviger-Interface';
const PDUS_HEADER = 'Claviger-Pdus';
/** `PARTITION STREAM TOKEN`, numbers: of a `HandoverWriter`. */
const WRITER_HEADER = 'Claviger-Writer';
/** Of a PDU that was refused, besides: where it was to go, and why it does not. */
const DID_HEADER = 'Claviger-Did';
const REASON_HEADER = 'Claviger-Reason';

/** Octets of headers, at most. */
const HEADERS = 4 << 10;
/** The server has to take messages so large: a PDU that is as large as it may be. */
export const LARGEST_HANDOVER_MESSAGE = MAX_SENT_PDU + HEADERS;
/** Octets that are put together in a message; one PDU may have more. */
const BATCH_OCTETS = 256 << 10;
/** The part of a stream that one destination may fill, in messages that are as large as batches are. */
const SHARE = 1 / 16;
const LEAST_SHARE = 16;
/** Octets of the streams of notes, and of PDUs that were refused. */
const NOTE_OCTETS = 8 << 20;
const REFUSED_OCTETS = 64 << 20;

/** All streams of the handover. */
export function handoverStreams(settings: HandoverStreamSettings): StreamTerms[] {
  const { name, hi2Octets, hi3Octets, replicas } = settings;
  const lane = (part: OutboxPart, octets: number): StreamTerms => ({
    name: `${name}-${LANES[part]}`,
    subjects: [`${name}.${LANES[part]}.*`],
    octets,
    mostOfSubject: Math.max(LEAST_SHARE, Math.floor((octets * SHARE) / BATCH_OCTETS)),
    replicas,
  });
  return [
    lane('records', hi2Octets),
    lane('content', hi3Octets),
    {
      ...{ name: `${name}-lemf`, subjects: NOTES.map((kind) => `${name}.${kind}.*`) },
      ...{ octets: NOTE_OCTETS, perSubject: 1, replicas },
    },
    {
      ...{ name: `${name}-delivery`, subjects: [`${name}.delivery.*`] },
      ...{ octets: NOTE_OCTETS, perSubject: 1, replicas },
    },
    { name: `${name}-refused`, subjects: [`${name}.refused.*`], octets: REFUSED_OCTETS, replicas },
  ];
}

const LANES: Readonly<Record<OutboxPart, string>> = { records: 'hi2', content: 'hi3' };

export const OUTBOX_PARTS: readonly OutboxPart[] = ['records', 'content'];

/** Where PS-PDUs for a destination go; `*`: for all of them. */
export function lanePlace({ name }: { readonly name: string }, part: OutboxPart, did: string): PduPlace {
  return { stream: `${name}-${LANES[part]}`, subject: `${name}.${LANES[part]}.${did}` };
}

/** Where PDUs go that a LEMF refused. */
export function refusedHandoverPlace({ name }: { readonly name: string }): PduPlace {
  return { stream: `${name}-refused`, subject: `${name}.refused.pdu` };
}

/** Where a destination is (`lemf`), how it is with it (`told`), and which alarms of it are raised (`raised`). */
const NOTES = ['lemf', 'told', 'raised'] as const;

/** Where that is said; `*`: of all of them. */
export function notePlace(
  { name }: { readonly name: string },
  kind: (typeof NOTES)[number],
  did: string,
): PduPlace {
  return { stream: `${name}-lemf`, subject: `${name}.${kind}.${did}` };
}

/** Who delivers to a destination; `*`: to any. */
export function deliveryPlace({ name }: { readonly name: string }, did: string): PduPlace {
  return { stream: `${name}-delivery`, subject: `${name}.delivery.${did}` };
}

/** The last part of a subject. */
export function lastPartOf({ subject }: { readonly subject: string }): string {
  return subject.slice(subject.lastIndexOf('.') + 1);
}

/* -------------------------------------------------------------- PS-PDUs */

/** PS-PDUs of one warrant and interface, for one destination. */
export interface HandoverBatch {
  readonly liid: string;
  readonly interface: OutboxAppend['interface'];
  readonly entries: readonly OutboxEntry[];
}

/** Who has a partition of the calls, and lays down what is in its outbox. */
export interface HandoverWriter {
  /** From 0; 0 where the calls are in none. */
  readonly partition: number;
  /** When the stream of leases was made, Unix milliseconds: tokens begin anew with it. */
  readonly streamMadeAt: number;
  /** Of the lease: above those of all who had the partition before. */
  readonly token: number;
}

/** Whether one of them had the partition before the other, as far as it is known. */
export function isBefore(one: HandoverWriter, other: HandoverWriter): boolean {
  return one.streamMadeAt === other.streamMadeAt && one.token < other.token;
}

/** What is the content of a message that is on its way, or there. */
export interface HandoverMessage {
  readonly octets: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** The same of two messages only if they have the same PDUs, and are of the same writer. */
  readonly id: string;
}

/** The messages of what waits for one destination, by warrant: those of a warrant in their order. */
export function handoverBatches(entries: readonly OutboxEntry[]): Map<string, HandoverBatch[]> {
  const warrants = new Map<
    string,
    { liid: string; interface: OutboxAppend['interface']; entries: OutboxEntry[] }[]
  >();
  const filled = new Map<string, number>();
  for (const entry of entries) {
    const { liid, interface: reference, octets } = entry;
    const batches = warrants.get(liid) ?? [];
    warrants.set(liid, batches);
    const last = batches.at(-1);
    const length = (filled.get(liid) ?? 0) + octets.length;
    if (last?.interface === reference && length <= BATCH_OCTETS) {
      last.entries.push(entry);
      filled.set(liid, length);
      continue;
    }
    batches.push({ liid, interface: reference, entries: [entry] });
    filled.set(liid, octets.length);
  }
  return warrants;
}

export function handoverMessage(
  did: string,
  { liid, interface: reference, entries }: HandoverBatch,
  writer: HandoverWriter,
): HandoverMessage {
  const octets = concat(...entries.map((entry) => entry.octets));
  const by = [writer.partition, writer.streamMadeAt, writer.token].join(' ');
  const headers = {
    [LIID_HEADER]: encodeURIComponent(liid),
    [INTERFACE_HEADER]: reference,
    [PDUS_HEADER]: `${entries.length}`,
    [WRITER_HEADER]: by,
  };
  // What another writer has laid down may be passed over: it is no copy of it that would make up for this one.
  const id = createHash('sha256').update(`${did} ${reference} ${by}\n`).update(octets).digest('base64url');
  return { octets, headers, id };
}

/** What is known of a message without its octets; `null`: it is not one of these. */
export interface HandoverHead {
  readonly number: number;
  readonly liid: string;
  readonly interface: OutboxAppend['interface'];
  readonly pdus: number;
  /** `null`: it does not say so. */
  readonly writer: HandoverWriter | null;
}

export function handoverHead(message: StoredMessage): HandoverHead | null {
  const liid = named(message.header(LIID_HEADER));
  const reference = message.header(INTERFACE_HEADER);
  if (liid === null || (reference !== 'hi1' && reference !== 'hi2' && reference !== 'hi3')) return null;
  const pdus = Number(message.header(PDUS_HEADER));
  return {
    ...{ number: message.number, liid, interface: reference },
    pdus: Number.isSafeInteger(pdus) ? pdus : 0,
    writer: writerOf(message),
  };
}

function writerOf(message: StoredMessage): HandoverWriter | null {
  const numbers = /^(\d{1,3}) (\d{1,15}) (\d{1,15})$/.exec(message.header(WRITER_HEADER));
  if (numbers === null) return null;
  const [partition = 0, streamMadeAt = 0, token = 0] = numbers.slice(1).map(Number);
  return { partition, streamMadeAt, token };
}

/** The PS-PDUs of a message. @throws HiError if it is not made of whole ones */
export function psPdusOf(octets: Uint8Array): {
  readonly pdus: readonly Uint8Array[];
  readonly rest: number;
} {
  const deframer = new PsPduDeframer();
  return { pdus: [...deframer.push(octets)], rest: deframer.pending };
}

/* -------------------------------------------------------- what is refused */

/** A PDU that a LEMF refused. */
export interface RefusedHandover {
  readonly did: string;
  readonly liid: string;
  readonly reference: OutboxAppend['interface'];
  readonly reason: string;
}

export function refusedHeaders({ did, liid, reference, reason }: RefusedHandover): Record<string, string> {
  return {
    [DID_HEADER]: did,
    [LIID_HEADER]: encodeURIComponent(liid),
    [INTERFACE_HEADER]: reference,
    [REASON_HEADER]: encodeURIComponent(reason),
  };
}

/** `null`: it is not one of these. */
export function refusedOf(message: StoredMessage): RefusedHandover | null {
  const head = handoverHead(message);
  if (head === null) return null;
  const reason = named(message.header(REASON_HEADER)) ?? '';
  return { did: message.header(DID_HEADER), liid: head.liid, reference: head.interface, reason };
}

/* ----------------------------------------------------------------- notes */

const LEMF_NOTE = new Form(
  Type.Union([
    strict({
      host: Type.String({ minLength: 1 }),
      port: Type.Integer({ minimum: 1, maximum: 65_535 }),
      by: Type.Enum(['DF2', 'DF3']),
    }),
    Type.Null(),
  ]),
);

const TOLD_NOTE = new Form(
  strict({ ready: Type.Boolean(), problem: Type.Union([Type.String(), Type.Null()]) }),
);

/** How it is with a destination. */
export interface DestinationTold {
  /** Whether its LEMF is connected and takes PDUs. */
  readonly ready: boolean;
  /** What is wrong with it; `null`: nothing. */
  readonly problem: string | null;
}

/** Where a destination is. @param address `null`: it is not a destination any more */
export function lemfNote(address: HandoverAddress | null): Uint8Array {
  if (address === null) return utf8('null');
  const { host, port, by } = address;
  return utf8(JSON.stringify({ host, port, by }));
}

/** `null`: it is not a destination any more, or what is said is not understood. */
export function lemfNoteOf(message: StoredMessage): HandoverAddress | null {
  const read = LEMF_NOTE.read(jsonIn(message.octets));
  if (!('value' in read) || read.value === null) return null;
  return { did: lastPartOf(message), ...read.value };
}

export function toldNote({ ready, problem }: DestinationTold): Uint8Array {
  return utf8(JSON.stringify({ ready, problem }));
}

/** `null`: it is not understood. */
export function toldNoteOf(message: StoredMessage): DestinationTold | null {
  const read = TOLD_NOTE.read(jsonIn(message.octets));
  return 'value' in read ? read.value : null;
}

const RAISED_NOTE = new Form(strict({ told: Type.Boolean(), unserved: Type.Boolean() }));

/** Which alarms of a destination are raised. */
export interface RaisedAlarms {
  /** That it is as who delivers to it says. */
  readonly told: boolean;
  /** That nobody delivers to it. */
  readonly unserved: boolean;
}

export function raisedNote({ told, unserved }: RaisedAlarms): Uint8Array {
  return utf8(JSON.stringify({ told, unserved }));
}

/** `null`: it is not understood. */
export function raisedNoteOf(message: StoredMessage): RaisedAlarms | null {
  const read = RAISED_NOTE.read(jsonIn(message.octets));
  return 'value' in read ? read.value : null;
}

/** What was URI-encoded; `null` where it was not, or is empty. */
function named(text: string): string | null {
  try {
    return text === '' ? null : decodeURIComponent(text);
  } catch {
    return null;
  }
}

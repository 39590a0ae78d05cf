/**
 * The streams between those parts of a DF that take PDUs in and those that mediate them, and what is in a message.
 *
 *     stream    subjects                     messages
 *     NAME-x2   NAME.x2.PARTITION            X2 PDUs of one point of interception, one after the other as they came
 *               NAME.x2.refused              a frame that is not understood, with the reason as header
 *     NAME-x3   NAME.x3.PARTITION            the same of X3
 *     NAME-lease  NAME.lease.WHAT            who has it (`storage/stream-lease.ts`)
 *
 * The partition is a hash of the correlation ID, so that all PDUs of a call under one interface have one order. PDUs tell
 * their own lengths (TS 103 221-2 clause 5.2.1): a message is read as the connection was that they came over.
 */
import { createHash } from 'node:crypto';
import { ATTRIBUTE } from '../../../wire/x2x3/attributes.ts';
import { Deframer } from '../../../wire/x2x3/deframer.ts';
import { X2X3_TAKEN } from '../../../wire/x2x3/limits.ts';
import type { Pdu } from '../../../wire/x2x3/pdu.ts';
import { numberAttribute, PDU_TYPE } from '../../../wire/x2x3/pdu.ts';
import type { StreamTerms } from '../../../storage/jetstream.ts';
import { partitionOf } from '../call-partition.ts';
import type { ReceivedPdu } from './x2x3-server.ts';

/** What all processes of one DF agree in. */
export interface PduStreamSettings {
  /** Begins the names of streams and subjects: letters, digits, - and _. */
  readonly name: string;
  /** Parts that the calls are in. */
  readonly partitions: number;
  /** What each stream may keep, octets. */
  readonly signallingOctets: number;
  readonly contentOctets: number;
  /** Servers that have each stream. */
  readonly replicas: number;
}

export type PduReference = 'x2' | 'x3';

/** Where a message goes. */
export interface PduPlace {
  readonly stream: string;
  readonly subject: string;
}

/** What a message with PDUs says besides: the name of the point of interception, by its certificate, URI-encoded. */
export const PEER_HEADER = 'Claviger-Peer';
/** Why a frame was refused, URI-encoded. */
export const REASON_HEADER = 'Claviger-Reason';

/** Octets of headers, at most. */
const HEADERS = 4 << 10;
/** The server has to take messages so large: a PDU that is as large as it may be. */
export const LEAST_LARGEST_MESSAGE = X2X3_TAKEN.header + X2X3_TAKEN.payload + HEADERS;
/** Octets that are put together in a message; one PDU may have more. */
const BATCH_OCTETS = 256 << 10;
/** Octets of a stream of leases: a small message for each of some ten thousand. */
const LEASE_OCTETS = 4 << 20;

/** All streams. */
export function pduStreams(settings: PduStreamSettings): StreamTerms[] {
  const { name, signallingOctets, contentOctets, replicas } = settings;
  return [
    { name: `${name}-x2`, subjects: [`${name}.x2.*`], octets: signallingOctets, replicas },
    { name: `${name}-x3`, subjects: [`${name}.x3.*`], octets: contentOctets, replicas },
    leaseStream(settings),
  ];
}

/** The stream of leases. */
export function leaseStream({ name, replicas }: Pick<PduStreamSettings, 'name' | 'replicas'>): StreamTerms {
  return {
    name: `${name}-lease`,
    subjects: [`${name}.lease.*`],
    octets: LEASE_OCTETS,
    perSubject: 1,
    replicas,
  };
}

export function leasePlace({ name }: { readonly name: string }, what: string): PduPlace {
  return { stream: `${name}-lease`, subject: `${name}.lease.${what}` };
}

/** Where frames go that were refused. */
export function refusedPlace({ name }: PduStreamSettings): PduPlace {
  return { stream: `${name}-x2`, subject: `${name}.x2.refused` };
}

/** Every place that PDUs of some partitions come from. @param only absent: of all */
export function partitionPlaces(settings: PduStreamSettings, only?: readonly number[]): PduPlace[] {
  const { name, partitions } = settings;
  const wanted = only ?? Array.from({ length: partitions }, (_, partition) => partition);
  return (['x2', 'x3'] as const).flatMap((reference) =>
    wanted.map((partition) => partitionPlace(name, reference, partition)),
  );
}

/** Where PDUs of one batch go, each place with its own in their order. */
export function byPlace(
  { name, partitions }: PduStreamSettings,
  batch: readonly ReceivedPdu[],
): Map<string, { readonly place: PduPlace; readonly pdus: ReceivedPdu[] }> {
  const places = new Map<string, { readonly place: PduPlace; readonly pdus: ReceivedPdu[] }>();
  for (const received of batch) {
    const { type, correlation } = received.pdu;
    const reference = type === PDU_TYPE.x2 ? 'x2' : 'x3';
    const place = partitionPlace(name, reference, partitionOf(correlation, partitions));
    const known = places.get(place.subject);
    if (known === undefined) places.set(place.subject, { place, pdus: [received] });
    else known.pdus.push(received);
  }
  return places;
}

/** The messages of PDUs of one place. All are of one peer. */
export function batchesOf(pdus: readonly ReceivedPdu[]): ReceivedPdu[][] {
  const batches: ReceivedPdu[][] = [];
  let octets = Infinity;
  for (const received of pdus) {
    octets += received.octets.length;
    if (octets > BATCH_OCTETS) {
      batches.push([]);
      octets = received.octets.length;
    }
    batches.at(-1)?.push(received);
  }
  return batches;
}

/**
 * What is the same of two messages only if every PDU in the one is a copy of that in the other: what the mediation would
 * take for copies, too (`intake.ts`). `null`: there is a PDU without a sequence number, which is never a copy.
 */
export function messageId(peer: string, pdus: readonly Pdu[], octets: Uint8Array): string | null {
  if (pdus.some((pdu) => numberAttribute(pdu, ATTRIBUTE.sequenceNumber) === null)) return null;
  return createHash('sha256').update(`${peer}\n`).update(octets).digest('base64url');
}

/** The frames of a message. @throws X2X3Error if it is not made of whole frames */
export function framesOf(octets: Uint8Array): { readonly frames: Uint8Array[]; readonly rest: number } {
  const deframer = new Deframer();
  return { frames: deframer.push(octets), rest: deframer.buffered };
}

function partitionPlace(name: string, reference: PduReference, partition: number): PduPlace {
  return { stream: `${name}-${reference}`, subject: `${name}.${reference}.${partition}` };
}

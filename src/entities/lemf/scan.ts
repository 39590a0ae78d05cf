/**
 * What HI2 and HI3 hold, PDU by PDU. Files are read as they are, from the front: copies are passed over, an end that is cut
 * off or octets that are not a PDU are noted. What is kept goes to the workspace as places in the files, sorted by
 * communication, so that neither order nor size of the files costs memory. A scan goes on where the last one ended.
 */
import { HiError } from '../../wire/hi/errors.ts';
import { decodePsPdu, PAYLOAD_DIRECTION } from '../../wire/hi/ps-pdu.ts';
import type { CcPayload, ReceivedPsPdu } from '../../wire/hi/ps-pdu.ts';
import type { Hi1Operation } from '../../wire/hi/hi1.ts';
import { unixMsOf } from '../../wire/hi/time.ts';
import { T_PDU_DIRECTION } from '../../wire/hi/voip-cc.ts';
import { contentOf } from './content.ts';
import type { RtpContent } from './content.ts';
import { noticeReport } from './notices.ts';
import { noticeHeader, Numbering, sessionKey } from './numbering.ts';
import type { HandoverKind } from './ports.ts';
import type { NumberedLine, NumberedSession } from './sessions.ts';
import { SourceLookup } from './sources.ts';
import type { SourceMark } from './sources.ts';
import type { PduLocation, Workspace } from './workspace.ts';

/** A PDU and its offset in the file. */
export interface PlacedPdu {
  readonly octets: Uint8Array;
  readonly at: number;
}

/** A file of PS-PDUs. */
export interface HandoverFile {
  readonly size: number;
  /** The PDUs from one offset to another, as far as they are complete; then why reading stopped before, `null` if not. */
  pdus(from: number, to: number): Generator<PlacedPdu, string | null>;
}

/** What a file consists of. */
export interface FileSummary {
  readonly pdus: number;
  /** Those of the transport itself: options, keep-alives, requests for acknowledgement. */
  readonly transport: number;
  /** Notifications of warrants (HI1). */
  readonly notifications: number;
  readonly duplicates: number;
  /** PDUs whose number another has with other content; all are kept. */
  readonly conflicts: number;
  /** Octets at the end that are not a complete PDU. */
  readonly truncatedOctets: number;
  /** PDUs that cannot be decoded, by their place from 0: the first thousand. */
  readonly undecodable: readonly number[];
  /** All of them. */
  readonly undecodableInAll: number;
  /** Why reading stopped before the end; `null` if it did not. */
  readonly damage: string | null;
}

/** PDUs that are listed; all are counted. */
const MAX_LISTED = 1000;

/** Of places of communications: those that HI3 alone has come after all that HI2 has. */
const AFTER_HI2 = 2 ** 52;

/** Of places of packets: sequence numbers have 32 bits, and payloads of a PDU 12, or the last of those. */
const PLACES_IN_PDU = 2 ** 12;
const PLACES_IN_COUNT = 2 ** 44;

const KINDS = { hi2: 0, hi3: 1 } as const;
const INTERFACES = { hi2: 'HI2', hi3: 'HI3' } as const;

type Counting = { -readonly [Name in keyof FileSummary]: FileSummary[Name] } & { undecodable: number[] };

export class Scan {
  readonly #workspace: Workspace;
  readonly #numbering: Numbering;
  readonly #progress: Readonly<Record<HandoverKind, { at: number; readonly summary: Counting }>>;
  readonly #changed = new Set<number>();

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
    this.#numbering = new Numbering(workspace);
    const none = () => ({ at: 0, summary: emptySummary() });
    this.#progress = { hi2: none(), hi3: none() };
  }

  get files(): Readonly<Record<HandoverKind, FileSummary>> {
    return { hi2: this.#progress.hi2.summary, hi3: this.#progress.hi3.summary };
  }

  /** The communication that was put away under a key. */
  session(key: string): NumberedSession {
    return this.#numbering.sessionOf(key);
  }

  /** The communications of which there was something new since the last time, by id. */
  takeChanged(): Set<number> {
    const changed = new Set(this.#changed);
    this.#changed.clear();
    return changed;
  }

  /** Reads what is new in a file, up to `to`. */
  read(kind: HandoverKind, file: HandoverFile, sources: Iterable<SourceMark>, to = file.size): void {
    const progress = this.#progress[kind];
    const { summary } = progress;
    if (summary.damage !== null) {
      summary.truncatedOctets = to - progress.at;
      return;
    }
    const lookup = new SourceLookup(sources);
    const pdus = file.pdus(progress.at, to);
    for (let next = pdus.next(); ; next = pdus.next()) {
      if (next.done === true) {
        summary.damage = next.value;
        break;
      }
      const { octets, at } = next.value;
      this.#take(kind, next.value, lookup.at(at), summary);
      progress.at = at + octets.length;
    }
    summary.truncatedOctets = to - progress.at;
  }

  #take(kind: HandoverKind, { octets, at }: PlacedPdu, noted: string | null, summary: Counting): void {
    const place = summary.pdus++;
    const pdu = decoded(octets);
    const source = noted ?? pdu?.header.networkElementIdentifier ?? '';
    if (pdu?.payload.kind === 'tri') {
      summary.transport++;
      if (pdu.payload.message.type === 'cinReset') this.#numbering.reset(kind, source, pdu.header);
      return;
    }
    if (pdu?.payload.kind === 'hi1') {
      this.#takeNotice(pdu, pdu.payload.operation, source, octets, summary);
      return;
    }
    if (pdu?.header.cin === undefined) {
      summary.undecodableInAll++;
      if (summary.undecodable.length < MAX_LISTED) summary.undecodable.push(place);
      return;
    }
    const verdict = this.#numbering.take(kind, source, pdu.header, octets);
    if (verdict.kind === 'copy') {
      summary.duplicates++;
      return;
    }
    const { session, line, differsFrom } = verdict;
    if (differsFrom.length > 0) {
      summary.conflicts++;
      session.conflicts++;
    }
    session.divided ||= differsFrom.some((other) => other !== source);
    this.#changed.add(session.id);
    if (line.tally.pdus === 0) {
      this.#workspace.addSession(session.id, sessionKey(pdu.header), kind === 'hi2' ? at : AFTER_HI2 + at);
    }
    this.#keep(kind, pdu, { at, length: octets.length }, octets, session, line);
  }

  /** Of either interface: the same notification on both is one. */
  #takeNotice(
    { header }: ReceivedPsPdu,
    operation: Hi1Operation,
    source: string,
    octets: Uint8Array,
    summary: Counting,
  ): void {
    summary.notifications++;
    const verdict = this.#numbering.take('hi2', source, noticeHeader(header), octets);
    if (verdict.kind === 'copy') {
      summary.duplicates++;
      return;
    }
    if (verdict.differsFrom.length > 0) summary.conflicts++;
    this.#workspace.addNotice(noticeReport(header, operation, source));
  }

  #keep(
    kind: HandoverKind,
    pdu: ReceivedPsPdu,
    location: PduLocation,
    octets: Uint8Array,
    session: NumberedSession,
    line: NumberedLine,
  ): void {
    const { header, payload, unread = [] } = pdu;
    const { sequenceNumber } = header;
    const { source, count, tally } = line;
    tally.pdus++;
    if (header.time !== undefined) {
      const time = unixMsOf(header.time);
      tally.firstTime = Math.min(tally.firstTime ?? time, time);
      tally.lastTime = Math.max(tally.lastTime ?? time, time);
    }
    for (const note of unread) {
      const told = `${INTERFACES[kind]} ${sequenceNumber}: ${note}`;
      this.#workspace.addNote(session.id, source, [KINDS[kind], count, sequenceNumber], told);
    }
    if (kind === 'hi2' && payload.kind === 'iri') {
      this.#workspace.addIri({ ...location, session: session.id, source, count, sequenceNumber });
    } else if (kind === 'hi3' && payload.kind === 'cc') {
      for (const [sub, cc] of payload.packets.entries()) {
        const at = cc.time ?? header.time;
        const time = at === undefined ? null : unixMsOf(at);
        const base = count * PLACES_IN_COUNT + sequenceNumber * PLACES_IN_PDU;
        const place = base + Math.min(sub, PLACES_IN_PDU - 1);
        this.#content(cc, { location, octets, place, time }, session.id, line);
      }
    }
  }

  #content(
    cc: CcPayload,
    {
      location,
      octets,
      place,
      time,
    }: {
      readonly location: PduLocation;
      readonly octets: Uint8Array;
      readonly place: number;
      readonly time: number | null;
    },
    session: number,
    { source, tally }: NumberedLine,
  ): void {
    const content = contentOf(cc);
    const direction = directionOf(cc);
    if (content.kind === 'rtp') {
      tally.packets++;
      const { path, header, decrypted } = content;
      const packet = this.#locate(content, location, octets);
      this.#workspace.addPacket({
        ...packet,
        session,
        source,
        direction,
        ssrc: header.ssrc,
        place,
        time,
        path,
        decrypted,
      });
      return;
    }
    tally.other[content.kind]++;
    if (content.kind === 'handshake' && !tally.handshakes.includes(direction)) {
      tally.handshakes.push(direction);
    }
  }

  /** Where the packet stands in the file; one that came in pieces is put aside. */
  #locate({ packet }: RtpContent, { at }: PduLocation, octets: Uint8Array): PduLocation {
    if (packet.buffer !== octets.buffer) return this.#workspace.keep(packet);
    return { at: at + packet.byteOffset - octets.byteOffset, length: packet.length };
  }
}

function directionOf({ direction, contents }: CcPayload): number {
  const { fromTarget, toTarget } = PAYLOAD_DIRECTION;
  if (direction === fromTarget || direction === toTarget) return direction;
  if (contents.kind !== 'voip') return NO_DIRECTION;
  if (contents.cc.direction === T_PDU_DIRECTION.fromTarget) return fromTarget;
  return contents.cc.direction === T_PDU_DIRECTION.toTarget ? toTarget : NO_DIRECTION;
}

/** A payload that says neither direction. */
export const NO_DIRECTION = -1;

function emptySummary(): Counting {
  return {
    pdus: 0,
    transport: 0,
    notifications: 0,
    duplicates: 0,
    conflicts: 0,
    truncatedOctets: 0,
    undecodable: [],
    undecodableInAll: 0,
    damage: null,
  };
}

function decoded(octets: Uint8Array): ReceivedPsPdu | null {
  try {
    return decodePsPdu(octets);
  } catch (error) {
    if (error instanceof HiError) return null;
    throw error;
  }
}

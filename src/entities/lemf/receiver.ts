/**
 * Reception at the LEMF (TS 102 232-1 clauses 6.2 and 7). Everything is stored in order of arrival, PDUs of the transport
 * itself included, save copies: IRI and CC that a delivery function sends again after a lost connection are known by
 * LIID, CIN, operator, kind, sequence number and content. What has a known number and other content is kept, with an
 * alarm (`numbering.ts`). A pDUAcknowledgementRequest is answered, with its own sequence number, when all
 * that came before it is on the disk.
 *
 * After a start with much in the store, what comes is stored and acknowledged at once, and numbered and told of when what
 * came before it has been (`numbered-store.ts`).
 *
 * IRI is stored as HI2 and CC as HI3, whatever port they came in on; notifications of HI1 as HI2; what belongs to the
 * transport, with the interface that it came in on.
 */
import { messageOf } from '../../bytes/errors.ts';
import type { Clock, Logger } from '../../bytes/ports.ts';
import { PsPduDeframer } from '../../wire/hi/deframer.ts';
import { IMS_EVENT } from '../../wire/hi/eps-iri.ts';
import type { EpsIri } from '../../wire/hi/eps-iri.ts';
import { toldBy } from '../../wire/hi/hi1.ts';
import type { Hi1Operation } from '../../wire/hi/hi1.ts';
import type { PsHeader } from '../../wire/hi/header.ts';
import { decodePsPdu, encodePsPdu } from '../../wire/hi/ps-pdu.ts';
import type { PsPdu } from '../../wire/hi/ps-pdu.ts';
import { microTime } from '../../wire/hi/time.ts';
import { TRI_OPTION } from '../../wire/hi/tri.ts';
import type { TriMessage } from '../../wire/hi/tri.ts';
import { rtpOf } from './content.ts';
import type { RtpContent } from './content.ts';
import { LemfError } from './errors.ts';
import { LeastRecentlyUsed } from '../../ibe/cache.ts';
import { NumberedStore } from './numbered-store.ts';
import type { NumberingElsewhere, PduOrigin } from './numbered-store.ts';
import type { JudgedVerdict } from './numbering.ts';
import type { NumberStore } from './sessions.ts';
import type { WarrantName } from './retention.ts';
import type {
  HandoverKind,
  LemfAcceptor,
  LemfChannel,
  LemfConnection,
  LemfEvent,
  LemfListener,
  LemfStore,
} from './ports.ts';

export interface LemfReceiverOptions {
  readonly store: LemfStore;
  /** What is known of numbers that have come. */
  readonly numbers: NumberStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onEvent?: LemfListener;
  /** IRI or CC was added to the store. */
  readonly onStored?: () => void;
  /** Of what is stored, and was before the start, as it is numbered: notifications of warrants, perhaps copies. */
  readonly onNotice?: (name: WarrantName, operation: Hi1Operation) => void;
  /** Something of a warrant is in the store now. */
  readonly onWarrant?: (name: WarrantName) => void;
  /** Octets of the store that are read before anything else. */
  readonly readFirst?: number;
  /** Who reads more than that; absent: it is read beside reception, in slices. */
  readonly elsewhere?: NumberingElsewhere;
}

/** Streams that are remembered; one more, and the one that was silent for longest is told of again when it speaks. */
const MAX_STREAMS = 10_000;

export class LemfReceiver implements LemfAcceptor {
  readonly #options: LemfReceiverOptions;
  readonly #numbered: NumberedStore;
  /** Streams whose first packet has been told of, those of late. */
  readonly #streams = new LeastRecentlyUsed<true>(MAX_STREAMS);
  /** The disk has refused: what is marked may not be there, so nothing more is taken until a restart has looked. */
  #broken: string | null = null;
  readonly #counts = { stored: 0, copies: 0, conflicts: 0, gaps: 0 };

  /** Rebuilds what it must remember from the store. @throws LemfError `damaged`, HiError */
  constructor(options: LemfReceiverOptions) {
    this.#options = options;
    this.#numbered = new NumberedStore({
      ...options,
      onOldNotice: ({ header, payload }, { source }) => {
        if (payload.kind === 'hi1') this.#noticed(header.liid, source, payload.operation);
      },
      onNumbered: (pdu, from, verdict) => this.#judged(pdu, from, verdict),
      onDamaged: (error) => {
        this.#broken = `what is stored cannot be read (${messageOf(error)})`;
        options.logger.error({ reason: messageOf(error) }, 'HI: the store is damaged; nothing more is taken');
      },
    });
  }

  /** Why nothing is taken until a restart; `null`: all is well. */
  get broken(): string | null {
    return this.#broken;
  }

  /** Whether all that is stored is numbered, and what comes is before it is stored. */
  get isIdle(): boolean {
    return !this.#numbered.isBehind;
  }

  /** Octets that are stored and not numbered yet. */
  get behind(): number {
    return this.#numbered.behind;
  }

  /** Reads nothing more. */
  stop(): void {
    this.#numbered.stop();
  }

  /** PDUs since the start. */
  get counts(): Readonly<Record<'stored' | 'copies' | 'conflicts' | 'gaps', number>> {
    return this.#counts;
  }

  accept(channel: LemfChannel, peer: string, via: HandoverKind): LemfConnection {
    const deframer = new PsPduDeframer();
    let open = true;
    this.#tell({ type: 'connected', at: this.#options.clock.now(), peer });
    return {
      received: (octets) => {
        try {
          if (this.#broken !== null) throw new LemfError('store', this.#broken);
          for (const pdu of open ? deframer.push(octets) : []) this.#take(channel, peer, via, pdu);
        } catch (error) {
          // What was stored before stays; a peer that does not speak the protocol is not listened to any further.
          this.#options.logger.error({ peer, reason: messageOf(error) }, 'HI: connection closed');
          open = false;
          channel.close();
        }
      },
      closed: () => {
        open = false;
        this.#tell({ type: 'disconnected', at: this.#options.clock.now(), peer });
      },
    };
  }

  #take(channel: LemfChannel, source: string, via: HandoverKind, octets: Uint8Array): void {
    const { header, payload, unread } = decodePsPdu(octets);
    if (unread !== undefined) {
      const { liid, cin, sequenceNumber } = header;
      this.#options.logger.warn({ liid, cin, sequenceNumber, unread }, 'HI: values that cannot be read');
    }
    if (payload.kind !== 'tri') {
      this.#store({ header, payload }, source, octets);
    } else if (payload.message.type === 'cinReset') {
      this.#reset(header, source, octets);
    } else {
      this.#options.store.append(via, octets, source);
      this.#transport(channel, header, payload.message);
    }
  }

  /** A delivery function was put back from a copy: what was under way goes on under other CINs, or not at all. */
  #reset(header: PsHeader, source: string, octets: Uint8Array): void {
    this.#numbered.reset(header, source, octets);
    const { liid, cin = 0 } = header;
    this.#options.logger.warn({ liid, cin, source }, 'HI: cINReset: CINs go on from another');
    this.#tell({ type: 'reset', at: this.#options.clock.now(), liid, cin, source });
  }

  #store(pdu: PsPdu, source: string, octets: Uint8Array): void {
    const kind: HandoverKind = pdu.payload.kind === 'cc' ? 'hi3' : 'hi2';
    const verdict = this.#numbered.add(pdu, { kind, source }, octets);
    if (verdict?.kind !== 'copy') {
      this.#counts.stored += 1;
      this.#options.onStored?.();
      this.#options.onWarrant?.({ liid: pdu.header.liid, source });
    }
    if (pdu.payload.kind === 'hi1') this.#noticed(pdu.header.liid, source, pdu.payload.operation);
    if (verdict !== null) this.#judged(pdu, { kind, source }, verdict);
  }

  /** Also of a copy: the first may have been stored by a process that died over it. */
  #noticed(liid: string, source: string, operation: Hi1Operation): void {
    this.#options.onNotice?.({ liid, source }, operation);
  }

  #judged(pdu: PsPdu, { kind, source }: PduOrigin, verdict: JudgedVerdict): void {
    const { liid, sequenceNumber } = pdu.header;
    const cin = pdu.payload.kind === 'hi1' ? null : (pdu.header.cin ?? null);
    const at = this.#options.clock.now();
    const about = { at, kind, liid, cin };
    if (verdict.kind === 'copy') {
      this.#counts.copies += 1;
      this.#tell({ type: 'duplicate', ...about, sequenceNumber });
      return;
    }
    const { expected, count, conflict, differsFrom } = verdict;
    if (conflict) {
      this.#counts.conflicts += 1;
      const alarm = { kind, liid, cin, sequenceNumber, source, count, differsFrom };
      this.#options.logger.error(alarm, 'HI: a known number with other content; both are kept');
      this.#tell({ type: 'conflict', ...about, sequenceNumber, source, count });
    }
    if (sequenceNumber > expected) {
      this.#counts.gaps += 1;
      this.#options.logger.warn({ kind, liid, cin, expected, received: sequenceNumber }, 'HI: PDUs missing');
      this.#tell({ type: 'gap', ...about, expected, received: sequenceNumber });
    }
    if (cin === null) this.#announceNotice(pdu, at);
    else this.#announce(pdu, cin, at);
  }

  #transport(channel: LemfChannel, header: PsHeader, message: TriMessage): void {
    const answer = (reply: TriMessage) => this.#answer(channel, header, reply);
    switch (message.type) {
      case 'keepAlive':
        answer({ type: 'keepAliveResponse' });
        break;
      case 'optionRequest':
        answer({
          type: 'optionResponse',
          accepted: message.requested.filter((option) => option === TRI_OPTION.pduAcknowledgement),
          declined: message.requested.filter((option) => option !== TRI_OPTION.pduAcknowledgement),
        });
        break;
      case 'pduAcknowledgementRequest':
        this.#options.store.sync().then(
          () => answer({ type: 'pduAcknowledgementResponse' }),
          (error: unknown) => {
            this.#broken = 'what came could not be made durable';
            this.#options.logger.error({ reason: messageOf(error) }, 'HI: PDUs could not be stored');
            channel.close();
          },
        );
        break;
      default:
        this.#options.logger.debug({ type: message.type }, 'HI: TRI PDU passed over');
    }
  }

  #answer(channel: LemfChannel, request: PsHeader, message: TriMessage): void {
    const header = { ...request, time: microTime(this.#options.clock.now()) };
    channel.send(encodePsPdu({ header, payload: { kind: 'tri', message } }));
  }

  #announceNotice({ header, payload }: PsPdu, at: number): void {
    if (payload.kind !== 'hi1') return;
    const { liid, sequenceNumber } = header;
    const { operation } = payload;
    const { time, text } = toldBy(operation);
    const about = { operation: operation.kind, text, eventTime: time };
    this.#tell({ type: 'notice', at, liid, sequenceNumber, ...about });
    if (operation.kind === 'alarm') this.#options.logger.warn({ liid, text }, 'HI1: alarm');
  }

  #announce({ header, payload }: PsPdu, cin: number, at: number): void {
    const { liid, sequenceNumber } = header;
    if (payload.kind === 'iri') {
      for (const { contents } of payload.records) {
        if (contents.kind !== 'eps') continue;
        const { record } = contents;
        const csIds = (record.keys ?? []).map((info) => info.csId[0] ?? 0);
        const event = eventName(record);
        this.#tell({
          type: 'record',
          at,
          liid,
          cin,
          sequenceNumber,
          event,
          csIds,
          eventTime: record.time,
        });
      }
    } else if (payload.kind === 'cc') {
      for (const packet of payload.packets) this.#announceStream(rtpOf(packet), liid, cin, at);
    }
  }

  #announceStream(content: RtpContent | null, liid: string, cin: number, at: number): void {
    if (content === null) return;
    const { ssrc } = content.header;
    const decrypted = content.decrypted !== null;
    this.#streams.get(`${ssrc} ${cin} ${liid}`, () => {
      this.#tell({ type: 'content', at, liid, cin, ssrc, decrypted });
      return true;
    });
  }

  #tell(event: LemfEvent): void {
    this.#options.onEvent?.(event);
  }
}

const EVENT_NAMES = new Map<number, string>(Object.entries(IMS_EVENT).map(([name, value]) => [value, name]));

function eventName(record: EpsIri): string {
  if (record.mediaSecFailure !== undefined) return 'mediaSecFailure';
  return EVENT_NAMES.get(record.imsEvent ?? 0) ?? 'record';
}

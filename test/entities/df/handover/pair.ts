/** A handover manager and a peer on the other end of a wire that is a function call, under a clock that tests move. */
import type { SetAsidePdu } from '../../../../src/bytes/ports.ts';
import type { OutboxAppend } from '../../../../src/entities/df/ports.ts';
import { recordEncoder } from '../../../../src/entities/df/handover/encoder.ts';
import { HandoverManager } from '../../../../src/entities/df/handover/manager.ts';
import type {
  HandoverAddress,
  HandoverChannel,
  HandoverChannelEvents,
  HandoverSettings,
  HandoverTransport,
} from '../../../../src/entities/df/handover/ports.ts';
import { utf8 } from '../../../../src/bytes/octets.ts';
import { PsPduDeframer } from '../../../../src/wire/hi/deframer.ts';
import { decodePsPdu, encodePsPdu } from '../../../../src/wire/hi/ps-pdu.ts';
import type { PsPdu } from '../../../../src/wire/hi/ps-pdu.ts';
import type { TriMessage } from '../../../../src/wire/hi/tri.ts';
import { SqliteDfStore } from '../../../../src/entities/df/store/sqlite.ts';
import { NOTHING } from '../store/compliance-values.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { silent } from '../../../support/silent.ts';

export const NAME = { countryCode: 'DE', operator: 'home1', element: 'df.home1.example' };
export const DID = 'd1';
export const LIID = 'LIID-1';

/** One connection as the peer sees it. */
export class PeerConnection {
  readonly received: PsPdu[] = [];
  /** PDUs of each piece that came. */
  readonly pieces: number[] = [];
  readonly #deframer = new PsPduDeframer();
  readonly #events: HandoverChannelEvents;
  closedByUs = false;

  constructor(events: HandoverChannelEvents) {
    this.#events = events;
  }

  take(octets: Uint8Array): void {
    const pdus = [...this.#deframer.push(octets)];
    this.pieces.push(pdus.length);
    for (const pdu of pdus) this.received.push(decodePsPdu(pdu));
  }

  open(): void {
    this.#events.opened();
  }

  lose(): void {
    this.#events.closed('connection reset');
  }

  raw(octets: Uint8Array): void {
    this.#events.received(octets);
  }

  /** Answers the newest PDU of a TRI type, with its own sequence number. */
  answer(to: TriMessage['type'], message: TriMessage, nth = -1): void {
    const request = this.tri(to).at(nth);
    if (request === undefined) throw new Error(`no ${to} to answer`);
    this.raw(encodePsPdu({ header: request.header, payload: { kind: 'tri', message } }));
  }

  agree(): void {
    this.answer('optionRequest', { type: 'optionResponse', accepted: [0], declined: [] });
  }

  acknowledge(nth = -1): void {
    this.answer('pduAcknowledgementRequest', { type: 'pduAcknowledgementResponse' }, nth);
  }

  tri(type: TriMessage['type']): PsPdu[] {
    return this.received.filter(({ payload }) => payload.kind === 'tri' && payload.message.type === type);
  }

  /** Sequence numbers of what was delivered, in order. */
  get delivered(): number[] {
    return this.received
      .filter(({ payload }) => payload.kind !== 'tri')
      .map(({ header }) => header.sequenceNumber);
  }
}

export class Pair implements HandoverTransport {
  readonly clock = new ManualClock();
  readonly store: SqliteDfStore;
  readonly connections: PeerConnection[] = [];
  readonly alarms: string[] = [];
  readonly issues: string[] = [];
  readonly setAside: SetAsidePdu[] = [];
  readonly manager: HandoverManager;
  destinations: HandoverAddress[] = [{ did: DID, host: 'lemf.home1.example', port: 1, by: 'DF2' }];
  #next = 0;

  private constructor(store: SqliteDfStore, settings: Partial<HandoverSettings>) {
    this.store = store;
    this.manager = new HandoverManager({
      outbox: this.store,
      destinations: { list: () => this.destinations },
      transport: this,
      name: NAME,
      alarms: {
        raised: (did, description) => this.alarms.push(`${did} raised ${description}`),
        cleared: (did) => this.alarms.push(`${did} cleared`),
      },
      issues: { elementIssue: (description) => void this.issues.push(description) },
      setAside: { keep: (pdu) => Promise.resolve(void this.setAside.push(pdu)) },
      clock: this.clock,
      logger: silent,
      settings,
    });
  }

  static async make(settings: Partial<HandoverSettings> = {}): Promise<Pair> {
    return new Pair(await SqliteDfStore.open(':memory:'), settings);
  }

  open(_address: HandoverAddress, events: HandoverChannelEvents): HandoverChannel {
    const connection = new PeerConnection(events);
    this.connections.push(connection);
    return {
      send: (octets) => connection.take(octets),
      close: () => (connection.closedByUs = true),
    };
  }

  get peer(): PeerConnection {
    const peer = this.connections.at(-1);
    if (peer === undefined) throw new Error('no connection yet');
    return peer;
  }

  /** Connects and agrees on the options. */
  async connected(): Promise<PeerConnection> {
    if (this.connections.length === 0) this.manager.start();
    this.peer.open();
    this.peer.agree();
    await settle();
    return this.peer;
  }

  /** Puts that many more records into the outbox. */
  async append(count: number): Promise<void> {
    const encode = recordEncoder(NAME);
    const outbox: OutboxAppend[] = Array.from({ length: count }, () => {
      const sequenceNumber = this.#next++;
      const record = {
        kind: 'sip-message' as const,
        liid: LIID,
        cin: 1,
        time: this.clock.now(),
        correlation: new Uint8Array(8),
        observed: [{ name: 'sipUri', value: 'sip:alice@home1.example' }],
        direction: 'fromTarget' as const,
        sip: utf8('INVITE sip:bob@home2.example SIP/2.0\r\n\r\n'),
      };
      const octets = encode(record, sequenceNumber);
      return { did: DID, interface: 'hi2', liid: LIID, cin: 1, sequenceNumber, octets };
    });
    await this.store.commit({ ...NOTHING, outbox });
    await settle();
  }

  waiting(): Promise<number> {
    return Promise.resolve(this.store.waiting(DID).count);
  }
}

/** Lets promises that are under way come to rest. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

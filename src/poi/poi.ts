/**
 * The point of interception of a network element (TS 33.107; TS 103 221-2 clause 4): what the element does with an
 * event that one of its tasks matches. Each event becomes one PDU for each task and each of the task's destinations;
 * the PDU goes into the destination's queue, from where a connection takes it.
 *
 * The call comes first: `report` returns at once whatever the state of the destination is, never throws,
 * and its work does not depend on whether a DF listens: it numbers the PDU and keeps what it is to be made of, and the
 * PDU itself is made when it is sent, which is after the message or packet has gone on. What a full queue cannot take is counted and reported, never
 * waited for.
 *
 * Sequence numbers (attribute 8) count from 0 for XID + DID + NFID + IPID + correlation ID, X2 and X3 apart. A lost PDU
 * keeps its number, so that the receiver sees the gap.
 */
import type { NetworkAddress } from '../bytes/network-address.ts';
import { toHex } from '../bytes/octets.ts';
import type { Logger } from '../bytes/ports.ts';
import { Tally } from '../bytes/tally.ts';
import type { Attribute } from '../wire/x2x3/attributes.ts';
import { ATTRIBUTE, attributeName, attributeOctets } from '../wire/x2x3/attributes.ts';
import { X2X3_SENT } from '../wire/x2x3/limits.ts';
import type { TargetIdentifier } from '../wire/x1/target-identifiers.ts';
import type { Pdu } from '../wire/x2x3/pdu.ts';
import { PduEncoder } from '../wire/x2x3/pdu-encoder.ts';
import { FIXED_HEADER, PDU_TYPE, textAttribute, timestampAttribute, X2X3_VERSION } from '../wire/x2x3/pdu.ts';
import { StreamEncoder } from '../wire/x2x3/stream-encoder.ts';
import { targetIdentifierXml } from '../wire/x2x3/target.ts';
import { DeliveryQueue } from './queue.ts';
import type { DestinationIssues, QueueLimits } from './queue.ts';

/** An event as the network element saw it. */
export interface Observation {
  /** X2: signalling; X3: content. */
  readonly interface: 'x2' | 'x3';
  /** One of `DIRECTION`, seen from the target. */
  readonly direction: number;
  /** One of `PAYLOAD_FORMAT`. */
  readonly format: number;
  /** The octets as intercepted, not to be changed from now on: they are copied when they are sent. */
  readonly payload: Uint8Array;
  /** 8 octets: the first of SHA-256(ICID, else Call-ID). */
  readonly correlation: Uint8Array;
  /** Unix milliseconds, may have a fraction. */
  readonly time: number;
  readonly source?: NetworkAddress;
  readonly destination?: NetworkAddress;
  /** IANA protocol number: 6 TCP, 17 UDP. */
  readonly ipProtocol?: number;
  /** Attribute 22: the session description of the RTP that follows. Left out, and reported, where it does not fit. */
  readonly sdp?: string;
  /** Nobody has vouched for the identities that matched: what a stranger says gives way to what a party says. */
  readonly claimed?: boolean;
}

/** Where trouble goes besides: X1 ReportTaskIssue. Must not throw. */
export interface PoiIssues extends DestinationIssues {
  taskIssue(xid: string, description: string): void;
}

/** What the POI needs of an X1 task. */
export interface PoiTask {
  readonly xid: string;
  readonly deliveryType: 'X2Only' | 'X3Only' | 'X2andX3';
  readonly dids: readonly string[];
}

/** A task that an event matched, and by what. */
export interface Match {
  readonly task: PoiTask;
  readonly matched?: TargetIdentifier;
  /** Direction seen from this task's target, where tasks differ; else the observation's. */
  readonly direction?: number;
}

/** A task came, has changed or has gone. */
export interface TaskChange {
  readonly xid: string;
  /** Keys of its targets (`sip/identity-keys.ts`), before and now. */
  readonly keys: ReadonlySet<string>;
}

/** The tasks that X1 has given this network element. */
export interface InterceptionTasks {
  /** Grows with every change of a task, so that matches need not be sought for every packet. */
  readonly revision: number;
  /** The tasks whose target is one of these identities. */
  match(identities: readonly string[]): readonly Match[];
  /** Calls `listener` after each change of a task, for those who keep what one that comes late may want. */
  onChange?(listener: (change: TaskChange) => void): void;
}

/** Where what is intercepted goes; never throws, never waits. `Poi` is one. */
export interface ObservationReporter {
  report(observation: Observation, matches: readonly Match[]): void;
}

/** The same where what was seen may be lost on its way here. */
export interface ContentReporter extends ObservationReporter {
  /**
   * So many events were seen, and what they were is not known any more: their numbers will lack, and it is reported.
   * @param why absent: they came faster than they are taken
   */
  missed(
    observed: Pick<Observation, 'interface' | 'correlation'>,
    matches: readonly Match[],
    count: number,
    why?: string,
  ): void;
}

export interface PoiOptions {
  /** Attribute 6: the network function, e.g. its host name. */
  readonly nfId: string;
  /** Attribute 7: the point within it, e.g. `sip` or `rtp`. */
  readonly ipId: string;
  readonly logger: Logger;
  readonly issues: PoiIssues;
  readonly limits?: QueueLimits;
}

/** What is encoded with a header once, and of what. */
interface EncodedStream {
  readonly observed: Omit<Observation, 'payload' | 'time'>;
  readonly encoder: StreamEncoder;
}

/** Octets of a header without a session description, for the bounds of a queue. */
const HEADER = 320;
/** Numberings that are kept; the longest unused go first. */
const MAX_STREAMS = 100_000;

export class Poi {
  readonly #options: PoiOptions;
  readonly #queues = new Map<string, DeliveryQueue>();
  /** Queues of destinations that were removed, while what waits there has some time left. */
  readonly #closed = new Set<DeliveryQueue>();
  #lostWithRemoved = 0;
  #displacedWithRemoved: Displaced = { x2: 0, x3: 0 };
  /** Next sequence number by stream, least recently used first. */
  readonly #streams = new Map<string, number>();
  readonly #sessions = new WeakMap<Uint8Array, string>();
  readonly #leftOut = new Tally();
  readonly #encoder = new PduEncoder();
  /** Of content, by what it matched and for whom: where that is the same from packet to packet. */
  readonly #encoded = new WeakMap<Match, Map<string, EncodedStream>>();
  #attributesLeftOut = 0;

  constructor(options: PoiOptions) {
    this.#options = options;
  }

  /** The queue of a destination, made when it is first asked for. */
  open(did: string): DeliveryQueue {
    const known = this.#queues.get(did);
    if (known !== undefined) return known;
    const queue = new DeliveryQueue(did, this.#options.issues, this.#options.limits);
    this.#queues.set(did, queue);
    return queue;
  }

  /** Takes nothing more for a destination; gives what waits for it, which `finish` puts an end to. `null`: nothing. */
  close(did: string): DeliveryQueue | null {
    const queue = this.#queues.get(did);
    if (queue === undefined) return null;
    this.#queues.delete(did);
    this.#closed.add(queue);
    return queue;
  }

  /** What still waits in a closed queue is lost. */
  finish(queue: DeliveryQueue): void {
    if (!this.#closed.delete(queue)) return;
    queue.abandon();
    this.#lostWithRemoved += queue.lost;
    this.#displacedWithRemoved = plus(this.#displacedWithRemoved, queue.displaced);
  }

  /** What waits, by destination. */
  queues(): readonly Pick<DeliveryQueue, 'did' | 'waiting' | 'octets' | 'oldest'>[] {
    return [...this.#queues.values()];
  }

  /** Of the PDUs that were lost since the start, those that there was no room for, by interface. */
  get displaced(): Displaced {
    const queues = [...this.#queues.values(), ...this.#closed];
    return queues.reduce((sum, { displaced }) => plus(sum, displaced), this.#displacedWithRemoved);
  }

  /** PDUs lost to full queues or to errors since the start. */
  get lost(): number {
    const queues = [...this.#queues.values(), ...this.#closed];
    return queues.reduce((sum, queue) => sum + queue.lost, this.#lostWithRemoved);
  }

  /** Attributes that did not fit into the header of their PDU. */
  get attributesLeftOut(): number {
    return this.#attributesLeftOut;
  }

  /** Hands an event on for every match; never throws, never waits. */
  report(observation: Observation, matches: readonly Match[]): void {
    const session = this.#sessionOf(observation.correlation);
    for (const match of matches) {
      if (!delivers(match.task, observation.interface)) continue;
      for (const did of match.task.dids) this.#deliver(observation, session, match, did);
    }
  }

  missed(
    { interface: reference, correlation }: Pick<Observation, 'interface' | 'correlation'>,
    matches: readonly Match[],
    count: number,
    why = `${reference.toUpperCase()} events came faster than they are taken`,
  ): void {
    const session = toHex(correlation);
    for (const { task } of matches) {
      if (!delivers(task, reference)) continue;
      for (const did of task.dids) {
        this.#next(streamName(reference, task.xid, did, session), count);
        this.open(did).countLoss(why, count);
      }
    }
  }

  /** The text of a correlation, whose octets are the same for packet after packet of a session. */
  #sessionOf(correlation: Uint8Array): string {
    let session = this.#sessions.get(correlation);
    if (session === undefined) this.#sessions.set(correlation, (session = toHex(correlation)));
    return session;
  }

  #deliver(observation: Observation, session: string, match: Match, did: string): void {
    const { interface: reference, payload, sdp = '', claimed = false, time } = observation;
    const { xid } = match.task;
    const number = this.#next(streamName(reference, xid, did, session));
    const size = payload.length + sdp.length + HEADER;
    const octets = once(() => this.#encode(observation, match, did, number));
    this.open(did).append({ interface: reference, xid, session, claimed, time, size, octets });
  }

  #encode(observation: Observation, match: Match, did: string, sequenceNumber: number): Uint8Array {
    try {
      return this.#encodeWhole(observation, match, did, sequenceNumber);
    } catch (error) {
      this.#options.logger.error({ did, xid: match.task.xid, error }, 'an intercepted event was lost');
      throw error;
    }
  }

  #encodeWhole(observation: Observation, match: Match, did: string, sequenceNumber: number): Uint8Array {
    const { interface: reference, sdp, time, payload } = observation;
    if (reference === 'x3' && sdp === undefined) {
      const known = this.#encoded.get(match)?.get(did);
      if (known !== undefined && isAlike(known.observed, observation))
        return known.encoder.encode(sequenceNumber, time, payload);
    }
    const pdu = this.#pdu(observation, match, did, sequenceNumber);
    if (reference === 'x3' && sdp === undefined) this.#keepHeader(pdu, observation, match, did);
    return this.#encoder.encode(pdu, X2X3_SENT);
  }

  /** Of what follows, as long as it is alike, only number and time are encoded. */
  #keepHeader(pdu: Pdu, { payload: _, ...observed }: Observation, match: Match, did: string): void {
    // What has to be left out is told of each PDU.
    if (match.matched !== undefined && textAttribute(pdu, ATTRIBUTE.matchedTarget) === null) return;
    const streams = this.#encoded.get(match) ?? new Map<string, EncodedStream>();
    this.#encoded.set(match, streams);
    streams.set(did, { observed, encoder: new StreamEncoder(pdu, X2X3_SENT) });
  }

  #pdu(observation: Observation, match: Match, did: string, sequenceNumber: number): Pdu {
    const { nfId, ipId } = this.#options;
    const attributes: Attribute[] = [
      { kind: 'text', type: ATTRIBUTE.did, value: did },
      { kind: 'text', type: ATTRIBUTE.nfid, value: nfId },
      { kind: 'text', type: ATTRIBUTE.ipid, value: ipId },
      { kind: 'number', type: ATTRIBUTE.sequenceNumber, value: sequenceNumber },
      timestampAttribute(observation.time),
      ...addressAttributes(observation),
    ];
    const optional: Attribute[] = [];
    if (match.matched !== undefined) {
      const value = targetIdentifierXml(match.matched.name, match.matched.value);
      optional.push({ kind: 'text', type: ATTRIBUTE.matchedTarget, value });
    }
    if (observation.sdp !== undefined) {
      optional.push({ kind: 'text', type: ATTRIBUTE.sdp, value: observation.sdp });
    }
    return {
      version: X2X3_VERSION,
      type: PDU_TYPE[observation.interface],
      payloadFormat: observation.format,
      direction: match.direction ?? observation.direction,
      xid: match.task.xid.toLowerCase(),
      correlation: observation.correlation,
      attributes: this.#fitting(attributes, optional, match.task.xid),
      payload: observation.payload,
    };
  }

  /** The attributes, and of the optional ones those that the header has room for. */
  #fitting(attributes: readonly Attribute[], optional: readonly Attribute[], xid: string): Attribute[] {
    const fitting = [...attributes];
    let header = attributes.reduce((sum, attribute) => sum + attributeOctets(attribute), FIXED_HEADER);
    for (const attribute of optional) {
      const octets = header + attributeOctets(attribute);
      if (octets > X2X3_SENT.header) {
        this.#tellLeftOut(attribute, octets, xid);
        continue;
      }
      fitting.push(attribute);
      header = octets;
    }
    return fitting;
  }

  #tellLeftOut({ type }: Attribute, octets: number, xid: string): void {
    this.#attributesLeftOut++;
    const count = this.#leftOut.count(`${xid} ${type}`);
    if (count === null) return;
    const what = `${attributeName(type)} left out: the header would have had ${octets} octets (${count} times)`;
    this.#options.logger.warn({ xid, type, octets, count }, 'an attribute of X2/X3 was left out');
    this.#options.issues.taskIssue(xid, `X2/X3: ${what}`);
  }

  /** The first of `count` numbers, all of which are taken then. */
  #next(stream: string, count = 1): number {
    const next = this.#streams.get(stream) ?? 0;
    this.#streams.delete(stream);
    this.#streams.set(stream, (next + count) >>> 0);
    if (this.#streams.size > MAX_STREAMS) {
      const [oldest] = this.#streams.keys();
      if (oldest !== undefined) this.#streams.delete(oldest);
    }
    return next;
  }
}

/** PDUs by interface. */
type Displaced = DeliveryQueue['displaced'];

function plus(some: Displaced, more: Displaced): Displaced {
  return { x2: some.x2 + more.x2, x3: some.x3 + more.x3 };
}

/** What `make` gives, made when it is first asked for; what it was made of can go then. */
function once<T>(make: () => T): () => T {
  let state: { readonly make: () => T } | { readonly made: T } = { make };
  return () => {
    if ('make' in state) state = { made: state.make() };
    return state.made;
  };
}

/** Whether all of a header is the same but for number and time. */
function isAlike(a: EncodedStream['observed'], b: Observation): boolean {
  return (
    a.correlation === b.correlation &&
    a.direction === b.direction &&
    a.format === b.format &&
    a.ipProtocol === b.ipProtocol &&
    isSameEnd(a.source, b.source) &&
    isSameEnd(a.destination, b.destination)
  );
}

function isSameEnd(a: NetworkAddress | undefined, b: NetworkAddress | undefined): boolean {
  return a === b || (a !== undefined && a.port === b?.port && a.address === b.address);
}

function streamName(reference: 'x2' | 'x3', xid: string, did: string, session: string): string {
  return [reference, xid, did, session].join(' ');
}

function delivers(task: PoiTask, reference: 'x2' | 'x3'): boolean {
  return task.deliveryType === 'X2andX3' || task.deliveryType === (reference === 'x2' ? 'X2Only' : 'X3Only');
}

function addressAttributes({ source, destination, ipProtocol }: Observation): Attribute[] {
  const attributes: Attribute[] = [];
  if (source !== undefined) {
    const type = source.address.includes(':') ? ATTRIBUTE.sourceIpv6 : ATTRIBUTE.sourceIpv4;
    attributes.push({ kind: 'text', type, value: source.address });
  }
  if (destination !== undefined) {
    const type = destination.address.includes(':') ? ATTRIBUTE.destinationIpv6 : ATTRIBUTE.destinationIpv4;
    attributes.push({ kind: 'text', type, value: destination.address });
  }
  if (source !== undefined) {
    attributes.push({ kind: 'number', type: ATTRIBUTE.sourcePort, value: source.port });
  }
  if (destination !== undefined) {
    attributes.push({ kind: 'number', type: ATTRIBUTE.destinationPort, value: destination.port });
  }
  if (ipProtocol !== undefined) {
    attributes.push({ kind: 'number', type: ATTRIBUTE.ipProtocol, value: ipProtocol });
  }
  return attributes;
}

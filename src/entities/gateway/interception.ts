/**
 * The X3 point of interception of a session: every RTP and RTCP packet that the gateway relays for a party that
 * a task names becomes one X3 PDU for that task, still encrypted. Direction is seen from the target: what comes from
 * the target's side is from the target, what comes from the other side is to it.
 *
 * An RTP packet is payload format 8 without IP and UDP headers, which a relay does not see; addresses and ports go into
 * attributes. RTCP has no format of its own and goes the same way, told apart as RFC 5761 does. The session description
 * of the sending side precedes its packets in attribute 22: it is repeated with the first packet after each change.
 */
import type { Match, Observation, InterceptionTasks, ContentReporter } from '../../poi/poi.ts';
import { DIRECTION, PAYLOAD_FORMAT } from '../../wire/x2x3/pdu.ts';
import type { Side, WantedSession } from '../../wire/iq/sessions.ts';
import { SIDES, otherSide } from '../../wire/iq/sessions.ts';
import type { RelayedPacket } from './stream.ts';

/** IANA protocol number of UDP. */
const UDP = 17;

export class SessionInterception {
  readonly #poi: ContentReporter;
  readonly #tasks: InterceptionTasks;
  #session: WantedSession;
  /** Matches with their direction, by the side that a packet came from; for `#revision` of the tasks. */
  #matches: Readonly<Record<Side, readonly Match[]>> = { a: [], b: [] };
  #revision: number | null = null;
  /** Whether there are any of a side: beside the revision, since every packet asks. */
  #fromA = false;
  #fromB = false;
  /** Descriptions that each task has been told, by side and XID. */
  readonly #told: Readonly<Record<Side, Map<string, string>>> = { a: new Map(), b: new Map() };

  constructor(poi: ContentReporter, tasks: InterceptionTasks, session: WantedSession) {
    this.#poi = poi;
    this.#tasks = tasks;
    this.#session = session;
  }

  update(session: WantedSession): void {
    this.#session = session;
    this.#revision = null;
  }

  /** Whether a task concerns packets from a side; where tasks are as before, this is a comparison of two numbers. */
  isWanted(side: Side): boolean {
    if (this.#revision !== this.#tasks.revision) this.#seek();
    return side === 'a' ? this.#fromA : this.#fromB;
  }

  /** Reports a packet that is wanted to every task that it concerns. */
  relayed(packet: RelayedPacket): void {
    const matches = this.#matches[packet.side];
    const observation: Observation = {
      interface: 'x3',
      direction: DIRECTION.unknown,
      format: PAYLOAD_FORMAT.rtp,
      payload: packet.octets,
      correlation: this.#session.correlation,
      time: packet.at,
      source: packet.source,
      destination: packet.destination,
      ipProtocol: UDP,
    };
    const sdp = this.#session.sdps[packet.side];
    for (const match of matches) {
      const news = sdp !== null && this.#told[packet.side].get(match.task.xid) !== sdp;
      if (news) this.#told[packet.side].set(match.task.xid, sdp);
      this.#poi.report(news ? { ...observation, sdp } : observation, [match]);
    }
  }

  /** So many packets of a side went on that no task has: each has a number, which lacks then. */
  missed(side: Side, count: number): void {
    if (!this.isWanted(side)) return;
    this.#poi.missed({ interface: 'x3', correlation: this.#session.correlation }, this.#matches[side], count);
  }

  /**
   * What relayed the session has ended, with what it still had: how many packets that were is not known, one number of
   * each task says that some lack. Gives the XIDs of those that content went to.
   */
  broke(): string[] {
    const concerned = SIDES.some((side) => this.isWanted(side)) ? this.#matches.a : [];
    const { correlation } = this.#session;
    const why = 'the thread that relayed a call has ended';
    this.#poi.missed({ interface: 'x3', correlation }, concerned, 1, why);
    return concerned.flatMap(({ task }) => (task.deliveryType === 'X2Only' ? [] : [task.xid]));
  }

  #seek(): void {
    this.#revision = this.#tasks.revision;
    const { parties } = this.#session;
    const bySide = { a: this.#tasks.match(parties.a), b: this.#tasks.match(parties.b) };
    const matches = { a: new Array<Match>(), b: new Array<Match>() };
    for (const side of SIDES) {
      const others = new Set(bySide[otherSide(side)].map((match) => match.task.xid));
      for (const match of bySide[side]) {
        // A call of the target to itself has a direction of both kinds; it is reported once.
        const both = others.has(match.task.xid);
        if (both && side === 'b') continue;
        matches[side].push({ ...match, direction: both ? DIRECTION.several : DIRECTION.fromTarget });
        matches[otherSide(side)].push({ ...match, direction: both ? DIRECTION.several : DIRECTION.toTarget });
      }
    }
    this.#matches = matches;
    this.#fromA = matches.a.length > 0;
    this.#fromB = matches.b.length > 0;
  }
}

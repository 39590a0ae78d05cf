/**
 * The media gateway of a home (IMS-AGW, TS 23.334): for every call it stands between the two sides of each stream, so
 * that media pass here wherever the parties are. It holds no key and understands no packet.
 *
 * A session lives until the CSCF ends it, or until for `idleMs` neither a packet nor a word of the CSCF came. One whose
 * media are lost with the thread that relayed them has ended as well: the CSCF is told (`losses.ts`), and the ADMF, where
 * its content was intercepted.
 */
import { SerialQueue } from '../../bytes/serial-queue.ts';
import { Tally } from '../../bytes/tally.ts';
import type { InterceptionTasks, ContentReporter, PoiIssues } from '../../poi/poi.ts';
import type { Clock, Logger, Timer } from '../../bytes/ports.ts';
import type { AnchoredStream, Side, WantedSession, WantedStream } from '../../wire/iq/sessions.ts';
import type { MediaDestinations } from './destinations.ts';
import { GatewayError } from './errors.ts';
import { SessionInterception } from './interception.ts';
import type { LegCounts } from './leg.ts';
import { SessionLosses } from './losses.ts';
import type { PortCounts } from './port-pool.ts';
import type { MediaRelay, RelayedStream, StreamUser } from './relay.ts';
import { wantedAddresses } from './stream.ts';
import type { RelayedPacket } from './stream.ts';

export interface GatewayOptions {
  readonly relay: MediaRelay;
  /** Where media may go. */
  readonly destinations: MediaDestinations;
  readonly poi: ContentReporter;
  readonly tasks: InterceptionTasks;
  /** Where it is told that content under interception has ended with what relayed it. */
  readonly issues?: Pick<PoiIssues, 'taskIssue'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds; default 15 minutes, well beyond any hold music's pause. */
  readonly idleMs?: number;
  /** Sessions at once; default 10,000. */
  readonly maxSessions?: number;
}

interface Session {
  readonly id: string;
  readonly interception: SessionInterception;
  readonly streams: (RelayedStream | null)[];
  /** When the CSCF spoke of it last. */
  lastWord: number;
}

const IDLE_MS = 15 * 60_000;
const MAX_SESSIONS = 10_000;

export class MediaGateway {
  readonly #options: GatewayOptions;
  readonly #sessions = new Map<string, Session>();
  /** Control is taken one after another: the ports of a session are bound in the order of the requests. */
  readonly #control = new SerialQueue();
  /** Sessions that have ended with what relayed them. */
  readonly losses: SessionLosses;
  readonly #toldOfLoss = new Tally();
  #sweep: Timer;
  #stopped = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.losses = new SessionLosses(options.clock);
    this.#sweep = this.#nextSweep();
    options.tasks.onChange?.(() => options.relay.refresh());
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** Whether a session is up. */
  has(id: string): boolean {
    return this.#sessions.has(id);
  }

  /** How the ports stand, and how often none was free. */
  get ports(): PortCounts {
    return this.#options.relay.ports;
  }

  /** Requests refused since they would have sent media where they must not go. */
  get refusedDestinations(): number {
    return this.#options.destinations.refused;
  }

  /** Packets over the streams of a session; `null` if there is no such session. */
  counts(id: string): readonly LegCounts[] | null {
    const session = this.#sessions.get(id);
    return session?.streams.flatMap((stream) => (stream === null ? [] : [stream.counts])) ?? null;
  }

  /**
   * Brings a session to the wanted state, opening it if need be, and says where it receives.
   * @throws GatewayError `no-ports`, `too-many`: a new session is then not opened; `destination`: nothing has changed
   */
  put(id: string, wanted: WantedSession): Promise<AnchoredStream[]> {
    return this.#control.run(() => this.#put(id, wanted));
  }

  /** Ends a session; `false` if there is none. */
  delete(id: string): Promise<boolean> {
    return this.#control.run(() => Promise.resolve(this.#end(id)));
  }

  /** Resolves when all that was intercepted so far has been reported. */
  flush(): Promise<void> {
    return this.#options.relay.flush();
  }

  /** Ends every session. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.losses.close();
    this.#sweep.cancel();
    await this.#control.run(() => {
      for (const id of [...this.#sessions.keys()]) this.#end(id);
      return this.#options.relay.stop();
    });
  }

  async #put(id: string, wanted: WantedSession): Promise<AnchoredStream[]> {
    this.#checkDestinations(wanted);
    const known = this.#sessions.get(id);
    const session = known ?? this.#open(id, wanted);
    session.interception.update(wanted);
    session.lastWord = this.#options.clock.now();
    try {
      for (const [at, stream] of wanted.streams.entries()) await this.#bring(session, at, stream);
    } catch (error) {
      if (known === undefined) this.#end(id);
      throw error;
    }
    return wanted.streams.map((_, at) => session.streams[at]?.local ?? null);
  }

  async #bring(session: Session, at: number, wanted: WantedStream | null): Promise<void> {
    const present = session.streams[at] ?? null;
    if (wanted === null) {
      present?.close();
      session.streams[at] = null;
      return;
    }
    const stream = present ?? (await this.#anchor(session));
    session.streams[at] = stream;
    this.#checkUp(session);
    stream.signal(wanted);
  }

  /** What relayed one of its streams may have ended meanwhile, and the session with it. */
  #checkUp(session: Session): void {
    if (this.#sessions.get(session.id) === session) return;
    for (const stream of session.streams) stream?.close();
    throw new GatewayError('no-ports', 'the thread that relayed the session has ended');
  }

  #checkDestinations({ streams }: WantedSession): void {
    for (const at of streams.flatMap((stream) => (stream === null ? [] : wantedAddresses(stream)))) {
      const problem = this.#options.destinations.refusal(at);
      if (problem !== null)
        throw new GatewayError('destination', `media cannot go to ${at.address}:${at.port}, ${problem}`);
    }
  }

  #open(id: string, wanted: WantedSession): Session {
    const { poi, tasks, clock, maxSessions = MAX_SESSIONS } = this.#options;
    if (this.#stopped) throw new GatewayError('too-many', 'the gateway is stopping');
    if (this.#sessions.size >= maxSessions)
      throw new GatewayError('too-many', `${maxSessions} sessions are up`);
    const interception = new SessionInterception(poi, tasks, wanted);
    const session: Session = { id, interception, streams: [], lastWord: clock.now() };
    this.#sessions.set(id, session);
    this.losses.forget(id);
    return session;
  }

  #anchor(session: Session): Promise<RelayedStream> {
    const user = new SessionUser(session.interception, this.#options.logger, () => this.#lose(session));
    const beside = session.streams.find((stream) => stream !== null) ?? null;
    return this.#options.relay.anchor(user, beside);
  }

  #end(id: string): boolean {
    const session = this.#sessions.get(id);
    if (session === undefined) return false;
    this.#sessions.delete(id);
    for (const stream of session.streams) stream?.close();
    return true;
  }

  /** What relayed a stream of it has ended: half a session is none. */
  #lose(session: Session): void {
    const { id } = session;
    if (this.#sessions.get(id) !== session) return;
    this.#options.logger.error({ session: id }, 'a media session has ended with the thread that relayed it');
    this.#end(id);
    this.losses.add(id);
    this.#tellLoss(session);
  }

  /** Nobody knows what the thread still had of its content. */
  #tellLoss({ interception }: Session): void {
    try {
      for (const xid of interception.broke()) {
        const count = this.#toldOfLoss.count(xid);
        const text = `content of a call has ended with the thread that relayed it (${count} of this task)`;
        if (count !== null) this.#options.issues?.taskIssue(xid, text);
      }
    } catch (error) {
      this.#options.logger.error({ error }, 'that content ended could not be told');
    }
  }

  #nextSweep(): Timer {
    const { clock, idleMs = IDLE_MS, logger } = this.#options;
    return clock.after(Math.max(1, idleMs / 4), () => {
      for (const [id, session] of this.#sessions) {
        if (clock.now() - lastSignOf(session) < idleMs) continue;
        logger.warn({ session: id }, 'a media session was idle for too long and is ended');
        this.#end(id);
      }
      this.#sweep = this.#nextSweep();
    });
  }
}

/** Whatever goes wrong with interception, the call goes on. */
class SessionUser implements StreamUser {
  readonly #interception: SessionInterception;
  readonly #logger: Logger;
  readonly lost: () => void;

  constructor(interception: SessionInterception, logger: Logger, lost: () => void) {
    this.#interception = interception;
    this.#logger = logger;
    this.lost = lost;
  }

  isWanted(side: Side): boolean {
    try {
      return this.#interception.isWanted(side);
    } catch (error) {
      return this.#notIntercepted(error);
    }
  }

  relayed(packet: RelayedPacket): void {
    try {
      this.#interception.relayed(packet);
    } catch (error) {
      this.#notIntercepted(error);
    }
  }

  missed(side: Side, count: number): void {
    try {
      this.#interception.missed(side, count);
    } catch (error) {
      this.#notIntercepted(error);
    }
  }

  #notIntercepted(error: unknown): false {
    this.#logger.error({ error }, 'a packet could not be intercepted');
    return false;
  }
}

/** When something was last heard of a session: a packet, or a word of the CSCF. */
function lastSignOf({ streams, lastWord }: Session): number {
  return Math.max(lastWord, ...streams.map((stream) => stream?.lastPacket ?? -Infinity));
}

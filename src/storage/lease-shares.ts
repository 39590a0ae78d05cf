/**
 * Things that several processes share out among them, each of which one has at a time, by a lease (`stream-lease.ts`): the
 * processes that are there have as many each, or one more.
 *
 *     NAME.lease.THING-N     who has the thing of that number
 *     NAME.lease.member-ID   a process that is there, whether it has something or not
 *
 * Nobody decides for others. Each reads all leases as they are renewed, and counts who has how many. There is place for
 * ⌊things ∕ members⌋ each, and for one more for as many as there is a rest for: those that have most, so that as little as
 * can be goes from hand to hand. Who has more than its places gives the rest back; who has fewer takes what is free, given
 * back or late. Where two see it differently for a moment, one of them fails to take (compare and set), and both look again.
 *
 * Who is there again under a name of its own counts in place of the process that had it before, and takes what that one had
 * without waiting until it is late: else it would begin to wait when it comes, and the others would have no place meanwhile.
 *
 * Who cannot do the work for a while gives all back and is not there any more, until it can: others may be able to.
 */
import { randomUUID } from 'node:crypto';
import { isoTime } from '../bytes/iso-time.ts';
import { messageOf } from '../bytes/errors.ts';
import { legible } from '../bytes/octets.ts';
import type { Timer } from '../bytes/ports.ts';
import { TroubleLog } from '../bytes/trouble-log.ts';
import type { StreamServer } from './jetstream.ts';
import { LEASE_HOLDER, LEASE_NOTE, LEASE_PATIENCE, StreamLease } from './stream-lease.ts';
import type { LeasePlace, LeasePorts } from './stream-lease.ts';
import type { StoredMessage, StreamReading } from './stream-reading.ts';

/** What is done with a thing for as long as it is had. */
export interface SharedWork {
  /** Resolves when it cannot go on; it is given back then. */
  readonly over: Promise<unknown>;
  /** Resolves when nothing of it is done any more. */
  stop(): Promise<void>;
}

export interface LeaseSharesOptions {
  readonly server: Pick<StreamServer, 'newest' | 'publish' | 'read' | 'remove'>;
  /** Keeps one message of each of its subjects. */
  readonly stream: string;
  /** With what all subjects begin, e.g. `df.lease.`. */
  readonly prefix: string;
  /** The names of things, each of which ends its subject: letters, digits, - and _. */
  readonly things: () => readonly string[];
  /** Of this process, for others to read. */
  readonly name: string;
  /**
   * No two processes have the name at a time (`instances.ts`, or so they are set up), and what one that stood still would do
   * is fenced off, or does no harm.
   */
  readonly isNameOwn?: boolean;
  /** In what way it does the work; all are to do it in one. */
  readonly way?: string;
  /** Whether it can do the work now; absent: always. */
  readonly isAble?: () => boolean;
  readonly ttlMs: number;
  readonly ports: LeasePorts;
  /** Begins the work. @throws any error where it cannot: the thing is given back, and tried again later */
  readonly begin: (thing: string, lease: StreamLease) => Promise<SharedWork>;
}

/** The newest message of a subject, and since when it is (`steady`). */
interface Seen {
  readonly number: number;
  /** Who has it; empty: it was given back. */
  readonly name: string;
  /** Of a thing, `PENDING`; of a member, in what way it does the work. */
  readonly note: string;
  readonly at: number;
}

interface Held {
  readonly lease: StreamLease;
  readonly work: Promise<SharedWork | null>;
  /** Whether the work has begun, and is not ending. */
  isAtWork: boolean;
  isEnding: boolean;
}

/** What who has a thing says of it until its work has begun, and when it is ending. */
const PENDING = 'pending';

const MEMBER = 'member-';
/** Looks in the time of a lease. */
const LOOKS = 5;
/** For whoever reckons how long nobody has a thing. */
export const SHARE_TIMES = { looks: LOOKS } as const;
/** Times of a lease after which a thing that nobody has is told of, and after which a member is forgotten. */
const MISSED = 3;
const FORGOTTEN = 10;
/** … and after which who cannot do the work gives it up. */
const UNABLE = 3;

export class LeaseShares {
  readonly #options: LeaseSharesOptions;
  readonly #member: string;
  readonly #unshared: TroubleLog;
  readonly #seen = new Map<string, Seen>();
  readonly #held = new Map<string, Held>();
  /** When things that could not be begun may be tried again. */
  readonly #later = new Map<string, number>();
  /** Since when nobody has a thing. */
  readonly #missed = new Map<string, { readonly steady: number; readonly at: number }>();
  #reading: StreamReading | null = null;
  #following: Promise<void> = Promise.resolve();
  #announced: StreamLease | null = null;
  #timer: Timer | null = null;
  #looking: Promise<void> = Promise.resolve();
  readonly #endings = new Set<Promise<void>>();
  #changes = 0;
  /** Since when it cannot do the work (`steady`). */
  #unableSince: number | null = null;
  #isStopped = false;

  private constructor(options: LeaseSharesOptions) {
    this.#options = options;
    const words = { begins: 'leases cannot be shared out for now', over: 'leases are shared out again' };
    this.#unshared = new TroubleLog(words, { logger: options.ports.logger, now: () => this.#steady() });
    this.#member = `${options.name}/${randomUUID().slice(0, 8)}`;
  }

  /** @throws StorageError `unavailable`, `refused` */
  static async begin(options: LeaseSharesOptions): Promise<LeaseShares> {
    const shares = new LeaseShares(options);
    const { server, stream, prefix } = options;
    shares.#announced = await shares.#announce();
    shares.#reading = server.read(stream, `${prefix}*`, 0);
    shares.#following = shares.#follow(shares.#reading);
    shares.#lookSoon();
    return shares;
  }

  /** Things that this process has. */
  get held(): string[] {
    return [...this.#held].flatMap(([thing, { isEnding }]) => (isEnding ? [] : [thing])).sort();
  }

  /** Names of the other processes that are there. */
  get others(): string[] {
    return this.#members(this.#steady()).filter((name) => name !== this.#member);
  }

  /** Names of those that say that they do the work in another way. */
  get unlike(): string[] {
    const { way } = this.#options;
    const messages = this.#memberMessages(this.#steady());
    return messages.flatMap(({ name, note }) => (note === '' || note === way ? [] : [name]));
  }

  /** How often a thing was taken or has gone. */
  get changes(): number {
    return this.#changes;
  }

  /** Things that nobody has had for a while, or that do not come to their end here, and since when (ISO 8601). */
  get missed(): readonly { readonly thing: string; readonly since: string }[] {
    const before = this.#steady() - this.#options.ttlMs * MISSED;
    return [...this.#missed]
      .filter(([, { steady }]) => steady < before)
      .map(([thing, { at }]) => ({ thing, since: isoTime(at) }));
  }

  /** Gives all back. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#looking;
    for (const thing of [...this.#held.keys()]) this.#end(thing);
    await Promise.all(this.#endings);
    await this.#announced?.release();
    await this.#reading?.close();
    await this.#following;
  }

  #announce(): Promise<StreamLease> {
    const { ttlMs, ports, way } = this.#options;
    return StreamLease.take(this.#place(`${MEMBER}${randomUUID()}`), this.#member, ttlMs, ports, way);
  }

  async #follow(reading: StreamReading): Promise<void> {
    for (;;) {
      const messages = await reading.take();
      if (messages.length === 0) return;
      for (const message of messages) this.#hear(message);
    }
  }

  #hear(message: StoredMessage): void {
    const { subject, number, octets } = message;
    const name = message.header(LEASE_HOLDER) === '' ? '' : legible(octets);
    const seen = subject.slice(this.#options.prefix.length);
    if (number < (this.#seen.get(seen)?.number ?? 0)) return;
    this.#seen.set(seen, { number, name, note: message.header(LEASE_NOTE), at: this.#steady() });
  }

  /** Another message came first. If it is not heard, or is not for now, it would come first every time. */
  async #lookAt(thing: string): Promise<void> {
    const { server, stream, subject } = this.#place(thing);
    const newest = await server.newest(stream, subject);
    if (newest === null) this.#seen.delete(thing);
    else if (newest.number > (this.#seen.get(thing)?.number ?? 0)) this.#hear(newest);
  }

  #lookSoon(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.ports.clock.after(this.#options.ttlMs / LOOKS, () => {
      this.#looking = this.#look()
        .then(() => this.#unshared.worked())
        .catch((error: unknown) => this.#unshared.failed({ reason: messageOf(error) }))
        .finally(() => this.#lookSoon());
    });
  }

  async #look(): Promise<void> {
    const things = this.#options.things();
    // What is lost is given up whatever becomes of the rest.
    for (const [thing, { lease }] of this.#held)
      if (lease.state === 'lost' || !things.includes(thing)) this.#end(thing);
    await this.#forgetMembers();
    if (!(await this.#comesOrGoes())) for (const thing of this.#held.keys()) this.#end(thing);
    const now = this.#steady();
    const members = this.#members(now);
    this.#noteMissed(things, now);
    // Who is not seen by others is not counted by them: it takes nothing, and keeps what it has while nobody else wants it.
    if (this.#announced?.state !== 'held' || !members.includes(this.#member)) return;
    const own = this.held;
    const places = this.#places(things, members, now);
    for (const thing of own.slice(places)) this.#end(thing);
    if (this.#unableSince !== null) return;
    let left = places - own.length;
    const free = things.filter((each) => this.#mayTake(each, now));
    for (const thing of this.#inOwnOrder(free, members)) {
      if (left <= 0 || this.#isStopped) return;
      if (await this.#take(thing)) left -= 1;
    }
  }

  /** Whether it is one of those among whom things are shared out. */
  async #comesOrGoes(): Promise<boolean> {
    const { isAble, ttlMs, ports } = this.#options;
    if (isAble?.() === false) {
      const now = this.#steady();
      this.#unableSince ??= now;
      if (now - this.#unableSince < ttlMs * UNABLE) return true;
      if (this.#announced !== null)
        ports.logger.error({}, 'what is had by leases cannot be worked on: it is given back to others');
      await this.#announced?.release();
      this.#announced = null;
      return false;
    }
    this.#unableSince = null;
    // Who stood still for long is forgotten by the others, and is a new one.
    if (this.#announced === null || this.#announced.state === 'lost')
      this.#announced = await this.#announce();
    return true;
  }

  /** How many this process may have. */
  #places(things: readonly string[], members: readonly string[], now: number): number {
    const counts = new Map(members.map((name) => [name, 0]));
    for (const thing of things) {
      const name = this.#held.has(thing) ? this.#member : (this.#present(thing, now)?.name ?? '');
      const count = counts.get(name);
      if (count !== undefined) counts.set(name, count + 1);
    }
    const ranked = [...counts].toSorted(([a, one], [b, other]) => other - one || (a < b ? -1 : 1));
    const rank = ranked.findIndex(([name]) => name === this.#member);
    const rest = things.length % members.length;
    return Math.floor(things.length / members.length) + (rank < rest ? 1 : 0);
  }

  #mayTake(thing: string, now: number): boolean {
    if (this.#held.has(thing)) return false;
    const seen = this.#present(thing, now);
    if (seen !== null && !this.#isFormer(seen)) return false;
    return now >= (this.#later.get(thing) ?? -Infinity);
  }

  /** Whether it was had by a process that had this one's name before: one that lives has said so since this one came. */
  #isFormer({ name, number }: Seen): boolean {
    const { isNameOwn = false, name: own } = this.#options;
    return isNameOwn && nameOf(name) === own && number < (this.#announced?.token ?? 0);
  }

  async #take(thing: string): Promise<boolean> {
    const { ttlMs, ports, begin } = this.#options;
    const after = this.#seen.get(thing)?.number ?? 0;
    const lease = await StreamLease.takeAfter(this.#place(thing), this.#member, ttlMs, after, ports, PENDING);
    if (lease === null) {
      await this.#lookAt(thing);
      return false;
    }
    this.#changes += 1;
    ports.logger.info({ thing }, 'a lease is taken');
    const work = begin(thing, lease).catch((error: unknown) => {
      ports.logger.error({ thing, reason: messageOf(error) }, 'what was taken by a lease cannot be begun');
      this.#later.set(thing, this.#steady() + ttlMs);
      return null;
    });
    const held: Held = { lease, work, isAtWork: false, isEnding: false };
    this.#held.set(thing, held);
    void work
      .then((begun) => {
        if (begun === null || held.isEnding) return;
        held.isAtWork = true;
        lease.note = '';
        return begun.over;
      })
      .then(() => {
        if (this.#held.get(thing) === held) this.#end(thing);
      });
    return true;
  }

  /** The lease goes when the work has ended. */
  #end(thing: string): void {
    const held = this.#held.get(thing);
    if (held === undefined || held.isEnding) return;
    held.isEnding = true;
    held.isAtWork = false;
    held.lease.note = PENDING;
    this.#changes += 1;
    const ending = this.#endWork(thing, held).finally(() => {
      this.#held.delete(thing);
      this.#endings.delete(ending);
    });
    this.#endings.add(ending);
  }

  async #endWork(thing: string, { lease, work }: Held): Promise<void> {
    const { logger } = this.#options.ports;
    try {
      await (await work)?.stop();
    } catch (error) {
      logger.error({ thing, reason: messageOf(error) }, 'what was had by a lease has not ended well');
    }
    await lease.release();
    logger.info({ thing }, 'a lease has gone');
  }

  #noteMissed(things: readonly string[], now: number): void {
    for (const thing of things) {
      if (this.#isServed(thing, now)) this.#missed.delete(thing);
      else if (!this.#missed.has(thing))
        this.#missed.set(thing, { steady: now, at: this.#options.ports.clock.now() });
    }
    for (const thing of this.#missed.keys()) if (!things.includes(thing)) this.#missed.delete(thing);
  }

  /** Whether somebody is at it: a lease is renewed also while its work begins, which may fail, and until it has ended. */
  #isServed(thing: string, now: number): boolean {
    const held = this.#held.get(thing);
    if (held !== undefined) return held.isAtWork;
    const seen = this.#present(thing, now);
    return seen !== null && seen.note !== PENDING;
  }

  /** Who renews in time; `null`: nobody. */
  #present(thing: string, now: number): Seen | null {
    const seen = this.#seen.get(thing);
    if (seen === undefined || seen.name === '') return null;
    return now - seen.at < this.#options.ttlMs * LEASE_PATIENCE ? seen : null;
  }

  #members(now: number): string[] {
    return this.#memberMessages(now)
      .map(({ name }) => name)
      .sort();
  }

  /** The newest of each. */
  #memberMessages(now: number): Seen[] {
    const there = [...this.#seen.keys()].filter((subject) => subject.startsWith(MEMBER));
    const members = new Map<string, Seen>();
    for (const seen of there.flatMap((subject) => this.#present(subject, now) ?? [])) {
      const key = this.#options.isNameOwn === true ? nameOf(seen.name) : seen.name;
      if (seen.number > (members.get(key)?.number ?? 0)) members.set(key, seen);
    }
    return [...members.values()];
  }

  /** Each run has a name of its own: those that are gone leave no message behind. */
  async #forgetMembers(): Promise<void> {
    const { server, stream, ttlMs } = this.#options;
    const before = this.#steady() - ttlMs * FORGOTTEN;
    for (const [subject, { number, at }] of this.#seen) {
      if (!subject.startsWith(MEMBER) || at >= before) continue;
      // A purge has servers leave other leases out, too, for who reads all of them (`StreamServer.trim`).
      await server.remove(stream, number);
      this.#seen.delete(subject);
    }
  }

  /** So that two who look at the same time do not go for the same ones. */
  #inOwnOrder(things: readonly string[], members: readonly string[]): string[] {
    const at = Math.floor((things.length * members.indexOf(this.#member)) / members.length);
    return [...things.slice(at), ...things.slice(0, at)];
  }

  #place(thing: string): LeasePlace {
    const { server, stream, prefix } = this.#options;
    return { server, stream, subject: `${prefix}${thing}` };
  }

  #steady(): number {
    return this.#options.ports.steady?.() ?? performance.now();
  }
}

/** The name of a process without what tells its run from others. */
function nameOf(member: string): string {
  return member.slice(0, member.lastIndexOf('/'));
}

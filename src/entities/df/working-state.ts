/**
 * The mediation's state in memory, and what one batch has changed in it. `take` gives the change set for the store and
 * begins a new one; where a commit fails, the memory is thrown away and loaded again.
 *
 * A call that nobody has used for a while leaves memory (`rest`), and is read from the store when it is asked for again:
 *
 *     communications   of proven calls: those of others are bounded, and stay (`claims.ts`)
 *     key management   but for what time alone may change; of calls that stand it is known that they do
 *     streams          of proven calls (`streams.ts`)
 */
import { ByCall, deleteWhere, thoseOf } from './by-call.ts';
import { ALL_CALLS, nextCin } from './call-partition.ts';
import { CallNames } from './call-names.ts';
import type { CallName } from './call-names.ts';
import type { ClaimLimits } from './claims.ts';
import { CLAIM_LIMITS, Claims } from './claims.ts';
import { HeldPdus } from './held.ts';
import { Losses } from './losses.ts';
import type { KeySession } from './session-state.ts';
import { newSession, openOnes } from './key-session.ts';
import type {
  CallPartition,
  CallStanding,
  Communication,
  DfChanges,
  DfRecall,
  DfState,
  DfStore,
  GivenUpCall,
  HeldPdu,
  OutboxAppend,
  PassedAlarm,
  RetiredWarrant,
  StoredKeySession,
  StreamState,
  WarrantNotice,
} from './ports.ts';
import type { HandoverInterface } from './records.ts';
import { Residents } from './residents.ts';
import { StandingCalls } from './standing-calls.ts';
import type { StreamLimits } from './streams.ts';
import { KNOWN_STREAM_LIMITS, Streams } from './streams.ts';

/** Bounds of what strangers can make the mediation keep. */
export interface StateLimits {
  /** The calls that there are here; default: all. CINs of a LIID are different in all partitions. */
  readonly partition?: CallPartition | undefined;
  /** Calls that nobody has proven; default 1,000 of a LIID, 20,000 in all. */
  readonly claims: ClaimLimits;
  /** Streams of X2 and X3; default 200,000 of calls that are proven, and 50,000 others. */
  readonly streams: StreamLimits;
}

export class WorkingState {
  readonly #streams: Streams;
  readonly #names = new CallNames();
  readonly #communications = new ByCall<Communication>();
  readonly #claims: Claims;
  readonly #lastCins: Map<string, number>;
  readonly #cinBase: number;
  readonly #sessions = new ByCall<StoredKeySession>();
  readonly #standing = new StandingCalls();
  readonly #recall: DfRecall | null;
  /** Calls whose communications are in memory, and those whose key management is. */
  readonly #heard = new Residents();
  readonly #keyed = new Residents();
  readonly #notices: Map<string, WarrantNotice>;
  /** PDUs that wait for their tasks. */
  readonly held: HeldPdus;
  /** Content that waits for keys of its call. */
  readonly awaiting: HeldPdus;
  /** What gave way and was not told of yet. */
  readonly losses: Losses;
  #lastHeld: number;

  #changedCommunications = new Set<string>();
  #changedSessions = new Set<string>();
  #changedNotices = new Set<string>();
  #newlyHeld: HeldPdu[] = [];
  #released: number[] = [];
  #outbox: OutboxAppend[] = [];
  #evicted: number[] = [];
  #retired: RetiredWarrant[] = [];
  #givenUp: GivenUpCall[] = [];
  #passed: PassedAlarm[] = [];
  #taken: number[] = [];
  readonly #partition: CallPartition;

  /**
   * @param limits where there is more already, it goes as other things come
   * @param recall gives what was committed; `null`: nothing leaves memory
   */
  constructor(state: DfState, limits: StateLimits, recall: DfRecall | null = null) {
    this.#recall = recall;
    this.#partition = limits.partition ?? ALL_CALLS;
    this.#claims = new Claims(limits.claims);
    for (const one of state.communications.toSorted((a, b) => a.lastSeen - b.lastSeen)) {
      this.#communications.set(ByCall.key(one.correlation, one.liid), one);
      this.#heard.use(one.correlation);
      if (one.standing !== 'proven') this.#claims.add(one);
    }
    const isProven = (correlation: string): boolean =>
      this.#callsOf(correlation).some(({ standing }) => standing === 'proven');
    const recallStream = recall === null ? null : (key: string) => recall.stream(key);
    this.#streams = new Streams(state.streams, limits.streams, isProven, recallStream);
    this.#lastCins = new Map(state.lastCins);
    this.#cinBase = state.cinBase ?? 0;
    for (const kept of state.keySessions) {
      this.#sessions.set(ByCall.key(kept.session.correlation, kept.session.xid), kept);
      this.#keyed.use(kept.session.correlation);
      this.#standing.note(kept);
    }
    this.#notices = new Map(state.notices.map((notice) => [notice.liid, notice]));
    this.losses = new Losses(state.losses);
    this.held = new HeldPdus(state.held.filter(({ correlation }) => correlation === ''));
    this.awaiting = new HeldPdus(state.held.filter(({ correlation }) => correlation !== ''));
    this.#lastHeld = state.held.reduce((last, pdu) => Math.max(last, pdu.id), 0);
  }

  /** Above which all new CINs are; 0: the store was never put back from a copy. */
  get cinBase(): number {
    return this.#cinBase;
  }

  /** What a correlation is called, hex. */
  callOf(correlation: Uint8Array): string {
    return this.#names.of(correlation).call;
  }

  stream(key: string): StreamState | null {
    return this.#streams.get(key);
  }

  putStream(stream: StreamState): void {
    this.#streams.put(stream);
  }

  /** The CIN of a call under a LIID, where a new call gets the LIID's next, and the next number on an interface. */
  place(
    correlation: Uint8Array,
    liid: string,
    reference: HandoverInterface,
  ): { readonly cin: number; readonly sequenceNumber: number } {
    const name = this.#names.of(correlation);
    const key = this.#names.key(name, liid);
    const known = this.#call(name, key);
    const current = known ?? this.#newCommunication(name.call, liid);
    if (known === undefined) this.#put(key, current);
    return {
      cin: current.cin,
      sequenceNumber: reference === 'hi2' ? current.nextHi2 : current.nextHi3,
    };
  }

  /** The number that `place` gave is used. */
  advance(correlation: Uint8Array, liid: string, reference: HandoverInterface, now: number): void {
    const name = this.#names.of(correlation);
    const key = this.#names.key(name, liid);
    const current = this.#call(name, key);
    if (current === undefined) return;
    const [hi2, hi3] = reference === 'hi2' ? [1, 0] : [0, 1];
    const { nextHi2, nextHi3 } = current;
    this.#put(key, { ...current, nextHi2: nextHi2 + hi2, nextHi3: nextHi3 + hi3, lastSeen: now });
    this.#changedCommunications.add(key);
  }

  /**
   * What a message says of a call, and where it came from. What is not proven gives way where there is too much of it; a
   * call that was given up and comes again is a new one. Gives how many were given up.
   *
   * @param said asked only while the call is not proven
   */
  hear(correlation: Uint8Array, liid: string, source: string, said: () => CallStanding | null): number {
    const name = this.#names.of(correlation);
    const key = this.#names.key(name, liid);
    const call = this.#call(name, key);
    if (call === undefined || call.standing === 'proven') return 0;
    const standing = said() ?? call.standing;
    this.#put(key, { ...call, standing, source: call.source === '' ? source : call.source });
    this.#changedCommunications.add(key);
    if (standing === 'proven') this.#streams.prove(call.correlation);
    let count = 0;
    for (let next = this.#claims.victim(liid); next !== null; next = this.#claims.victim(liid)) {
      this.#giveUp(next);
      count++;
    }
    return count;
  }

  append(entry: OutboxAppend): void {
    this.#outbox.push(entry);
  }

  /** What is to be appended, oldest first. */
  get appended(): readonly OutboxAppend[] {
    return this.#outbox;
  }

  /** Of what is to be appended, some is not. */
  dropAppended(entries: ReadonlySet<OutboxAppend>): void {
    this.#outbox = this.#outbox.filter((entry) => !entries.has(entry));
  }

  /** An alarm is for another partition to tell. */
  pass(alarm: PassedAlarm): void {
    this.#passed.push(alarm);
  }

  /** An alarm of another partition is told. */
  took(id: number): void {
    this.#taken.push(id);
  }

  /** An entry of the outbox goes. */
  evict(position: number): void {
    this.#evicted.push(position);
  }

  session(correlation: string, xid: string): KeySession {
    return this.#keySession(correlation, xid)?.session ?? newSession(xid, correlation);
  }

  /** Whether anything is kept of the key management of a call. */
  hasSession(correlation: string, xid: string): boolean {
    return this.#keySession(correlation, xid) !== undefined;
  }

  /** Those in memory: among them all that time alone may change. */
  sessions(): KeySession[] {
    return [...this.#sessions.values()].map(({ session }) => session);
  }

  /** The key management of calls that stand, under tasks. */
  standing(xids: Iterable<string>): KeySession[] {
    return [...xids].flatMap((xid) =>
      this.#standing.under(xid).flatMap((correlation) => this.#keySession(correlation, xid)?.session ?? []),
    );
  }

  putSession(session: KeySession, now: number): void {
    const key = ByCall.key(session.correlation, session.xid);
    this.#recallSessions(session.correlation);
    const kept = { session, lastSeen: now };
    this.#sessions.set(key, kept);
    this.#standing.note(kept);
    this.#changedSessions.add(key);
  }

  /** What was told of a warrant; one of which nothing was told is new. */
  notice(liid: string): WarrantNotice {
    return this.#notices.get(liid) ?? { liid, next: 0, told: null, endedAt: null, xids: [], epoch: 0 };
  }

  notices(): Iterable<WarrantNotice> {
    return this.#notices.values();
  }

  putNotice(notice: WarrantNotice): void {
    this.#notices.set(notice.liid, notice);
    this.#changedNotices.add(notice.liid);
  }

  /** @param correlation of the call whose keys it waits for; empty: it waits for its task */
  hold(xid: string, octets: Uint8Array, since: number, correlation = ''): void {
    // It came with others, whose memory is not to stay for it.
    const pdu = { id: ++this.#lastHeld, xid, correlation, octets: octets.slice(), since };
    (correlation === '' ? this.held : this.awaiting).add(pdu);
    this.#newlyHeld.push(pdu);
  }

  release(id: number): void {
    this.held.remove(id);
    this.awaiting.remove(id);
    this.#released.push(id);
  }

  /** Forgets calls that were not seen since `before`. */
  expire(before: number): void {
    this.#streams.expire(before);
    this.#forgetCalls((one) => one.lastSeen < before);
    deleteWhere(this.#sessions, (one) => one.lastSeen < before);
    this.#standing.expire(before);
  }

  /** What was not used for a while leaves memory. Gives whether more may. Not before all that was taken is committed. */
  rest(): boolean {
    this.#names.forget();
    if (this.#recall === null) return false;
    const isMore = [
      this.#streams.rest(),
      this.#heard.rest((call) => {
        const own = this.#communications.of(call);
        const keys = own.map(({ liid }) => ByCall.key(call, liid));
        if (own.some(({ standing }) => standing !== 'proven')) return 'stays';
        if (keys.some((key) => this.#changedCommunications.has(key))) return 'later';
        for (const key of keys) this.#communications.delete(key);
        return 'gone';
      }),
      this.#keyed.rest((call) => {
        const own = this.#sessions.of(call);
        const keys = own.map(({ session }) => ByCall.key(call, session.xid));
        if (own.some(({ session }) => isTimed(session))) return 'stays';
        if (keys.some((key) => this.#changedSessions.has(key))) return 'later';
        for (const key of keys) this.#sessions.delete(key);
        return 'gone';
      }),
    ];
    return isMore.includes(true);
  }

  /** Forgets the calls of a warrant, and the key management and waiting PDUs of tasks; gives how many there were. */
  retire(warrant: RetiredWarrant): {
    readonly communications: number;
    readonly keySessions: number;
    readonly held: number;
  } {
    const xids = new Set(warrant.xids);
    const held = warrant.xids.flatMap((xid) => [...this.held.of(xid), ...this.awaiting.under(xid)]);
    for (const { id } of held) this.release(id);
    this.#retired.push(warrant);
    this.losses.forget(warrant.liid);
    const resting = this.#resting(warrant);
    for (const xid of xids) this.#standing.forget(xid);
    return {
      communications: resting.communications + this.#forgetCalls(({ liid }) => liid === warrant.liid),
      keySessions: resting.keySessions + deleteWhere(this.#sessions, ({ session }) => xids.has(session.xid)),
      held: held.length,
    };
  }

  /** What has changed since the last time; `null` if nothing has. */
  take(): DfChanges | null {
    const changes: DfChanges = {
      ...this.#streams.take(),
      ...this.losses.take(),
      communications: thoseOf(this.#communications, this.#changedCommunications),
      keySessions: thoseOf(this.#sessions, this.#changedSessions),
      outbox: this.#outbox,
      evicted: this.#evicted,
      held: this.#newlyHeld,
      released: this.#released,
      notices: thoseOf(this.#notices, this.#changedNotices),
      retired: this.#retired,
      givenUp: this.#givenUp,
      passedAlarms: this.#passed,
      takenAlarms: this.#taken,
    };
    this.#changedCommunications = new Set();
    this.#changedSessions = new Set();
    this.#changedNotices = new Set();
    this.#outbox = [];
    this.#evicted = [];
    this.#retired = [];
    this.#givenUp = [];
    this.#passed = [];
    this.#taken = [];
    this.#newlyHeld = [];
    this.#released = [];
    return Object.values(changes).every((list) => (list as readonly unknown[]).length === 0) ? null : changes;
  }

  /** How much of a warrant is not in memory. */
  #resting({ liid, xids }: RetiredWarrant): {
    readonly communications: number;
    readonly keySessions: number;
  } {
    const recall = this.#recall;
    if (recall === null) return { communications: 0, keySessions: 0 };
    const calls = recall.callsOf(liid).filter((call) => !this.#heard.has(call));
    const keyed = xids.flatMap((xid) => recall.keyedCallsOf(xid).filter((call) => !this.#keyed.has(call)));
    return { communications: calls.length, keySessions: keyed.length };
  }

  #call({ call }: CallName, key: string): Communication | undefined {
    this.#recallCalls(call);
    return this.#communications.get(key);
  }

  #callsOf(correlation: string): Communication[] {
    this.#recallCalls(correlation);
    return this.#communications.of(correlation);
  }

  #keySession(correlation: string, xid: string): StoredKeySession | undefined {
    this.#recallSessions(correlation);
    return this.#sessions.get(ByCall.key(correlation, xid));
  }

  #recallCalls(correlation: string): void {
    if (this.#heard.use(correlation)) return;
    for (const one of this.#recall?.communications(correlation) ?? [])
      this.#put(ByCall.key(correlation, one.liid), one);
  }

  #recallSessions(correlation: string): void {
    if (this.#keyed.use(correlation)) return;
    for (const kept of this.#recall?.keySessions(correlation) ?? [])
      this.#sessions.set(ByCall.key(correlation, kept.session.xid), kept);
  }

  #newCommunication(correlation: string, liid: string): Communication {
    const cin = nextCin(Math.max(this.#lastCins.get(liid) ?? 0, this.#cinBase), this.#partition);
    this.#lastCins.set(liid, cin);
    return { correlation, liid, cin, nextHi2: 0, nextHi3: 0, lastSeen: 0, standing: 'open', source: '' };
  }

  #put(key: string, call: Communication): void {
    const before = this.#communications.get(key);
    if (before !== undefined && before.standing !== 'proven') this.#claims.remove(before);
    if (call.standing !== 'proven') this.#claims.add(call);
    this.#communications.set(key, call);
  }

  /** Key management goes with the last that is known of the call, but for questions that are open. */
  #giveUp(call: Communication): void {
    const { correlation, liid, cin } = call;
    this.#claims.remove(call);
    this.#communications.delete(ByCall.key(correlation, liid));
    const isLast = this.#communications.of(correlation).length === 0;
    if (isLast) this.#recallSessions(correlation);
    const sessions = isLast ? this.#sessions.of(correlation).map(({ session }) => session) : [];
    const xids = sessions.filter((one) => openOnes(one).length === 0).map(({ xid }) => xid);
    for (const xid of xids) {
      this.#sessions.delete(ByCall.key(correlation, xid));
      this.#standing.end(correlation, xid);
    }
    this.#givenUp.push({ correlation, liid, cin, xids });
  }

  /** Gives how many there were. */
  #forgetCalls(condition: (call: Communication) => boolean): number {
    const gone = [...this.#communications.values()].filter(condition);
    for (const call of gone) this.#claims.remove(call);
    return deleteWhere(this.#communications, condition);
  }
}

/** What a store holds, within limits or the default ones. */
export async function loadedState(
  store: Pick<DfStore, 'load' | 'recall'>,
  { claims = CLAIM_LIMITS, streams = KNOWN_STREAM_LIMITS, partition }: Partial<StateLimits>,
): Promise<WorkingState> {
  return new WorkingState(await store.load(), { claims, streams, partition }, store.recall ?? null);
}

/** Whether time alone may change what is asked or told of it. */
function isTimed({ media, waits }: KeySession): boolean {
  return (media?.settled ?? null) !== null || waits === true;
}

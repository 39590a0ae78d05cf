/**
 * What the point of interception knows of one session: a first request and all that belongs to it, be it a call with its
 * dialogs, a registration or a message. It lives as long as the CSCF's transactions and calls that lead to it, so that
 * nothing but the end of the call ends it.
 *
 * Names: those that the CSCF has authenticated or routed by, those that another home asserts, and those of the
 * first request stay, without bound but that of the message. What the parties say of themselves and of each other
 * within the call is bounded by party and by who says it, the latest counting; a name that a task has matched stays.
 */
import type { Match, InterceptionTasks } from '../../poi/poi.ts';
import { identityKeys } from '../../sip/identity-keys.ts';
import type { KeptMessages, SessionEvent } from './kept.ts';

export type CallParty = 'caller' | 'callee';

const PARTIES: readonly CallParty[] = ['caller', 'callee'];

/** Names of a party that one side may say within a call. */
const MAX_SAID = 16;

/** A match, and as which party its target takes part. */
export interface SessionMatch {
  readonly match: Match;
  readonly parties: Set<CallParty>;
}

export interface SessionFacts {
  readonly callerTag: string;
  /** Method of the first request. */
  readonly method: string;
  readonly correlation: Uint8Array;
  readonly kept: KeptMessages;
}

export class Session {
  readonly callerTag: string;
  readonly method: string;
  readonly correlation: Uint8Array;
  /** Its messages until it is clear who takes part. */
  readonly kept: KeptMessages;
  /** Whether the CSCF knows who sent the first request, and serves it. */
  admitted = false;
  /** Whether a message has passed on the callee's side. */
  calleeSide = false;
  /** The request was answered without ever leaving for the callee. */
  unreached = false;
  /** By XID. */
  matches: ReadonlyMap<string, SessionMatch> = new Map();
  readonly #certain: Record<CallParty, Set<string>> = { caller: new Set(), callee: new Set() };
  /** By party and by who said it; most say nothing that is not certain. */
  readonly #said: Record<CallParty, Partial<Record<CallParty, Set<string>>>> = { caller: {}, callee: {} };
  #revision = -1;
  /** Keys of all names; `null`: to be computed anew. */
  #keys: ReadonlySet<string> | null = null;

  constructor({ callerTag, method, correlation, kept }: SessionFacts) {
    this.callerTag = callerTag;
    this.method = method;
    this.correlation = correlation;
    this.kept = kept;
  }

  /** Names of a party that stay. Gives whether one is new. */
  know(party: CallParty, names: readonly string[]): boolean {
    const known = this.#certain[party];
    const before = known.size;
    for (const name of names) known.add(name);
    if (known.size > before) this.#keys = null;
    return known.size > before;
  }

  /** Names of a party that `by` has said. Gives whether one is new. */
  hear(party: CallParty, by: CallParty, names: readonly string[], tasks: InterceptionTasks): boolean {
    const certain = this.#certain[party];
    let news = false;
    for (const name of names) {
      if (certain.has(name)) continue;
      const said = (this.#said[party][by] ??= new Set());
      if (!said.delete(name)) news = true;
      said.add(name);
      const [oldest] = said;
      if (said.size <= MAX_SAID || oldest === undefined) continue;
      said.delete(oldest);
      if (tasks.match([oldest]).length > 0) certain.add(oldest);
    }
    if (news) this.#keys = null;
    return news;
  }

  /** Looks for tasks again. */
  rematch(tasks: InterceptionTasks): void {
    const matches = new Map<string, SessionMatch>();
    for (const party of PARTIES) {
      for (const match of tasks.match(this.#names(party))) {
        const known = matches.get(match.task.xid);
        if (known !== undefined) known.parties.add(party);
        else matches.set(match.task.xid, { match, parties: new Set([party]) });
      }
    }
    this.#revision = tasks.revision;
    this.matches = matches;
    if (matches.size > 0) this.kept.match();
  }

  /** Whether one of the keys is of a name of either party. */
  isNamed(keys: ReadonlySet<string>): boolean {
    this.#keys ??= new Set(PARTIES.flatMap((party) => this.#names(party)).flatMap(identityKeys));
    for (const key of keys) if (this.#keys.has(key)) return true;
    return false;
  }

  /** Whether tasks have changed since the last look. */
  isBehind(tasks: InterceptionTasks): boolean {
    return this.#revision !== tasks.revision;
  }

  /** On whose side a message passed. */
  sideOf({ fromTag, side }: Pick<SessionEvent, 'fromTag' | 'side'>): CallParty {
    return (fromTag === this.callerTag) === (side === 'server') ? 'caller' : 'callee';
  }

  /** Whether a message is one of the target's side: the caller's for one that calls (itself, too), else the callee's. */
  isFor(parties: ReadonlySet<CallParty>, event: SessionEvent): boolean {
    return this.sideOf(event) === (parties.has('caller') ? 'caller' : 'callee');
  }

  #names(party: CallParty): string[] {
    const { caller = [], callee = [] } = this.#said[party];
    return [...this.#certain[party], ...caller, ...callee];
  }
}

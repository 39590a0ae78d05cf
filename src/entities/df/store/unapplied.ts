/** How far streams and calls are, with their key management, that the spool has and the database does not have yet. */
import { ByCall } from '../by-call.ts';
import type { Communication, DfRecall, DfState, StoredKeySession, StreamState } from '../ports.ts';
import type { DfProgress } from './df-writes.ts';

export class Unapplied {
  readonly #streams = new Map<string, StreamState>();
  readonly #calls = new ByCall<Communication>();
  readonly #sessions = new ByCall<StoredKeySession>();

  put({ streams, communications, keySessions }: DfProgress): void {
    for (const stream of streams) this.#streams.set(stream.key, stream);
    for (const call of communications) this.#calls.set(ByCall.key(call.correlation, call.liid), call);
    for (const kept of keySessions) this.#sessions.set(sessionKey(kept), kept);
  }

  /** All of it, for the database. */
  all(): DfProgress {
    return {
      streams: [...this.#streams.values()],
      communications: [...this.#calls.values()],
      keySessions: [...this.#sessions.values()],
    };
  }

  /** The database has that now; what has changed since is still to come. */
  applied({ streams, communications, keySessions }: DfProgress): void {
    for (const stream of streams)
      if (this.#streams.get(stream.key) === stream) this.#streams.delete(stream.key);
    for (const call of communications) {
      const key = ByCall.key(call.correlation, call.liid);
      if (this.#calls.get(key) === call) this.#calls.delete(key);
    }
    for (const kept of keySessions) {
      const key = sessionKey(kept);
      if (this.#sessions.get(key) === kept) this.#sessions.delete(key);
    }
  }

  /**
   * Of what the database may have been given, that does not count which it is further with.
   * @param given with what it may have been given
   */
  yieldTo(recall: DfRecall, given: Pick<DfProgress, 'keySessions'>): void {
    for (const [key, { nextSequenceNumber }] of this.#streams)
      if ((recall.stream(key)?.nextSequenceNumber ?? 0) > nextSequenceNumber) this.#streams.delete(key);
    for (const [key, call] of [...this.#calls.entries()]) {
      const known = recall.communications(call.correlation).find(({ liid }) => liid === call.liid);
      if (known === undefined) continue;
      if (known.nextHi2 > call.nextHi2 || known.nextHi3 > call.nextHi3) this.#calls.delete(key);
    }
    // Of key management nothing says which is further: what was given is there, or it is not.
    for (const kept of given.keySessions) {
      const { correlation, xid } = kept.session;
      const known = recall.keySessions(correlation).find(({ session }) => session.xid === xid);
      if (known !== undefined && isSame(known, kept)) this.#sessions.delete(sessionKey(kept));
    }
  }

  /** What the database gives, with what it does not have yet. */
  over(recall: DfRecall): DfRecall {
    return {
      ...recall,
      stream: (key) => this.#streams.get(key) ?? recall.stream(key),
      communications: (call) => {
        const own = this.#calls.of(call);
        const others = recall
          .communications(call)
          .filter((each) => !own.some(({ liid }) => liid === each.liid));
        return [...others, ...own];
      },
      keySessions: (call) => {
        const own = this.#sessions.of(call);
        const others = recall
          .keySessions(call)
          .filter((each) => !own.some(({ session }) => session.xid === each.session.xid));
        return [...others, ...own];
      },
      keyedCallsOf: (xid) => {
        const own = [...this.#sessions.values()].filter(({ session }) => session.xid === xid);
        return [...new Set([...recall.keyedCallsOf(xid), ...own.map(({ session }) => session.correlation)])];
      },
      callsOf: (liid) => {
        const own = [...this.#calls.values()].filter((call) => call.liid === liid);
        return [...new Set([...recall.callsOf(liid), ...own.map(({ correlation }) => correlation)])];
      },
    };
  }

  /** The same of all that is loaded. */
  overState(state: DfState): DfState {
    const { streams, communications, keySessions } = this.all();
    const lastCins = new Map(state.lastCins);
    for (const { liid, cin } of communications) lastCins.set(liid, Math.max(cin, lastCins.get(liid) ?? 0));
    const callKey = ({ correlation, liid }: Communication): string => ByCall.key(correlation, liid);
    const calls = new Map([...state.communications, ...communications].map((call) => [callKey(call), call]));
    const byKey = new Map([...state.streams, ...streams].map((stream) => [stream.key, stream]));
    const sessions = new Map([...state.keySessions, ...keySessions].map((kept) => [sessionKey(kept), kept]));
    return {
      ...state,
      streams: [...byKey.values()],
      communications: [...calls.values()],
      keySessions: [...sessions.values()],
      lastCins,
    };
  }
}

function isSame(a: StoredKeySession, b: StoredKeySession): boolean {
  return a.lastSeen === b.lastSeen && JSON.stringify(a.session) === JSON.stringify(b.session);
}

function sessionKey({ session: { correlation, xid } }: StoredKeySession): string {
  return ByCall.key(correlation, xid);
}

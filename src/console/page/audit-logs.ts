/**
 * The audit logs of the entities that are watched, read and verified in the page: each record is checked against all
 * before it by the code that entities check their own logs with (`evidence/log.ts`), and what was read once must still
 * be there at the next look.
 */
import type { WatchedEntityName } from '../../host/watched.ts';
import { ChainReader, EvidenceError } from '../../evidence/log.ts';
import type { AuditRecord } from '../../evidence/log.ts';
import { AskRefusal } from './ask-refusal.ts';
import { CONSOLE_TEXTS } from './texts.ts';

/** Records in one answer: as many as an admin listener gives. */
const LINES = 1_000;
/** Records of one log that are kept to be shown; older ones are verified, counted and let go. */
const KEPT = 50_000;

/** A log as far as it has been read. */
export interface ReadLog extends WatchedEntityName {
  /** `unread`: it has not been asked yet; `none`: the entity keeps no log; `broken`: it is not what it claims to be. */
  readonly state: 'unread' | 'verified' | 'broken' | 'none';
  /** Why it is broken, or why nothing newer could be read; empty: all is well. */
  readonly why: string;
  /** The newest, in the order of the chain. */
  readonly records: readonly AuditRecord[];
  /** Records that were verified. */
  readonly verified: number;
}

/** Where logs are read from. Both throw AskRefusal. */
export interface LogSource {
  /** Whether the entity keeps a log at all. */
  keeps(name: string): Promise<boolean>;
  /** Its lines from a record on. */
  lines(name: string, from: number, most: number): Promise<string[]>;
}

export class AuditLogs {
  readonly #source: LogSource;
  readonly #logs: VerifiedLog[];
  #reading: Promise<boolean> | null = null;

  constructor(entities: readonly WatchedEntityName[], source: LogSource) {
    this.#source = source;
    this.#logs = entities.map((entity) => new VerifiedLog(entity));
  }

  /** As far as they have been read. */
  get logs(): readonly ReadLog[] {
    return this.#logs.map((log) => log.shown);
  }

  /** Reads what has come; whether anything has. Whoever asks while that is under way gets the same: no record is read twice. */
  update(): Promise<boolean> {
    this.#reading ??= this.#read().finally(() => (this.#reading = null));
    return this.#reading;
  }

  async #read(): Promise<boolean> {
    const before = this.logs;
    await Promise.all(this.#logs.map((log) => log.update(this.#source)));
    return this.logs.some((log, at) => log !== before[at]);
  }
}

class VerifiedLog {
  #chain = new ChainReader();
  shown: ReadLog;

  constructor({ name, kind }: WatchedEntityName) {
    this.shown = { name, kind, state: 'unread', why: '', records: [], verified: 0 };
  }

  async update(source: LogSource): Promise<void> {
    // What is broken stays so: what comes after it is not bound to what came before.
    if (this.shown.state === 'broken' || this.shown.state === 'none') return;
    try {
      if (this.shown.state === 'unread' && !(await source.keeps(this.shown.name))) {
        this.#show({ state: 'none' });
        return;
      }
      while (await this.#page(source));
    } catch (error) {
      if (error instanceof EvidenceError) this.#show({ state: 'broken', why: error.message });
      else if (error instanceof AskRefusal) this.#show({ why: error.message });
      else throw error;
    }
  }

  /** Whether there may be more. */
  async #page(source: LogSource): Promise<boolean> {
    const { head } = this.#chain;
    const lines = await source.lines(this.shown.name, head?.sequence ?? 0, LINES);
    if (head !== null) this.#stillThere(head, lines.shift());
    const fresh: AuditRecord[] = [];
    try {
      for (const line of lines) fresh.push(this.#chain.read(line));
    } finally {
      // Also where one is wrong: those before it are bound to each other.
      const records = fresh.length === 0 ? {} : { records: [...this.shown.records, ...fresh].slice(-KEPT) };
      this.#show({ ...records, why: '', state: 'verified' });
    }
    return fresh.length > 0 && lines.length + (head === null ? 0 : 1) === LINES;
  }

  /** The last record that was read is the first that is given. */
  #stillThere(head: { readonly sequence: number; readonly hash: string }, line: string | undefined): void {
    const { auditView: words } = CONSOLE_TEXTS;
    if (line === undefined) throw new EvidenceError('cut-off', words.cutOff(head.sequence));
    if (!line.endsWith(`"hash":"${head.hash}"}`))
      throw new EvidenceError('broken-chain', words.changed(head.sequence));
  }

  #show(change: Partial<ReadLog>): void {
    const verified = (this.#chain.head?.sequence ?? -1) + 1;
    const next = { ...this.shown, ...change, verified };
    const names = Object.keys(next) as (keyof ReadLog)[];
    if (names.some((name) => next[name] !== this.shown[name])) this.shown = next;
  }
}

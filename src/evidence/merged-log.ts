/**
 * Audit logs of several processes in one, for whoever follows what happened across them: one JSON line a record, each
 * with the name of the log that it is of, by time. Records of one log stay in the order of their chain, also where its
 * clock was set back, so that each chain can be checked in what was merged as it was in its own file.
 *
 *     a: a₀ a₁ a₂ ─┐
 *                  ├─► a₀ b₀ b₁ a₁ a₂ b₂      { "log": "a", "sequence": 0, "time": …, "event": …, "hash": … }
 *     b: b₀ b₁ b₂ ─┘
 */
import { ChainReader, EvidenceError, verifyChain } from './log.ts';
import type { AuditRecord, ChainHead } from './log.ts';

/** A log that is merged with others. */
export interface MergedSource {
  readonly name: string;
  /** Its lines from the first on, as often as they are asked for. */
  readonly lines: () => Iterable<string>;
  /** Records that it must have; `null`: nothing is known of one. */
  readonly known: readonly (ChainHead | null)[];
}

/** How far a log goes. */
export interface MergedEnd {
  readonly log: string;
  readonly records: number;
  /** Hash of its newest record; `null`: it has none. */
  readonly hash: string | null;
}

export interface MergedRecord extends AuditRecord {
  readonly log: string;
}

/**
 * How far each of the logs goes, once each was read to its end.
 * @throws EvidenceError for the first that is not an unbroken chain, or lacks a record that is known
 */
export function endsOf(sources: readonly MergedSource[]): MergedEnd[] {
  return sources.map(({ name, lines, known }) =>
    naming(name, () => {
      let [records, hash]: [number, string | null] = [0, null];
      for (const record of verifyChain(lines(), ...known)) [records, hash] = [records + 1, record.hash];
      return { log: name, records, hash };
    }),
  );
}

/**
 * The records of all logs up to the ends that `endsOf` found: what is written meanwhile is not among them.
 * @throws EvidenceError if a log is not what it was
 */
export function* mergedRecords(
  sources: readonly MergedSource[],
  ends: readonly MergedEnd[],
): Generator<MergedRecord, void> {
  const open = sources.map((source, at) => new Reading(source, ends[at]?.records ?? 0));
  try {
    for (let next = earliest(open); next !== null; next = earliest(open)) yield next.take();
  } finally {
    for (const each of open) each.close();
  }
}

/**
 * Checks lines that were merged: every chain in them, each by itself.
 * @returns how far each goes, in the order in which they begin
 * @throws EvidenceError
 */
export function verifyMerged(
  lines: Iterable<string>,
  seen: (record: MergedRecord) => void = () => undefined,
): MergedEnd[] {
  const chains = new Map<string, ChainReader>();
  let place = 0;
  for (const line of lines) {
    const { log, record } = split(line, place++);
    const chain = chains.get(log) ?? new ChainReader();
    chains.set(log, chain);
    seen({ log, ...naming(log, () => chain.read(record)) });
  }
  return [...chains].map(([log, { head }]) => {
    const { sequence, hash } = head ?? { sequence: -1, hash: null };
    return { log, records: sequence + 1, hash };
  });
}

/* ---------------------------------------------------------------- helpers */

/** A log that is being read, with the record that comes next. */
class Reading {
  readonly #name: string;
  readonly #records: Generator<AuditRecord>;
  #left: number;
  #next: AuditRecord | null = null;

  constructor({ name, lines }: MergedSource, records: number) {
    this.#name = name;
    this.#records = verifyChain(lines());
    this.#left = records;
    this.#read();
  }

  get next(): AuditRecord | null {
    return this.#next;
  }

  take(): MergedRecord {
    const record = this.#next;
    if (record === null) throw new RangeError('the log has no more records');
    this.#read();
    return { log: this.#name, ...record };
  }

  close(): void {
    this.#records.return(undefined);
  }

  #read(): void {
    this.#next = null;
    if (this.#left === 0) return;
    this.#left -= 1;
    const read = naming(this.#name, () => this.#records.next());
    if (read.done === true)
      throw new EvidenceError('cut-off', `${this.#name}: the audit log became shorter while it was read`);
    this.#next = read.value;
  }
}

/** The one whose next record is the oldest; of several, the first. */
function earliest(readings: readonly Reading[]): Reading | null {
  let found: { readonly reading: Reading; readonly time: string } | null = null;
  for (const reading of readings) {
    const time = reading.next?.time;
    if (time !== undefined && (found === null || time < found.time)) found = { reading, time };
  }
  return found?.reading ?? null;
}

/** The name, and the line of the record without it. */
function split(line: string, place: number): { readonly log: string; readonly record: string } {
  const [, log, rest] = /^\{"log":("(?:[^"\\]|\\.)*"),(.*)$/s.exec(line) ?? [];
  if (log === undefined || rest === undefined)
    throw new EvidenceError('malformed', `line ${place} is not a record of merged audit logs`);
  return { log: nameOf(log, place), record: `{${rest}` };
}

function nameOf(json: string, place: number): string {
  try {
    return String(JSON.parse(json));
  } catch (cause) {
    throw new EvidenceError('malformed', `line ${place} names no audit log`, { cause });
  }
}

/** What is wrong, with the log that it is about. */
function naming<T>(log: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    throw new EvidenceError(error.code, `${log}: ${error.message}`, { cause: error });
  }
}

/** Stores with a spool of content, and what is in them after a restart. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { DfChanges, OutboxEntry } from '../../../../src/entities/df/ports.ts';
import { SqliteDfStore } from '../../../../src/entities/df/store/sqlite.ts';
import type { ManualClock } from '../../../support/manual-clock.ts';
import { CALL, NOTHING } from './compliance-values.ts';

/** Hears how to remove a place when it is not needed any more. */
type Until = (remove: () => void) => void;

/** Where a store may be, until the test ends. */
export function newPlace(until: Until = onTestFinished): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-spool-'));
  until(() => rmSync(folder, { recursive: true }));
  return path.join(folder, 'df.db');
}

export const spoolOf = (file: string): string => `${file}.spool`;
export const segmentsOf = (file: string): string[] =>
  readdirSync(spoolOf(file))
    .sort()
    .map((name) => path.join(spoolOf(file), name));

/** A copy of all files as they are at this moment, as a process leaves them that is killed now. */
export function killedCopy(file: string, until?: Until): string {
  const copy = newPlace(until);
  for (const end of ['', '-wal', '-shm', '.spool'])
    cpSync(`${file}${end}`, `${copy}${end}`, { recursive: true });
  return copy;
}

/** Content with numbers from one on, and how far its stream and its call are then. */
export function content(
  first: number,
  count: number,
  dids: readonly string[] = ['lemf'],
  length = 10,
): DfChanges {
  const numbers = Array.from({ length: count }, (_, n) => first + n);
  return {
    ...NOTHING,
    streams: [{ key: 's', nextSequenceNumber: first + count, lastTime: first }],
    communications: [{ ...CALL, nextHi3: first + count, standing: 'proven' }],
    outbox: numbers.flatMap((sequenceNumber) =>
      dids.map((did) => ({
        ...({ did, interface: 'hi3', liid: 'L', cin: CALL.cin, sequenceNumber } as const),
        octets: new Uint8Array(length).fill(sequenceNumber + 1),
      })),
    ),
  };
}

/** What of a change set has to be in the database, whatever else is in it. */
export const forTheDatabase = (id: number): Pick<DfChanges, 'held'> => ({
  held: [{ id, xid: 'X', correlation: '', octets: new Uint8Array(1), since: 0 }],
});

export const numbersIn = (entries: readonly OutboxEntry[]): number[] =>
  entries.map((entry) => entry.sequenceNumber);
export const upTo = (end: number): number[] => [...Array(end).keys()];

interface Found {
  readonly numbers: number[];
  readonly others: number[];
  readonly next: number | undefined;
  readonly streamNext: number | undefined;
  readonly damage: string[];
}

/** What there is after a restart. */
export async function found(file: string, clock: ManualClock | null = null): Promise<Found> {
  const store = await SqliteDfStore.open(file, 'at-once', clock);
  try {
    const damage: string[] = [];
    store.watchDamage((text) => damage.push(text));
    const { streams, communications } = await store.load();
    const entries = await store.pending('lemf', 0, 1000);
    const others = await store.pending('other', 0, 1000);
    for (const { sequenceNumber, octets } of entries)
      expect([...new Set(octets)]).toEqual([sequenceNumber + 1]);
    const [call] = communications;
    return {
      ...{ numbers: numbersIn(entries), others: numbersIn(others), damage },
      ...{ next: call?.nextHi3, streamNext: streams[0]?.nextSequenceNumber },
    };
  } finally {
    await store.close();
  }
}

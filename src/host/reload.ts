/** What of a configuration has changed since it was read, by setting: known by digests, since settings hold secrets. */
import { createHash } from 'node:crypto';
import Type from 'typebox';
import type { Static } from 'typebox';
import { strict } from '../bytes/schema.ts';

/** What came of reading the settings again. */
export const RELOAD_REPORT = strict({
  /** Settings in force from now on; `tls`: certificate, key or authorities. */
  taken: Type.Array(Type.String()),
  /** Settings that have changed in the file and are in force only after a restart. */
  needRestart: Type.Array(Type.String()),
  /** What could not be taken, and why: there what was in force still is. */
  problems: Type.Array(Type.String()),
});

export type ReloadReport = Static<typeof RELOAD_REPORT>;

/** A digest of each setting at the top of a configuration. */
export function digestsOf(json: unknown): ReadonlyMap<string, string> {
  if (typeof json !== 'object' || json === null) return new Map();
  return new Map(
    Object.entries(json).map(([name, value]) => [
      name,
      createHash('sha256').update(JSON.stringify(value)).digest('hex'),
    ]),
  );
}

/** Names of settings that are other than before, new, or gone. */
export function changedSettings(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  );
}

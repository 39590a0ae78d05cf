/** A home and its ADMF as the tests of warrants have them; all documents of a test file are judged at its end. */
import { expect } from 'vitest';
import type { Admf } from '../../../src/entities/admf/admf.ts';
import { Gathered } from '../../support/gathered.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { missingShared, missingTool } from '../../support/shared.ts';
import { SCHEMA, xmllint } from '../../wire/x1/support.ts';
import { home, NOW } from './support.ts';
import type { Home } from './support.ts';

/** Of each home. */
const documents = new Gathered<readonly Uint8Array[]>();

/** With its ADMF open. */
export async function openHome(): Promise<Home & { clock: ManualClock; admf: Admf }> {
  const clock = new ManualClock(NOW);
  const made = await home(clock);
  documents.add(made.documents);
  return { ...made, clock, admf: await made.open() };
}

/** How many tasks and destinations each element has: `cscf 1/1 …`. */
export function holdings({ elements }: Home): string {
  return Object.values(elements)
    .map(({ kind, table }) => `${kind} ${table.tasks().length}/${table.destinations().length}`)
    .join(', ');
}

export const NOTHING = 'cscf 0/0, gateway 0/0, df 0/0, kms 0/0';
export const EVERYTHING = 'cscf 1/1, gateway 1/1, df 1/2, kms 1/0';

/** At the end of the test file that calls this: xmllint judges its documents. */
export function judgeDocuments(): void {
  documents.judgedAtEnd((homes) => {
    const judged = homes.flat();
    expect(judged).not.toEqual([]);
    if (missingShared(SCHEMA) || missingTool('xmllint')) return;
    expect(xmllint(judged)).toBe('');
  });
}

/** Warrants through the desk on one approval, as tests need them that are about what follows; each waits for the elements. */
import type { Admf } from '../../../src/entities/admf/admf.ts';
import { WarrantDesk } from '../../../src/entities/admf/desk.ts';
import type { DeskOptions } from '../../../src/entities/admf/desk.ts';
import type { Warrant, WarrantChanges, WarrantRecord } from '../../../src/entities/admf/warrants.ts';
import { systemRandom } from '../../../src/host/runtime.ts';
import { RecordingAudit } from '../../poi/support.ts';
import { HOUR } from './support.ts';

export const ALONE = { by: 'officer', reason: 'test' };

export function deskOf(admf: Admf, options: Partial<DeskOptions> = {}): WarrantDesk {
  return new WarrantDesk(admf, {
    ...{ approval: 'one', emergencyMs: HOUR, random: systemRandom(), audit: new RecordingAudit() },
    ...options,
  });
}

export async function activate(admf: Admf, warrant: Warrant): Promise<WarrantRecord> {
  return admf.carried(await deskOf(admf).enter(warrant, ALONE, { submit: true }));
}

export async function modify(admf: Admf, liid: string, changes: WarrantChanges): Promise<WarrantRecord> {
  return admf.carried(await deskOf(admf).amend(liid, changes, ALONE));
}

export async function deactivate(admf: Admf, liid: string): Promise<WarrantRecord> {
  await deskOf(admf).withdraw(liid, ALONE);
  return admf.gone(liid);
}

/** Warrants as the laboratory's officer issues them: where two must approve, another does. */
import type { RunningAdmf } from '../../entities/admf/start.ts';
import type { Warrant, WarrantRecord } from '../../entities/admf/warrants.ts';

const OFFICER = 'laboratory';
const APPROVER = 'laboratory-approver';

/** Issues a warrant, and resolves when it is active. @throws AdmfError */
export async function issueWarrant(
  { admf, desk }: Pick<RunningAdmf, 'admf' | 'desk'>,
  warrant: Warrant,
): Promise<WarrantRecord> {
  const act = { by: OFFICER, reason: 'demonstration' };
  const entered = await desk.enter(warrant, act, { submit: true });
  const approve = { by: APPROVER, reason: 'demonstration' };
  return admf.carried(entered.state === 'submitted' ? await desk.approve(warrant.liid, approve) : entered);
}

/** Withdraws a warrant, and resolves when nothing is left of it at any element. @throws AdmfError */
export async function withdrawWarrant(
  { admf, desk }: Pick<RunningAdmf, 'admf' | 'desk'>,
  liid: string,
): Promise<WarrantRecord> {
  await desk.withdraw(liid, { by: OFFICER, reason: 'end of the demonstration' });
  return admf.gone(liid);
}

/** Whether a warrant could be carried out, before it is anybody's. */
import { entered } from '../acts.ts';
import { requestsFor } from '../plan.ts';
import { requireWarrant } from '../warrants.ts';
import type { HostPort, Warrant } from '../warrants.ts';

const NOBODYS = '00000000-0000-4000-8000-000000000000';

/** @param x2x3 where elements deliver to @throws AdmfError `invalid-warrant` */
export function checkWarrant(warrant: Warrant, x2x3: HostPort, now: number): void {
  const draft = { warrant, xid: NOBODYS, reference: null, emergency: false, imported: false };
  const { record } = entered(draft, { by: 'HI1' });
  requireWarrant(warrant, requestsFor(record, { x2x3, didOf: () => NOBODYS }), now);
}

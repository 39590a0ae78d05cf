/** Warrants of a file against those on record: what is entered, and what is told of instead. */
import { entered, submitted } from './acts.ts';
import type { Act, ActContext } from './acts.ts';
import { differences } from './changes.ts';
import type { AuditEvent } from '../../evidence/log.ts';
import { AdmfError } from './errors.ts';
import type { Warrant, WarrantChange, WarrantRecord } from './warrants.ts';

/** A warrant of a file; without a start it starts when it is entered. */
export type FiledWarrant = Omit<Warrant, 'startTime'> & Partial<Pick<Warrant, 'startTime'>>;

/** LIIDs by what has come of them. */
export interface ImportOutcome {
  readonly entered: readonly string[];
  /** On record as the file has them. */
  readonly unchanged: readonly string[];
  /** On record otherwise, or rejected; nothing of them has changed. */
  readonly differing: readonly string[];
}

export interface PlannedImport extends ImportOutcome {
  readonly changes: readonly WarrantChange[];
}

/** LIIDs that a record of the audit log names. */
const MOST_NAMED = 50;

/** What the audit log says of an import, also of one that enters nothing. */
export function importEvent({ entered, unchanged, differing }: ImportOutcome, { by }: Act): AuditEvent {
  return {
    ...{ kind: 'warrants-imported', by },
    ...{ entered: entered.length, unchanged: unchanged.length, differing: differing.length },
    names: differing.slice(0, MOST_NAMED).join(' '),
  };
}

export interface ImportContext extends ActContext {
  readonly find: (liid: string) => WarrantRecord | null;
  readonly newXid: () => string;
}

/** What has failed before is entered anew. @throws AdmfError `invalid-act` if a LIID is there twice */
export function planImport(
  warrants: readonly FiledWarrant[],
  act: Act,
  submit: boolean,
  context: ImportContext,
): PlannedImport {
  const outcome: Record<keyof ImportOutcome, string[]> = { entered: [], unchanged: [], differing: [] };
  const changes: WarrantChange[] = [];
  const seen = new Set<string>();
  for (const filed of warrants) {
    const { liid } = filed;
    if (seen.has(liid)) throw new AdmfError('invalid-act', `the file has ${liid} twice`);
    seen.add(liid);
    const known = context.find(liid);
    if (known !== null && known.state !== 'failed') {
      outcome[isSame(known, filed) ? 'unchanged' : 'differing'].push(liid);
      continue;
    }
    changes.push(
      enteredOf({ ...filed, startTime: filed.startTime ?? Math.floor(context.now) }, act, submit, context),
    );
    outcome.entered.push(liid);
  }
  return { ...outcome, changes };
}

function enteredOf(warrant: Warrant, act: Act, submit: boolean, context: ImportContext): WarrantChange {
  const given = { warrant, xid: context.newXid(), reference: null, emergency: false, imported: true };
  const draft = entered(given, act);
  if (!submit) return draft;
  const next = submitted(draft.record, act, context, true);
  return { record: next.record, notes: [...draft.notes, ...next.notes] };
}

/** Of one whose contents were deleted nobody can say more than that it was there. */
function isSame({ warrant, state, erased }: WarrantRecord, filed: FiledWarrant): boolean {
  if (state === 'rejected') return false;
  return (
    erased || differences(warrant, { ...filed, startTime: filed.startTime ?? warrant.startTime }).length === 0
  );
}

/**
 * The officers' desk: what people, or a law enforcement agency over HI1, decide about warrants. Each act names who does
 * it and why, is on record before it takes effect (audit log, history, store), and resolves when it is: what the elements
 * make of it follows in the background, and can be waited for (`Admf.carried`, `Admf.gone`).
 */
import type { Random } from '../../bytes/ports.ts';
import type { AuditEvent } from '../../evidence/log.ts';
import { randomUuid } from '../../x1/requester.ts';
import {
  approved,
  changedBy,
  entered,
  extended,
  rejected,
  requireAct,
  resumed,
  submitted,
  suspendedNow,
  withdrawn,
} from './acts.ts';
import type { Act, ActContext } from './acts.ts';
import type { Admf } from './admf.ts';
import { AdmfError } from './errors.ts';
import { importEvent, planImport } from './imports.ts';
import { openActs } from './open-acts.ts';
import type { OpenAct } from './open-acts.ts';
import type { FiledWarrant, ImportOutcome } from './imports.ts';
import type { WarrantListener } from './warrant-book.ts';
import { isOpen } from './warrants.ts';
import type { HistoryEntry, Warrant, WarrantChange, WarrantChanges, WarrantRecord } from './warrants.ts';

export interface DeskOptions {
  /** Whether a warrant, and what widens it, takes a second officer. */
  readonly approval: ActContext['approval'];
  /** Milliseconds in which the second approval of an emergency must follow. */
  readonly emergencyMs: number;
  readonly random: Random;
  readonly audit: { append(event: AuditEvent): unknown };
}

export interface EnterOptions {
  /** A name that whoever enters it has for it; no other warrant has it. */
  readonly reference?: string;
  /** To be carried out on one approval; it ends when the second does not follow in time. */
  readonly emergency?: boolean;
  /** Submits it with the same act; default: it stays a draft. */
  readonly submit?: boolean;
  /** Whether submitting can approve (`approval: one`, or an emergency); default: it can. */
  readonly approves?: boolean;
}

const MOST_REFERENCE = 256;

export class WarrantDesk {
  readonly #admf: Admf;
  readonly #options: DeskOptions;

  constructor(admf: Admf, options: DeskOptions) {
    this.#admf = admf;
    this.#options = options;
  }

  /**
   * A draft; with `submit`, what becomes of it when it is submitted. A LIID that was rejected or has failed is free again.
   * @throws AdmfError `invalid-warrant`, `invalid-act`, `warrant-exists`
   */
  async enter(warrant: Warrant, act: Act, options: EnterOptions = {}): Promise<WarrantRecord> {
    requireAct(act);
    const { reference = null, emergency = false, submit = false, approves = true } = options;
    if (reference !== null && (reference.trim() === '' || reference.length > MOST_REFERENCE))
      throw new AdmfError('invalid-act', `a reference has 1 to ${MOST_REFERENCE} characters`);
    const xid = randomUuid(this.#options.random);
    return this.#admf.change(warrant.liid, (known, now) => {
      this.#requireFree(warrant.liid, known, reference);
      const draft = entered({ warrant, xid, reference, emergency, imported: false }, act);
      if (!submit) return draft;
      const next = submitted(draft.record, act, this.#context(now), approves);
      return { record: next.record, notes: [...draft.notes, ...next.notes] };
    });
  }

  /**
   * Enters those warrants of a file that are not on record, all of them or none; of the others it tells.
   * @param submit with the same act; else they stay drafts
   * @throws AdmfError `invalid-warrant`, `invalid-act`
   */
  async importAll(
    warrants: readonly FiledWarrant[],
    act: Act,
    { submit }: { readonly submit: boolean },
  ): Promise<ImportOutcome> {
    requireAct(act);
    const newXid = (): string => randomUuid(this.#options.random);
    let outcome: ImportOutcome = { entered: [], unchanged: [], differing: [] };
    await this.#admf.changeAll((find, now) => {
      const { changes, ...told } = planImport(warrants, act, submit, { ...this.#context(now), find, newXid });
      outcome = told;
      return changes;
    });
    this.#options.audit.append(importEvent(outcome, act));
    return outcome;
  }

  /** Asks for the approval of a draft; `approval: one`: approves it. @param approves as in `EnterOptions` */
  submit(liid: string, act: Act, { approves = true }: Pick<EnterOptions, 'approves'> = {}) {
    return this.#act(liid, act, (record, context) => submitted(record, act, context, approves));
  }

  /** Approves what waits: a proposed change, the second approval of an emergency, or the warrant. @throws AdmfError `own-act`, `nothing-pending` */
  approve(liid: string, act: Act): Promise<WarrantRecord> {
    return this.#act(liid, act, (record, context) => approved(record, act, context));
  }

  /** Decides against what waits; an emergency on one approval ends. Needs a reason. @throws AdmfError `nothing-pending` */
  reject(liid: string, act: Act): Promise<WarrantRecord> {
    return this.#act(liid, act, (record, context) => rejected(record, act, context));
  }

  /**
   * What narrows takes effect, what widens waits for another officer. A change that an element refuses is undone. Needs
   * a reason once it is approved.
   * @throws AdmfError `invalid-warrant`, `wrong-state`, `change-pending`
   */
  amend(liid: string, changes: WarrantChanges, act: Act): Promise<WarrantRecord> {
    return this.#act(liid, act, (record, context) => changedBy(record, changes, act, context));
  }

  /** Interception ceases at once. Needs a reason. */
  suspend(liid: string, act: Act): Promise<WarrantRecord> {
    return this.#act(liid, act, (record, context) => suspendedNow(record, act, context));
  }

  /** Under the same XID, from the moment on at which it is approved. Needs a reason. */
  resume(liid: string, act: Act): Promise<WarrantRecord> {
    return this.#act(liid, act, (record, context) => resumed(record, act, context));
  }

  /**
   * A later end; after the end, a new period with its own start, which is no earlier than the approval. Needs a reason.
   * @param period Unix milliseconds
   */
  extend(
    liid: string,
    { startTime = null, endTime }: { readonly startTime?: number | null; readonly endTime: number },
    act: Act,
  ): Promise<WarrantRecord> {
    return this.#act(liid, act, (record, context) => extended(record, { startTime, endTime }, act, context));
  }

  /** Interception ceases at once, for good. Needs a reason once it is submitted. */
  withdraw(liid: string, act: Act): Promise<WarrantRecord> {
    return this.#act(liid, act, (record, context) => withdrawn(record, act, context));
  }

  /** All warrants, ended ones too. */
  list(): WarrantRecord[] {
    return this.#admf.list();
  }

  /** @returns `null`: no such warrant */
  find(liid: string): WarrantRecord | null {
    return this.#admf.find(liid);
  }

  /** @returns `null`: nobody has entered one under that name */
  findByReference(reference: string): WarrantRecord | null {
    return this.#admf.findByReference(reference);
  }

  /** All that has happened to it, in order. @throws AdmfError `warrant-unknown` */
  async history(liid: string): Promise<readonly HistoryEntry[]> {
    if (this.find(liid) === null) throw unknownWarrant(liid);
    return this.#admf.history(liid);
  }

  /** What one person may do about a warrant as it is, and why not. @param by the person's name @param now Unix milliseconds */
  openActs(record: WarrantRecord, by: string, now: number): OpenAct[] {
    return openActs(record, by, this.#context(now));
  }

  /** How warrants are approved here. */
  get rules(): Pick<DeskOptions, 'approval' | 'emergencyMs'> {
    return this.#options;
  }

  /** Tells of every change after it is on record. @returns ends it */
  subscribe(listener: WarrantListener): () => void {
    return this.#admf.subscribe(listener);
  }

  #act(
    liid: string,
    act: Act,
    decide: (record: WarrantRecord, context: ActContext) => WarrantChange,
  ): Promise<WarrantRecord> {
    return Promise.resolve().then(() => {
      requireAct(act);
      return this.#admf.change(liid, (record, now) => {
        if (record === null) throw unknownWarrant(liid);
        if (act.version !== undefined && act.version !== record.version)
          throw new AdmfError(
            'stale',
            `warrant ${liid} is of version ${record.version}, not ${act.version}: look at it again`,
          );
        return decide(record, this.#context(now));
      });
    });
  }

  #context(now: number): ActContext {
    const { approval, emergencyMs } = this.#options;
    return { now, approval, emergencyMs, drainMs: this.#admf.drainMs };
  }

  #requireFree(liid: string, known: WarrantRecord | null, reference: string | null): void {
    if (known !== null && (isOpen(known) || known.state === 'ended')) {
      const hint = known.state === 'ended' ? ': it has ended, and can be extended' : '';
      throw new AdmfError('warrant-exists', `there is a warrant ${liid}${hint}`);
    }
    const other = reference === null ? null : this.findByReference(reference);
    if (other !== null && other.warrant.liid !== liid)
      throw new AdmfError('warrant-exists', `there is a warrant with the reference ${reference}`);
  }
}

function unknownWarrant(liid: string): AdmfError {
  return new AdmfError('warrant-unknown', `there is no warrant ${liid}`);
}

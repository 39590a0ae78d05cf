/**
 * The ADMF (TS 33.107): warrants come in over HI1, tasks go out over X1. A warrant is carried out whole or not at all: if
 * an element refuses or cannot be reached, what was provisioned for it is withdrawn and the operator told which element
 * it was. A withdrawal goes on until every element has done it.
 *
 *     activateWarrant    on record ─► KMS, DF ─► gateway, CSCF ─► active
 *     deactivateWarrant  on record ─► CSCF, gateway ─► (time for what is under way) ─► DF, KMS ─► ended
 *
 * Elements that intercept get their task when the warrant's time begins and lose it when it ends. Commands are taken one
 * after the other.
 */
import type { Clock, Logger, Random, Timer } from '../../bytes/ports.ts';
import type { AuditLog } from '../../evidence/log.ts';
import { randomUuid } from '../../x1/requester.ts';
import { ElementClient } from './element.ts';
import type { RetrySetting } from './element.ts';
import { AdmfError } from './errors.ts';
import { desiredHoldings, requestsFor } from './plan.ts';
import type { PlanInput } from './plan.ts';
import type { AdmfElement, AdmfStore } from './ports.ts';
import { Provisioner } from './provisioning.ts';
import type { Failure } from './provisioning.ts';
import { isOpen, requireWarrant } from './warrants.ts';
import type { HostPort, Warrant, WarrantRecord, WarrantState } from './warrants.ts';

export interface AdmfOptions {
  readonly elements: readonly AdmfElement[];
  /** Where the DF takes X2 and X3. */
  readonly x2x3: HostPort;
  readonly store: AdmfStore;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Milliseconds between the end of interception and the end of delivery, for what is under way. */
  readonly drainMs: number;
  readonly retry: RetrySetting;
  /** Milliseconds before elements that failed are tried again in the background. */
  readonly settleMs: number;
}

/** A difference between what an element holds and what it must. */
export interface Finding {
  readonly element: string;
  readonly problem:
    'unreachable' | 'missing-task' | 'foreign-task' | 'missing-destination' | 'foreign-destination';
  /** XID or DID. */
  readonly id: string | null;
}

/** What may be changed of a warrant. */
export type WarrantChanges = Partial<Omit<Warrant, 'liid'>>;

/** The longest time that timers can be set for; longer ones are set in steps. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Admf {
  readonly #options: AdmfOptions;
  readonly #records: Map<string, WarrantRecord>;
  readonly #dids: Map<string, string>;
  readonly #provisioner: Provisioner;
  readonly #keepalives = new Map<string, Timer>();
  #nextTurn: Timer | null = null;
  #stopped = false;
  /** The end of the queue of commands. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    options: AdmfOptions,
    warrants: readonly WarrantRecord[],
    dids: ReadonlyMap<string, string>,
  ) {
    this.#options = options;
    this.#records = new Map(warrants.map((record) => [record.warrant.liid, record]));
    this.#dids = new Map(dids);
    const { clock, logger, retry, settleMs } = options;
    this.#provisioner = new Provisioner({
      elements: options.elements.map((element) => new ElementClient(element, clock, logger, retry)),
      clock,
      logger,
      input: () => this.#input(),
      retryMs: settleMs,
      exclusively: (work) => this.#exclusively(work),
    });
  }

  /** The ADMF with the warrants on record; elements are brought to them in the background. */
  static async open(options: AdmfOptions): Promise<Admf> {
    const { warrants, dids } = await options.store.load();
    const admf = new Admf(options, warrants, dids);
    for (const element of options.elements) admf.#keepAlive(element);
    if (warrants.some(isOpen)) void admf.#exclusively(() => admf.#resume());
    return admf;
  }

  /** @throws AdmfError `invalid-warrant`, `warrant-exists`, `provisioning-failed` */
  activateWarrant(warrant: Warrant): Promise<WarrantRecord> {
    return this.#exclusively(async () => {
      const known = this.#records.get(warrant.liid);
      if (known !== undefined && isOpen(known)) {
        throw new AdmfError('warrant-exists', `there is a warrant ${warrant.liid}`);
      }
      const xid = randomUuid(this.#options.random);
      await this.#prepare({ warrant, xid });
      await this.#put({ warrant, xid, state: 'activating' });
      const failures = await this.#provisioner.add();
      if (failures.length > 0) {
        await this.#put({ warrant, xid, state: 'failed' });
        throw failed(`warrant ${warrant.liid} was not activated`, failures, await this.#provisioner.settle());
      }
      return this.#put({ warrant, xid, state: 'active' });
    });
  }

  /** @throws AdmfError `warrant-unknown`, `invalid-warrant`, `provisioning-failed`: then all is as before */
  modifyWarrant(liid: string, changes: WarrantChanges): Promise<WarrantRecord> {
    return this.#exclusively(async () => {
      const before = this.#known(liid);
      if (before.state !== 'active') throw unknown(liid);
      const { xid, state } = before;
      const warrant = { ...before.warrant, ...changes, liid };
      await this.#prepare({ warrant, xid });
      const record = await this.#put({ warrant, xid, state });
      const failures = await this.#provisioner.settle();
      if (failures.length === 0) return record;
      await this.#put(before);
      throw failed(`warrant ${liid} was not modified`, failures, await this.#provisioner.settle());
    });
  }

  /**
   * Ends a warrant before its time.
   * @throws AdmfError `warrant-unknown`; `provisioning-failed` if an element has not done it yet: it is asked again
   */
  deactivateWarrant(liid: string): Promise<WarrantRecord> {
    return this.#exclusively(async () => {
      const record = this.#known(liid);
      const failures = await this.#end(record);
      if (failures.length > 0) throw failed(`warrant ${liid} is not deactivated everywhere`, failures, []);
      return { ...record, state: 'ended' };
    });
  }

  /** All warrants, ended ones too. */
  list(): WarrantRecord[] {
    return [...this.#records.values()];
  }

  /** Elements by identifier, and whether they answer. */
  async ping(): Promise<Map<string, boolean>> {
    const { elements } = this.#options;
    const answers = elements.map(async ({ identifier, x1 }): Promise<[string, boolean]> => {
      const answer = x1.request({ type: 'Ping' });
      return [
        identifier,
        await answer.then(
          () => true,
          () => false,
        ),
      ];
    });
    return new Map(await Promise.all(answers));
  }

  /** Compares what the elements hold with what they must (ListAllDetails); changes nothing. */
  verify(): Promise<Finding[]> {
    return this.#exclusively(async () => {
      const findings = await Promise.all(this.#options.elements.map((element) => this.#findingsAt(element)));
      for (const finding of findings.flat()) {
        this.#options.audit.append({ kind: 'provisioning-difference', ...finding });
      }
      return findings.flat();
    });
  }

  /** Brings every element to what it must hold, whatever it holds. @throws AdmfError `provisioning-failed` */
  reconcile(): Promise<void> {
    return this.#exclusively(async () => {
      this.#provisioner.forget();
      const failures = await this.#provisioner.settle();
      if (failures.length > 0) throw failed('not all elements could be reconciled', failures, []);
    });
  }

  /** Waits for the command that is under way and takes no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#provisioner.stop();
    this.#nextTurn?.cancel();
    for (const timer of this.#keepalives.values()) timer.cancel();
    await this.#last;
  }

  /** After a restart: what was half done is finished or withdrawn, and the elements are brought to the rest. */
  async #resume(): Promise<void> {
    for (const record of this.list()) {
      if (record.state === 'activating') await this.#put({ ...record, state: 'failed' });
      if (record.state === 'draining') await this.#put({ ...record, state: 'ended' });
    }
    await this.#takeTurns();
    await this.#provisioner.settle();
  }

  /** Points of interception first; then, when what is under way has had its time, the rest. */
  async #end(record: WarrantRecord): Promise<Failure[]> {
    await this.#put({ ...record, state: 'draining' });
    const stillIntercepting = await this.#provisioner.remove('points-of-interception');
    await this.#pause(this.#options.drainMs);
    await this.#put({ ...record, state: 'ended' });
    const stillDelivering = await this.#provisioner.remove('others');
    const failures = [...stillIntercepting, ...stillDelivering];
    if (failures.length > 0) this.#provisioner.retryLater();
    return failures;
  }

  /** Ends warrants whose time is over, starts those whose time has come, and sets the timer for the next. */
  async #takeTurns(): Promise<void> {
    const { clock } = this.#options;
    for (const record of this.list()) {
      if (record.state === 'active' && clock.now() >= record.warrant.endTime) await this.#end(record);
    }
    this.#schedule();
  }

  #schedule(): void {
    this.#nextTurn?.cancel();
    if (this.#stopped) return;
    const { clock } = this.#options;
    const now = clock.now();
    const times = this.list()
      .filter(({ state }) => state === 'active')
      .flatMap(({ warrant }) => [warrant.startTime, warrant.endTime])
      .filter((time) => time > now);
    if (times.length === 0) return;
    this.#nextTurn = clock.after(Math.min(Math.min(...times) - now, LONGEST_TIMER_MS), () => {
      void this.#exclusively(async () => {
        await this.#takeTurns();
        await this.#provisioner.settle();
      });
    });
  }

  #input(): PlanInput {
    const { clock, x2x3 } = this.#options;
    return { warrants: this.list(), x2x3, didOf: (key) => this.#didOf(key), now: clock.now() };
  }

  /** Gives every destination of a warrant a DID on record, and checks the warrant by what it leads to. */
  async #prepare(record: Pick<WarrantRecord, 'warrant' | 'xid'>): Promise<void> {
    const { clock, random, store, x2x3 } = this.#options;
    const fresh = new Map<string, string>();
    const didOf = (key: string): string => {
      const did = this.#dids.get(key) ?? fresh.get(key) ?? randomUuid(random);
      if (!this.#dids.has(key)) fresh.set(key, did);
      return did;
    };
    requireWarrant(record.warrant, requestsFor(record, { x2x3, didOf }), clock.now());
    for (const [key, did] of fresh) {
      await store.saveDid(key, did);
      this.#dids.set(key, did);
    }
  }

  #didOf(key: string): string {
    const did = this.#dids.get(key);
    if (did === undefined) throw new AdmfError('invalid-warrant', `no DID was given to ${key}`);
    return did;
  }

  #known(liid: string): WarrantRecord {
    const record = this.#records.get(liid);
    if (record === undefined || !isOpen(record)) throw unknown(liid);
    return record;
  }

  /** On record first, then in effect. */
  async #put(record: WarrantRecord): Promise<WarrantRecord> {
    const { warrant, xid, state } = record;
    this.#options.audit.append({
      kind: EVENTS[state],
      liid: warrant.liid,
      xid,
      delivery: warrant.delivery,
      start: new Date(warrant.startTime).toISOString(),
      end: new Date(warrant.endTime).toISOString(),
      targets: warrant.targets.map(({ name, value }) => `${name}=${value}`).join(' '),
    });
    await this.#options.store.saveWarrant(record);
    this.#records.set(warrant.liid, record);
    this.#schedule();
    return record;
  }

  async #findingsAt({ identifier, kind, x1 }: AdmfElement): Promise<Finding[]> {
    const wanted = desiredHoldings(kind, this.#input());
    try {
      const { xids, dids } = await x1.request({ type: 'ListAllDetails' });
      const differences = [
        ...compare(wanted.tasks, xids, 'missing-task', 'foreign-task'),
        ...compare(wanted.destinations, dids, 'missing-destination', 'foreign-destination'),
      ];
      return differences.map((difference) => ({ element: identifier, ...difference }));
    } catch (error) {
      this.#options.logger.error({ element: identifier, error }, 'an element could not be verified');
      return [{ element: identifier, problem: 'unreachable', id: null }];
    }
  }

  #keepAlive(element: AdmfElement): void {
    if (element.keepaliveMs === undefined || this.#stopped) return;
    const timer = this.#options.clock.after(element.keepaliveMs, () => {
      element.x1
        .request({ type: 'Keepalive' })
        .catch((error: unknown) => {
          this.#options.logger.error({ element: element.identifier, error }, 'no answer to a keepalive');
        })
        .finally(() => this.#keepAlive(element));
    });
    this.#keepalives.set(element.identifier, timer);
  }

  #pause(ms: number): Promise<void> {
    return ms === 0 ? Promise.resolve() : new Promise((resolve) => this.#options.clock.after(ms, resolve));
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch((error: unknown) => {
      this.#options.logger.error({ error }, 'a command of the ADMF failed');
    });
    return turn;
  }
}

const EVENTS: Readonly<Record<WarrantState, string>> = {
  activating: 'warrant-accepted',
  active: 'warrant-activated',
  draining: 'warrant-withdrawn',
  ended: 'warrant-ended',
  failed: 'warrant-failed',
};

function compare(
  wanted: ReadonlyMap<string, unknown>,
  held: readonly string[],
  missing: Finding['problem'],
  foreign: Finding['problem'],
): Omit<Finding, 'element'>[] {
  return [
    ...[...wanted.keys()].filter((id) => !held.includes(id)).map((id) => ({ problem: missing, id })),
    ...held.filter((id) => !wanted.has(id)).map((id) => ({ problem: foreign, id })),
  ];
}

function failed(what: string, failures: readonly Failure[], left: readonly Failure[]): AdmfError {
  const reasons = failures.map(({ element, error }) => `${element}: ${reasonOf(error)}`);
  const rest = left.map(({ element }) => element);
  const note = rest.length === 0 ? '' : `; not yet withdrawn at ${rest.join(', ')}, which is tried again`;
  const cause = failures[0]?.error;
  return new AdmfError('provisioning-failed', `${what}: ${reasons.join('; ')}${note}`, { cause });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown';
}

function unknown(liid: string): AdmfError {
  return new AdmfError('warrant-unknown', `there is no warrant ${liid} in force`);
}

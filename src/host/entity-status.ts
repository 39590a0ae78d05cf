/**
 * What a running entity says of itself to whoever watches it: its status, with the alarms that are no entity's own, and
 * its metrics. An `OperatedProcess` has one, and so has an entity that a laboratory runs beside others in one process.
 */
import { isoTime } from '../bytes/iso-time.ts';
import type { Clock } from '../bytes/ports.ts';
import { registryOf } from './metrics.ts';
import type { ObservedEntity } from './operated.ts';
import type { Meter, Operation } from './operation.ts';
import type { Alarm, Status } from './status.ts';
import { restartsOf } from './runtime.ts';
import { daysUntil, validityAlarms, validityMeters } from './validity.ts';
import { programVersion } from './version.ts';

/** A reading of state and readiness is good for so long: whoever asks often makes no work of it. */
const FRESH_MS = 250;

/** What of an operation is told. */
export type ToldOperation = Pick<
  Operation,
  'entity' | 'name' | 'tls' | 'keyRequestValidity' | 'state' | 'unready' | 'meters' | 'audit'
>;

/** What is told besides, of how the entity runs. */
export interface ToldBesides {
  /** @param now Unix milliseconds */
  readonly alarms: (now: number) => readonly Alarm[];
  readonly meters: readonly Meter[];
}

export class EntityStatus implements ObservedEntity {
  readonly operation: ToldOperation;
  readonly #clock: Clock;
  readonly #besides: ToldBesides;
  readonly #started: number;
  readonly #registry: { exposition(): Promise<string> };
  #read: { readonly at: number; readonly status: Promise<Status> } | null = null;

  constructor(
    operation: ToldOperation,
    clock: Clock,
    besides: ToldBesides = { alarms: () => [], meters: [] },
  ) {
    this.operation = operation;
    this.#clock = clock;
    this.#besides = besides;
    this.#started = clock.now();
    const meters = [...operation.meters, ...validityMeters(operation), ...besides.meters];
    this.#registry = registryOf(meters, () => this.status());
  }

  status(): Promise<Status> {
    const now = performance.now();
    if (this.#read === null || now - this.#read.at > FRESH_MS) {
      const reading = { at: now, status: this.#status() };
      reading.status.catch(() => (this.#read = null));
      this.#read = reading;
    }
    return this.#read.status;
  }

  /** Something has changed: the next who asks gets a fresh reading. */
  forget(): void {
    this.#read = null;
  }

  metrics(): Promise<string> {
    return this.#registry.exposition();
  }

  async #status(): Promise<Status> {
    const { operation } = this;
    const now = this.#clock.now();
    const [state, unready] = await Promise.all([operation.state(), operation.unready()]);
    const auditProblem = operation.audit?.problem() ?? null;
    const reasons = [...unready, ...(auditProblem === null ? [] : [`the audit log: ${auditProblem}`])];
    const { subject, notAfter } = operation.tls.inForce;
    const daysLeft = daysUntil(notAfter, now);
    return {
      entity: operation.entity,
      name: operation.name,
      version: programVersion(),
      pid: process.pid,
      started: isoTime(this.#started),
      uptimeSeconds: Math.max(0, Math.floor((now - this.#started) / 1000)),
      restarts: restartsOf(process.env),
      ready: reasons.length === 0,
      reasons,
      certificate: { subject, notAfter: isoTime(notAfter), daysLeft },
      ...state,
      alarms: [...this.#alarms(now, auditProblem), ...state.alarms],
      audit: operation.audit?.last() ?? null,
      auditWritable: operation.audit === null ? null : auditProblem === null,
    };
  }

  /** Those that are no entity's own. */
  #alarms(now: number, auditProblem: string | null): Alarm[] {
    const alarms = validityAlarms(this.operation, now);
    if (auditProblem !== null)
      alarms.push({ name: 'audit-log', severity: 'critical', about: '', text: auditProblem, since: null });
    return [...alarms, ...this.#besides.alarms(now)];
  }
}

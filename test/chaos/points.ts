/**
 * Points of interception in the place of the home's CSCF and gateway: the ADMF gives them their tasks over X1, and they
 * deliver over X2 and X3, as those of the real elements do. What they report is kept, so that it can be reported again to
 * another DF.
 */
import { cscfConfig } from '../../src/entities/cscf/config.ts';
import { gatewayConfig } from '../../src/entities/gateway/config.ts';
import type { Runtime } from '../../src/host/runtime.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { startPoiElement } from '../../src/poi/element.ts';
import type { RunningPoiElement } from '../../src/poi/element.ts';
import { Poi } from '../../src/poi/poi.ts';
import type { Match, Observation, PoiIssues } from '../../src/poi/poi.ts';
import { X2X3Delivery } from '../../src/poi/x2x3-delivery.ts';
import { CSCF_POLICY, GATEWAY_POLICY } from '../../src/x1/policy.ts';
import { DIRECTION } from '../../src/wire/x2x3/pdu.ts';
import { silent } from '../support/silent.ts';
import { HOME } from './system.ts';
import type { ScaledSystem } from './system.ts';

export type PointName = 'cscf' | 'gateway';

/** What was reported, by which of them, under which tasks. */
export interface Reported {
  readonly point: PointName;
  readonly observation: Observation;
  readonly matches: readonly Match[];
}

const TIMING = { busyKeepaliveMs: 100, firstPauseMs: 50, longestPauseMs: 500 };
const IPIDS = { cscf: 'sip', gateway: 'rtp' } as const;
const NO_ISSUES: PoiIssues = {
  raised: () => undefined,
  cleared: () => undefined,
  lostWithRemoved: () => undefined,
  taskIssue: () => undefined,
};

/** Whose view of a call a report is of. */
export interface Party {
  readonly identity: string;
  /** Whether what is reported came from this one. */
  readonly sent: boolean;
}

export class Points {
  readonly reported: Reported[] = [];
  readonly #matches = new Map<string, readonly Match[]>();
  readonly #elements: Readonly<Record<PointName, RunningPoiElement>>;

  private constructor(elements: Readonly<Record<PointName, RunningPoiElement>>) {
    this.#elements = elements;
  }

  static async start(system: ScaledSystem, runtime: Runtime): Promise<Points> {
    const [cscf, gateway] = [
      cscfConfig(system.config('cscf'), system.file('cscf')),
      gatewayConfig(system.config('gateway'), system.file('gateway')),
    ];
    const start = (
      config: typeof cscf | typeof gateway,
      entity: PointName,
      policy: typeof CSCF_POLICY,
    ): Promise<RunningPoiElement> =>
      startPoiElement({ ...config, delivery: TIMING }, { entity, policy, ipId: IPIDS[entity] }, runtime);
    return new Points({
      cscf: await start(cscf, 'cscf', CSCF_POLICY),
      gateway: await start(gateway, 'gateway', GATEWAY_POLICY),
    });
  }

  /** XIDs of the tasks on an identity. */
  tasksOn(identity: string): string[] {
    const all = Object.values(this.#elements).flatMap(({ tasks }) => tasks.match([identity]));
    return [...new Set(all.map(({ task }) => task.xid))];
  }

  /** Under the tasks on either party of a call. */
  report(point: PointName, observation: Omit<Observation, 'direction'>, parties: readonly Party[]): void {
    const { poi, tasks } = this.#elements[point];
    const matches = parties.flatMap(({ identity, sent }) => {
      const direction = sent ? DIRECTION.fromTarget : DIRECTION.toTarget;
      return tasks.match([identity]).map((match): Match => ({ ...match, direction }));
    });
    if (matches.length === 0) throw new Error('a call of nobody under interception');
    const whole = { ...observation, direction: DIRECTION.unknown };
    this.reported.push({ point, observation: whole, matches: this.#once(point, matches) });
    poi.report(whole, matches);
  }

  /** The same for all that is reported under the same tasks: there may be a million. */
  #once(point: PointName, matches: readonly Match[]): readonly Match[] {
    const key = [point, ...matches.map(({ task, direction }) => `${task.xid} ${direction}`)].join(' ');
    const known = this.#matches.get(key);
    if (known === undefined) this.#matches.set(key, matches);
    return known ?? matches;
  }

  /** Waits until DFs have acknowledged all, so many milliseconds at most. */
  async drained(ms: number): Promise<boolean> {
    const { cscf, gateway } = this.#elements;
    const all = await Promise.all([cscf.drain(ms), gateway.drain(ms)]);
    return all.every(Boolean);
  }

  async stop(): Promise<void> {
    for (const element of Object.values(this.#elements)) await element.stop();
  }
}

/**
 * Reports again what was reported, to a DF at a port of loopback: so much at a time that nothing gives way. Resolves when that
 * has acknowledged all; `false`: it has not.
 */
export async function reportAgain(
  all: readonly Reported[],
  port: number,
  tls: Readonly<Record<PointName, RunningPoiElement['tls']>>,
  { clock }: Runtime,
): Promise<boolean> {
  const again = (name: PointName) => {
    const nfId = `${name}.${HOME}.example`;
    const poi = new Poi({ nfId, ipId: IPIDS[name], logger: silent, issues: NO_ISSUES });
    const delivery = new X2X3Delivery(poi, {
      ...{ hosts: new HostMap(), tls: tls[name], clock, logger: silent, issues: NO_ISSUES, timing: TIMING },
    });
    const own = all.filter(({ point }) => point === name);
    const dids = new Set(own.flatMap(({ matches }) => matches.flatMap(({ task }) => task.dids)));
    for (const did of dids) delivery.open(did, { host: '127.0.0.1', port });
    return { poi, delivery };
  };
  const points = { cscf: again('cscf'), gateway: again('gateway') };
  const deliveries = Object.values(points).map(({ delivery }) => delivery);
  try {
    for (let from = 0; from < all.length; from += REPORTED_AT_ONCE) {
      for (const { point, observation, matches } of all.slice(from, from + REPORTED_AT_ONCE))
        points[point].poi.report(observation, matches);
      const drained = await Promise.all(deliveries.map((delivery) => delivery.drain(DRAIN_MS)));
      if (!drained.every(Boolean)) return false;
    }
    return true;
  } finally {
    for (const delivery of deliveries) delivery.stop();
  }
}

const DRAIN_MS = 60_000;
/** Under three tasks: a tenth of what a point of interception keeps. */
const REPORTED_AT_ONCE = 2_000;

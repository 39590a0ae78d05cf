/** What a self-test asks of a network that runs: the officers' interface, and the control sockets of entities. */
import Type from 'typebox';
import { messageOf } from '../bytes/errors.ts';
import { strict, Form } from '../bytes/schema.ts';
import { STATUS } from '../host/status.ts';
import type { DfEvidence } from '../lab/selftest/evidence.ts';
import type { Inspectors, Officers } from '../lab/selftest/self-test.ts';
import { decodeWarrant, WARRANTS_PATH, warrantPath } from '../wire/officers/warrants.ts';
import { isoTime } from '../bytes/iso-time.ts';
import { askControl, askText, socketOf } from './control-client.ts';
import { CliError } from './failure.ts';
import type { OfficerApi } from './officer/api.ts';
import type { LemfOption } from './officer/options.ts';
import { readinessOf, unreadyText } from './readiness.ts';
import type { AskedEntity } from './readiness.ts';

const STATUS_FORM = new Form(STATUS);
const DRAINED_FORM = new Form(strict({ drained: Type.Boolean() }));
const REASON = 'self-test';

/** @param approver `null`: nobody but who enters it */
export function officersOf(officer: OfficerApi, approver: OfficerApi | null, lemf: LemfOption): Officers {
  return {
    enter: async ({ liid, target, until }) => {
      const warrant = {
        ...{ liid, targets: [{ name: 'sipUri', value: target }], delivery: 'IRI+CC' },
        ...{ endTime: isoTime(until), lemf },
      };
      const body = { warrant, submit: true, emergency: false, reason: REASON };
      const { value } = await officer.post(WARRANTS_PATH, body, decodeWarrant);
      if (value.state !== 'submitted') return;
      if (approver === null)
        throw new CliError('failed', 'the warrant waits for a second officer, and --approver names none');
      const decision = { generation: value.generation, reason: REASON };
      await approver.post(warrantPath(liid, 'approve'), decision, decodeWarrant);
    },
    state: async (liid) => (await officer.get(warrantPath(liid, 'state'), decodeWarrant)).value.state,
    withdraw: async (liid) => {
      await officer.post(warrantPath(liid, 'withdraw'), { reason: REASON }, decodeWarrant);
    },
  };
}

/** Configurations of entities whose control sockets are on this machine. */
export interface AskedNetwork {
  readonly all: readonly AskedEntity[];
  readonly admf: string | null;
  /** Each process of the DF. */
  readonly df: readonly string[];
  /** Those that have a part in what is on its way to a LEMF, in its order. */
  readonly way: readonly string[];
  /** Where HI2 and HI3 go, `host:port` each. */
  readonly lemfs: readonly string[];
}

export function inspectorsOf(asked: AskedNetwork, lemf: Inspectors['lemf']): Inspectors {
  const { all, admf, df, way, lemfs } = asked;
  return {
    ready: all.length === 0 ? null : () => readyOf(all),
    away: admf === null ? null : () => awayFrom(admf),
    df: df.length === 0 ? 'no configuration of a DF was named (--df)' : () => countsOfAll(df, lemfs),
    lemf,
    drain: async (ms) => {
      for (const file of way) await drained(file, ms);
    },
  };
}

async function readyOf(all: readonly AskedEntity[]): Promise<{ asked: number; unready: string[] }> {
  const unready = (await readinessOf(all)).filter(({ ready }) => !ready);
  return { asked: all.length, unready: unready.map(unreadyText) };
}

async function awayFrom(file: string): Promise<string[]> {
  const socket = socketOf(file);
  try {
    const { peers } = await askControl(socket, ['GET', '/status'], STATUS_FORM);
    return peers.filter(({ state }) => state === 'down').map(({ name }) => name);
  } catch (error) {
    return [`unknown, since the ADMF does not say: ${messageOf(error)}`];
  }
}

/** Of all processes of a DF together. */
async function countsOfAll(files: readonly string[], lemfs: readonly string[]): Promise<DfEvidence> {
  const counts = await Promise.all(files.map((file) => countsOf(file, lemfs)));
  const sum = (of: (each: DfEvidence) => number): number => counts.reduce((all, each) => all + of(each), 0);
  const outcomes = new Set(counts.flatMap(({ keyRequests }) => Object.keys(keyRequests)));
  return {
    received: { x2: sum(({ received }) => received.x2), x3: sum(({ received }) => received.x3) },
    keyRequests: Object.fromEntries(
      [...outcomes].map((outcome) => [outcome, sum(({ keyRequests }) => keyRequests[outcome] ?? 0)]),
    ),
    waiting: sum(({ waiting }) => waiting),
    lemfsDown: [...new Set(counts.flatMap(({ lemfsDown }) => lemfsDown))],
  };
}

async function countsOf(file: string, lemfs: readonly string[]): Promise<DfEvidence> {
  const socket = socketOf(file);
  const [{ queues, peers }, metrics] = await Promise.all([
    askControl(socket, ['GET', '/status'], STATUS_FORM),
    askText(socket, ['GET', '/metrics']),
  ]);
  const handover = queues.filter(({ name }) => name === 'handover');
  const received = countersOf(metrics, 'claviger_pdus_received_total', 'reference');
  return {
    received: { x2: received['x2'] ?? 0, x3: received['x3'] ?? 0 },
    keyRequests: countersOf(metrics, 'claviger_key_requests_total', 'outcome'),
    waiting: handover.reduce((sum, { entries }) => sum + entries, 0),
    lemfsDown: peers
      .filter(({ name, role, state }) => role === 'lemf' && state === 'down' && lemfs.includes(name))
      .map(({ name }) => name),
  };
}

/** The values of one metric by one of its labels. */
function countersOf(exposition: string, metric: string, label: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const line of exposition.split('\n')) {
    const [, name, labels = '', value] = /^(\w+)\{([^}]*)\} (\S+)/.exec(line) ?? [];
    const of = new RegExp(`(?:^|,)${label}="([^"]*)"`).exec(labels)?.[1];
    if (name === metric && of !== undefined) found[of] = Number(value);
  }
  return found;
}

/** One that does not answer drains nothing; that is told elsewhere. */
async function drained(file: string, ms: number): Promise<void> {
  const socket = socketOf(file);
  const body = { ms: Math.round(ms) };
  await askControl(socket, ['POST', '/drain'], DRAINED_FORM, body, ms).catch(() => undefined);
}

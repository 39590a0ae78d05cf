import { TargetIndex } from '../../../src/poi/targets.ts';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admfConfig } from '../../../src/entities/admf/config.ts';
import { startAdmf } from '../../../src/entities/admf/start.ts';
import type { RunningAdmf } from '../../../src/entities/admf/start.ts';
import type { Warrant } from '../../../src/entities/admf/warrants.ts';
import { ConfigError, configReader } from '../../../src/host/config.ts';
import { X1_NE_CONFIG } from '../../../src/x1/config.ts';
import { startX1Ne } from '../../../src/x1/ne.ts';
import type { RunningX1Ne } from '../../../src/x1/ne.ts';
import { openNeState } from '../../../src/x1/state.ts';
import { verifyChain } from '../../../src/evidence/log.ts';
import { CSCF_POLICY, DF_POLICY, GATEWAY_POLICY, KMS_POLICY } from '../../../src/x1/policy.ts';
import { TlsError } from '../../../src/net/tls-error.ts';
import type { TlsFiles } from '../../../src/net/tls.ts';
import { ElementHome, elementRuntime as runtime, x1Settings } from '../../support/elements.ts';
import { missingShared, missingTool, sharedPath } from '../../support/shared.ts';
import { SCHEMA, xmllint } from '../../wire/x1/support.ts';
import { deactivate } from './issue.ts';

/** Nothing here is about speed: a busy machine may take its time. */
const PATIENT = { timeout: 20_000 };

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-admf-'));
const noSchema = missingShared(SCHEMA);
const schema = noSchema ? {} : { schema: sharedPath(SCHEMA) };
const POLICIES = { kms: KMS_POLICY, df: DF_POLICY, gateway: GATEWAY_POLICY, cscf: CSCF_POLICY };
const kinds = ['cscf', 'gateway', 'df', 'kms'] as const;
type Kind = (typeof kinds)[number];

let home: ElementHome;
let admfTls: TlsFiles;
let running: RunningAdmf;
const elements = {} as Record<Kind, RunningX1Ne>;

const nameOf = (kind: string): string => `${kind}.home1.example`;
const at = (name: string): string => path.join(folder, name);

async function startElement(kind: Kind, port = 0): Promise<RunningX1Ne> {
  const config = configReader(X1_NE_CONFIG)({
    ...x1Settings(kind, 'home1.example', at(`${kind}.sqlite`)),
    listen: { port },
    ...schema,
  });
  const state = await openNeState({ store: config.store, audit: at(`${kind}-audit.log`) }, runtime);
  const element = await startX1Ne(config, {
    policy: POLICIES[kind],
    tls: await home.tls(kind),
    hosts: home.hosts,
    state,
    runtime,
  });
  return { ...element, stop: () => element.stop().then(() => state.close()) };
}

const warrant: Warrant = {
  liid: 'LIID1',
  targets: [{ name: 'sipUri', value: 'sip:alice@home1.example' }],
  delivery: 'IRI+CC',
  startTime: Date.UTC(2020, 0, 1),
  endTime: Date.UTC(2099, 0, 1),
  lemf: { hi2: { host: '127.0.0.1', port: 8002 }, hi3: { host: '127.0.0.1', port: 8003 } },
};

function json(overrides: object = {}): object {
  return {
    identifier: nameOf('admf'),
    tls: admfTls,
    hosts: Object.fromEntries(kinds.map((kind) => [nameOf(kind), `127.0.0.1:${elements[kind].port}`])),
    store: at('admf.sqlite'),
    audit: at('admf-audit.log'),
    ...schema,
    elements: kinds.map((kind) => ({
      identifier: nameOf(kind),
      kind,
      url: `https://${nameOf(kind)}/X1/NE`,
    })),
    x2x3: { host: 'df.home1.example', port: 7001 },
    drainMs: 10,
    attempts: 1,
    settleMs: 50,
    recordInto: at('x1'),
    ...overrides,
  };
}

beforeAll(async () => {
  home = await ElementHome.create(folder);
  admfTls = await home.issue('admf');
  for (const kind of kinds) elements[kind] = await startElement(kind);
  running = await startAdmf(admfConfig(json()), runtime);
  home.hosts.set(nameOf('admf'), `127.0.0.1:${running.x1.port}`);
}, 60_000);

afterAll(async () => {
  await running.stop();
  for (const kind of kinds) await elements[kind].stop();
  rmSync(folder, { recursive: true });
});

describe('an ADMF and the elements of a home over mutual TLS', { timeout: 30_000 }, () => {
  it('carries out a warrant, once two have had it before them', async () => {
    await running.desk.enter(warrant, { by: 'anna' }, { submit: true });
    expect(running.admf.list()).toMatchObject([{ state: 'submitted' }]);
    await running.desk.approve(warrant.liid, { by: 'ben' });
    await expect.poll(() => running.admf.list(), PATIENT).toMatchObject([{ state: 'active' }]);
    const [record] = running.admf.list();
    for (const kind of kinds) expect(elements[kind].table.task(record!.xid)).not.toBeNull();
    expect(new TargetIndex(elements.cscf.table).match(['sip:alice@home1.example'])).toHaveLength(1);
    expect([...(await running.admf.ping()).values()]).toEqual([true, true, true, true]);
    expect(await running.admf.verify()).toEqual([]);
  });

  it('hears of trouble at an element, and of its end', async () => {
    const [destination] = elements.cscf.table.destinations();
    const [task] = elements.df.table.tasks();
    elements.cscf.reporter.raised(destination!.did, 'no acknowledgement for 180 s\u0000');
    elements.df.reporter.taskIssue(task!.xid, 'PDUs were lost');
    elements.gateway.reporter.elementIssue('overload');
    await expect.poll(() => running.issues().length, PATIENT).toBe(3);
    expect(running.issues()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          element: nameOf('cscf'),
          about: 'destination',
          id: destination!.did,
          severity: 'NonTerminatingFault',
          description: 'no acknowledgement for 180 s\ufffd',
        }),
        expect.objectContaining({ element: nameOf('df'), about: 'task', id: task!.xid, severity: 'Warning' }),
        expect.objectContaining({ element: nameOf('gateway'), about: 'element', description: 'overload' }),
      ]),
    );
    elements.cscf.reporter.cleared(destination!.did);
    elements.df.reporter.taskCleared(task!.xid);
    elements.gateway.reporter.elementCleared();
    await expect.poll(() => running.issues(), PATIENT).toEqual([]);
  });

  it('after restarts of both, all is as it was', async () => {
    const [record] = running.admf.list();
    const { port } = elements.df;
    await running.stop();
    await elements.df.stop();
    elements.df = await startElement('df', port);
    expect(elements.df.table.task(record!.xid)).not.toBeNull();
    running = await startAdmf(admfConfig(json()), runtime);
    home.hosts.set(nameOf('admf'), `127.0.0.1:${running.x1.port}`);
    expect(running.admf.list()).toEqual([record]);
    expect(await running.admf.verify()).toEqual([]);
  });

  it('withdraws, and every document that passed is valid', async () => {
    await deactivate(running.admf, 'LIID1');
    for (const kind of kinds) expect(elements[kind].table.tasks()).toEqual([]);
    const files = readdirSync(at('x1')).sort();
    expect(files[0]).toBe('001-admf-kms.xml');
    expect(files.some((name) => name.endsWith('-cscf-admf.xml'))).toBe(true);
    if (noSchema || missingTool('xmllint')) return;
    expect(xmllint(files.map((name) => new Uint8Array(readFileSync(path.join(at('x1'), name)))))).toBe('');
  });

  it('leaves unbroken audit logs that hold all of it (R-27)', async () => {
    await running.stop();
    const admf = [...verifyChain(readFileSync(at('admf-audit.log'), 'utf8').trimEnd().split('\n'))];
    expect(admf.map(({ event }) => event.kind)).toEqual(
      expect.arrayContaining(['warrant-approved', 'warrant-activated', 'x1-issue', 'warrant-ended']),
    );
    const kms = [...verifyChain(readFileSync(at('kms-audit.log'), 'utf8').trimEnd().split('\n'))];
    expect(kms.map(({ event }) => event['request'])).toEqual(
      expect.arrayContaining(['ActivateTask', 'DeactivateTask']),
    );
    running = await startAdmf(admfConfig(json()), runtime);
  });

  it('R-78: an ADMF misses its audit log when what lies beside it was removed too', async () => {
    await running.stop();
    const config = admfConfig(json());
    const whole = readFileSync(at('admf-audit.log'));
    for (const name of ['admf-audit.log', 'admf-audit.log.head']) rmSync(at(name));
    await expect(startAdmf(config, runtime)).rejects.toMatchObject({ code: 'cut-off' });
    writeFileSync(at('admf-audit.log'), whole);
    running = await startAdmf(config, runtime);
  });

  it('R-69: names of all tasks may take longer than other requests', async () => {
    const documents: string[] = [];
    const impatient = await startAdmf(
      admfConfig(
        json({
          store: at('impatient.sqlite'),
          audit: at('impatient-audit.log'),
          recordInto: undefined,
          // No answer comes as fast as that.
          attemptMs: 1,
          listMs: 30_000,
        }),
      ),
      runtime,
      { onDocument: (_from, _to, octets) => documents.push(Buffer.from(octets).toString()) },
    );
    try {
      const asked = impatient.admf.reconcile();
      await expect
        .poll(() => documents.join('').match(/ListAllDetailsResponse/g) ?? [], PATIENT)
        .not.toEqual([]);
      expect([...(await impatient.admf.ping()).values()]).toEqual([false, false, false, false]);
      await asked;
    } finally {
      await impatient.stop();
    }
  });
});

describe('the configuration of an ADMF', () => {
  const read = (overrides: object) => () => admfConfig(json(overrides));

  it('names what is wrong in it', () => {
    expect(read({ elements: [{ identifier: 'x', kind: 'mme', url: '' }] })).toThrow(/elements\[0\].kind/);
    expect(read({ x2x3: { host: 'df' } })).toThrow(/x2x3.port/);
    expect(read({ warrants: [] })).toThrow(/warrants: no such setting/);
    expect(read({ elements: 'all' })).toThrow(ConfigError);
  });

  it('a bad TLS configuration refuses to start (R-57)', async () => {
    const config = admfConfig(
      json({
        store: at('tls.sqlite'),
        audit: at('tls.log'),
        tls: { ...admfTls, privateKey: at('pki/cscf.home1.example.key') },
      }),
    );
    await expect(startAdmf(config, runtime)).rejects.toThrow(TlsError);
  });
});

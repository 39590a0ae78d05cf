/** What a running entity tells those who operate it, and does for them. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Form } from '../../src/bytes/schema.ts';
import { STATUS } from '../../src/host/status.ts';
import type { Status } from '../../src/host/status.ts';
import { SERVICES } from '../../src/lab/network/home.ts';
import type { Service } from '../../src/lab/network/home.ts';
import { LabPki } from '../../src/lab/network/pki.ts';
import { Network } from '../../src/lab/network/network.ts';
import { Timeline } from '../../src/lab/timeline.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { HttpsClient } from '../../src/net/https.ts';
import { loadTls } from '../../src/net/tls.ts';
import type { Role, TlsFiles } from '../../src/net/tls.ts';
import { missingTool } from '../support/shared.ts';
import { ask, operate } from './support/operated.ts';
import type { OperatedEntity } from './support/operated.ts';

const { metricsOf } = (await import(path.resolve('scripts/site/metrics.mjs'))) as {
  metricsOf: (root: string) => {
    readonly name: string;
    readonly kind: string;
    readonly labels: readonly string[];
    readonly help: string;
    readonly entities: readonly string[];
    readonly only?: string;
  }[];
};

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-operate-'));
const noPromtool = missingTool('promtool');
let network: Network;
const running = {} as Record<Service, OperatedEntity>;

const TARGET = 'alice';

function configOf(entity: Service): Record<string, unknown> {
  const doors: Partial<Record<Service, object>> = {
    admf: { officers: { peers: ['officer-1.home1.example'] } },
    lemf: { analysts: { peers: ['analyst.home1.example'] }, recoverInto: path.join(folder, 'recovered') },
  };
  return { ...(network.configOf(entity, 'home1') as object), ...doors[entity], admin: {} };
}

async function statusOf(entity: Service): Promise<Status> {
  const { status, text } = await ask(running[entity].control, 'GET', '/status');
  expect(status).toBe(200);
  return new Form(STATUS).readOr(JSON.parse(text) as unknown, (faults) => new Error(JSON.stringify(faults)));
}

beforeAll(async () => {
  network = await Network.layOut({
    state: folder,
    out: null,
    users: { home1: [TARGET, 'mailbox'], home2: [] },
    certified: 'all',
    validDays: 7,
    timeline: new Timeline(() => performance.now()),
  });
  for (const entity of SERVICES) running[entity] = await operate(entity, configOf(entity), folder);
  // It registers by itself, which takes keys of the KMS.
  const ready = async () => expect((await statusOf('mailbox')).reasons).toEqual([]);
  await vi.waitFor(ready, { timeout: 30_000, interval: 50 });
}, 60_000);

afterAll(async () => {
  for (const entity of SERVICES.toReversed()) await running[entity].stop();
  await network.stop();
  rmSync(folder, { recursive: true });
});

describe.each(SERVICES)('a running %s', (entity) => {
  it('R-92: has a control socket beside its state, for its owner alone, and says there how it is', async () => {
    const { control } = running[entity];
    expect(statSync(control ?? '').mode & 0o777).toBe(0o600);
    const status = await statusOf(entity);
    expect(status).toMatchObject({ entity, ready: true, reasons: [], pid: process.pid });
    expect(readFileSync('package.json', 'utf8')).toContain(`"version": "${status.version}"`);
    expect(status.certificate.daysLeft).toBeGreaterThan(0);
    expect(status.auditWritable).toBe(entity === 'mailbox' ? null : true);
  });

  it('R-92: answers probes on loopback, and nothing else there', async () => {
    const { admin } = running[entity];
    const get = async (at: string): Promise<{ status: number; text: string }> => {
      const answer = await fetch(`http://127.0.0.1:${String(admin?.port)}${at}`);
      return { status: answer.status, text: await answer.text() };
    };
    expect(await get('/healthz')).toEqual({ status: 200, text: 'runs\n' });
    expect(await get('/readyz')).toEqual({ status: 200, text: 'ready\n' });
    expect((await get('/metrics')).text).toContain('claviger_ready 1\n');
    for (const at of ['/status', '/audit?from=0', '/reload']) expect((await get(at)).status, at).toBe(404);
  });

  it.skipIf(noPromtool)(
    'R-92: has metrics that promtool finds nothing wrong with, of nobody in particular',
    async () => {
      const { text, type } = await ask(running[entity].control, 'GET', '/metrics');
      expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
        input: text,
        encoding: 'utf8',
      });
      expect([stdout + stderr, status]).toEqual(['', 0]);
      expect(text).not.toContain(TARGET);
      expect(text).not.toMatch(/sip:|tel:/);
    },
  );

  it('R-92: refuses what it does not know at the control socket, and changes nothing', async () => {
    const { control } = running[entity];
    for (const body of [{}, { level: 'loud' }, { level: 'info', more: 1 }, [], 'info', null])
      expect((await ask(control, 'POST', '/log-level', body)).status, JSON.stringify(body)).toBe(400);
    expect((await ask(control, 'POST', '/drain', { ms: -1 })).status).toBe(400);
    expect((await ask(control, 'GET', '/nothing')).status).toBe(404);
    expect(JSON.parse((await ask(control, 'GET', '/log-level')).text)).toEqual({ level: 'info' });
  });
});

describe('the page of metrics', () => {
  it.each(SERVICES)(
    'R-92: says of %s each metric that it has, with its kind and what it says, and no other',
    async (entity) => {
      const { text } = await ask(running[entity].control, 'GET', '/metrics');
      const has = [...text.matchAll(/^# HELP (\w+) (.+)\n# TYPE \w+ (\w+)$/gm)].map(
        ([, name, help, kind]) => ({ name, kind, help }),
      );
      const listed = metricsOf(path.resolve('.')).filter(({ entities }) => entities.includes(entity));
      const said = has.map(({ name, kind }) => ({
        name,
        kind,
        help: listed.find((each) => each.name === name)?.help,
      }));
      expect(said).toEqual(
        has.map(({ help, ...rest }) => ({ ...rest, help: expect.stringContaining(help ?? '') as string })),
      );
      const always = listed.filter(({ only }) => only === undefined).map(({ name }) => name);
      expect(always.sort()).toEqual(has.map(({ name }) => name).sort());
      for (const { name, labels } of listed) {
        const [shown] = [...text.matchAll(new RegExp(`^${name}\\{([^}]*)\\}`, 'gm'))];
        const names = [...(shown?.[1] ?? '').matchAll(/(\w+)="/g)].map(([, label]) => label);
        if (shown !== undefined) expect(names, name).toEqual(labels);
      }
    },
  );
});

describe('a certificate that ends within days', () => {
  /** The files of the alarms, those of TLS without. */
  const ending = async (entity: Service): Promise<string[]> =>
    (await statusOf(entity)).alarms.flatMap(({ name, about }) =>
      name === 'certificate-expiry' ? [path.basename(about)] : [],
    );

  it('R-92: is an alarm of the KMS that phones encrypt to by it, and of the mailbox that asks by it', async () => {
    expect(await ending('df')).toEqual(['']);
    expect(await ending('kms')).toEqual(['', 'kms.home1.example.encryption.pem']);
    expect(await ending('mailbox')).toEqual([
      ...['', 'mailbox.home1.example.signing.pem', 'kms.home1.example.encryption.pem'],
    ]);
    const { text } = await ask(running.kms.control, 'GET', '/metrics');
    for (const use of ['tls', 'key-requests'])
      expect(text).toMatch(new RegExp(`^claviger_certificate_expiry_seconds\\{use="${use}"\\} \\d+`, 'm'));
  });
});

describe('what ships for monitoring', () => {
  const rules = readFileSync('assets/prometheus/alerts.yaml', 'utf8');
  const dashboard = readFileSync('assets/grafana/claviger.json', 'utf8');

  it('R-92: asks for metrics that entities have, and for no others', async () => {
    const texts = SERVICES.map(
      async (entity) => (await ask(running[entity].control, 'GET', '/metrics')).text,
    );
    const exposed = new Set(
      [...(await Promise.all(texts)).join('').matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name),
    );
    const asked = new Set([...(rules + dashboard).matchAll(/\bclaviger_\w+/g)].map(([name]) => name));
    expect(asked.size).toBeGreaterThan(20);
    expect([...asked].filter((name) => !exposed.has(name))).toEqual([]);
  });

  it.skipIf(noPromtool)(
    'R-92: has rules that fire where they must, each of them, and not where all is well',
    () => {
      const names = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);
      const cases = readFileSync('test/host/support/alerts.test.yaml', 'utf8');
      for (const name of names) expect(cases.split(`alertname: ${name}\n`), name).toHaveLength(2);
      const file = path.join(folder, 'alerts.test.yaml');
      writeFileSync(file, cases.replace('RULES', path.resolve('assets/prometheus/alerts.yaml')));
      for (const args of [
        ['check', 'rules', 'assets/prometheus/alerts.yaml'],
        ['test', 'rules', file],
      ]) {
        const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
        expect(status, stdout + stderr).toBe(0);
      }
    },
  );

  it('R-92: has a dashboard whose panels have a place each', () => {
    const { panels } = JSON.parse(dashboard) as { panels: { gridPos: { x: number; y: number } }[] };
    expect(new Set(panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)).size).toBe(panels.length);
  });
});

describe('reading settings again', () => {
  it('R-92: takes the log level and says which settings need a restart', async () => {
    const { control, write } = running.df;
    write({ ...configOf('df'), log: 'warn', name: { countryCode: 'XX', operator: 'other', element: 'df' } });
    const report: unknown = JSON.parse((await ask(control, 'POST', '/reload')).text);
    expect(report).toEqual({ taken: ['log'], needRestart: ['name'], problems: [] });
    expect(JSON.parse((await ask(control, 'GET', '/log-level')).text)).toEqual({ level: 'warn' });
    write(configOf('df'));
    expect(await running.df.operated.reload()).toEqual({ taken: ['log'], needRestart: [], problems: [] });
  });

  it.each([
    ['a file that is not JSON', '{', /is not JSON/],
    ['an unknown setting', { nothing: 1 }, /nothing: no such setting/],
    ['the certificate of another', null, /the own certificate is for/],
    ['a revocation list that is none', 'list', /not a revocation list/],
  ])(
    'R-92: leaves what is in force where there is %s, and raises an alarm',
    async (_what, wrong, expected) => {
      const { write, file, operated } = running.df;
      const { tls } = configOf('gateway');
      const own = configOf('df')['tls'] as TlsFiles;
      if (wrong === 'list') write({ ...configOf('df'), tls: { ...own, revocationLists: [own.certificate] } });
      else if (typeof wrong === 'string') writeFileSync(file, wrong);
      else write({ ...configOf('df'), ...(wrong ?? { tls }) });
      const before = operated.operation.tls.certificate;
      const report = await operated.reload();
      expect(report).toMatchObject({ taken: [], needRestart: [] });
      expect(report.problems.join()).toMatch(expected);
      expect(operated.operation.tls.certificate).toBe(before);
      expect((await statusOf('df')).alarms.map(({ name }) => name)).toContain('reload-refused');
      write(configOf('df'));
      await operated.reload();
      expect((await statusOf('df')).alarms.map(({ name }) => name)).not.toContain('reload-refused');
    },
  );
});

/** Has the KMS watched at an address by people, and gives who asks: with a certificate of that name and role. */
async function watchedAt(
  address: string,
): Promise<(name: string, role: Role, at: string) => Promise<[number, string]>> {
  const pki = await LabPki.create(path.join(folder, 'people'), Date.now());
  const names = ['kms.home1.example'];
  const own = await pki.issue({ commonName: names[0] ?? '', dnsNames: names, roles: ['kms'] });
  const peers = ['operator', 'auditor', 'officer', 'stranger', 'admf'].map((name) => `${name}.home1.example`);
  await running.kms.stop();
  running.kms = await operate('kms', { ...configOf('kms'), tls: own, admin: { address, peers } }, folder);
  const hosts = new HostMap({ 'kms.home1.example': `127.0.0.1:${String(running.kms.admin?.port)}` });
  return async (name, role, at) => {
    const commonName = `${name}.home1.example`;
    const tls = loadTls(await pki.issue({ commonName, dnsNames: [commonName], roles: [role] }), Date.now());
    const client = new HttpsClient({ hosts, tls });
    try {
      const { status, body } = await client.request('GET', `https://kms.home1.example${at}`);
      return [status, new TextDecoder().decode(body)];
    } finally {
      await client.close();
    }
  };
}

describe('an admin listener on loopback', () => {
  it('R-92: asks for certificates where names are given', async () => {
    const as = await watchedAt('127.0.0.1');
    const plain = fetch(`http://127.0.0.1:${String(running.kms.admin?.port)}/metrics`);
    await expect(plain).rejects.toThrow();
    expect(await as('operator', 'operator', '/status')).toMatchObject([200, expect.any(String)]);
    expect((await as('officer', 'officer', '/metrics'))[0]).toBe(403);
  });
});

describe('an admin listener that is not on loopback', () => {
  it('R-92: is refused without names of those who may', async () => {
    await running.kms.stop();
    const refused = operate('kms', { ...configOf('kms'), admin: { address: 'localhost' } }, folder);
    await expect(refused).rejects.toThrow(/admin\.peers is missing/);
    running.kms = await operate('kms', configOf('kms'), folder);
  });

  it('R-92: has the status for operators, the audit log for auditors alone, and nothing for others', async () => {
    const as = await watchedAt('localhost');
    expect(await as('operator', 'operator', '/status')).toMatchObject([
      200,
      expect.stringContaining('"ready":true'),
    ]);
    expect(await as('operator', 'operator', '/metrics')).toMatchObject([
      200,
      expect.stringContaining('claviger_ready 1'),
    ]);
    expect(await as('operator', 'operator', '/audit?from=0')).toMatchObject([403, expect.any(String)]);
    for (const at of ['/status', '/healthz', '/metrics', '/audit'])
      expect(await as('officer', 'officer', at)).toMatchObject([403, expect.any(String)]);
    expect((await as('somebody', 'operator', '/status'))[0]).toBe(403);
    running.kms.operated.setLevel('info');
    const [, all] = await as('auditor', 'auditor', '/audit?from=0');
    // What phones have asked for before, and the look itself, which comes after it.
    const next = all.trimEnd().split('\n').length + 1;
    const [, first] = await as('auditor', 'auditor', '/audit?from=0&most=1');
    const [, second] = await as('auditor', 'auditor', `/audit?from=${next}`);
    const sequences = (lines: string): number[] =>
      lines
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { sequence: number }).sequence);
    expect(sequences(first)).toEqual([0]);
    expect(sequences(second)).toEqual([next]);
    expect(second).toContain('"kind":"audit-read","by":"auditor.home1.example","from":0,"most":1');
    // Whoever looks again and again finds nothing but looks, and leaves no more of them.
    expect(await as('auditor', 'auditor', `/audit?from=${next + 1}`)).toEqual([200, '']);
    for (const query of ['from=-1', 'from=x', 'most=1001', 'other=1', 'from=1&from=2'])
      expect((await as('auditor', 'auditor', `/audit?${query}`))[0], query).toBe(400);
  });

  it('R-92: is read by an ADMF that it admits, which says for whom; nobody else speaks for another', async () => {
    const as = await watchedAt('localhost');
    for (const at of ['/status', '/metrics', '/readyz'])
      expect((await as('admf', 'admf', at))[0], at).toBe(200);
    expect((await as('other', 'admf', '/status'))[0]).toBe(403);
    for (const at of ['/audit', '/audit?for=', `/audit?for=${'x'.repeat(257)}`])
      expect((await as('admf', 'admf', at))[0], at).toBe(400);
    expect((await as('auditor', 'auditor', '/audit?for=cleo'))[0]).toBe(400);
    expect((await as('operator', 'operator', '/audit?for=cleo'))[0]).toBe(403);
    expect((await as('admf', 'admf', '/audit?from=0&for=cleo'))[0]).toBe(200);
    const [, all] = await as('auditor', 'auditor', '/audit?from=0');
    expect(all.trimEnd().split('\n').at(-1)).toContain(
      '"kind":"audit-read","by":"admf.home1.example","for":"cleo","from":0',
    );
  });
});

describe('a control socket', () => {
  it('R-92: takes the place of one that a crash has left, and of nothing else', async () => {
    const { control } = running.gateway;
    await running.gateway.stop();
    expect(existsSync(control ?? '')).toBe(false);
    writeFileSync(control ?? '', 'a file');
    await expect(operate('gateway', configOf('gateway'), folder)).rejects.toMatchObject({
      code: 'in-the-way',
    });
    rmSync(control ?? '');
    const other = createServer().listen(control);
    await new Promise((resolve) => other.once('listening', resolve));
    await expect(operate('gateway', configOf('gateway'), folder)).rejects.toMatchObject({
      code: 'in-the-way',
    });
    await new Promise((resolve) => other.close(resolve));
    spawnSync(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(control)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    expect(existsSync(control ?? '')).toBe(true);
    running.gateway = await operate('gateway', configOf('gateway'), folder);
    expect((await statusOf('gateway')).ready).toBe(true);
  });

  it('R-92: is refused where its path is too long for a socket, with what to do', async () => {
    const long = path.join(folder, 'x'.repeat(120));
    await running.lemf.stop();
    const config = { ...configOf('lemf'), controlSocket: long };
    await expect(operate('lemf', config, folder)).rejects.toThrow(/107 are possible: .*controlSocket/);
    running.lemf = await operate('lemf', configOf('lemf'), folder);
  });
});

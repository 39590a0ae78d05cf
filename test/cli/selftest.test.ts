/** `claviger selftest` in a network that runs: one home, in this process, with entities taken away. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/host/runtime.ts';
import { initLab } from '../../src/lab/folder/init.ts';
import { SERVICE_ORDER } from '../../src/lab/network/home.ts';
import type { Service } from '../../src/lab/network/home.ts';
import { findPorts } from '../../src/lab/network/ports.ts';
import type { PortBlock } from '../../src/lab/network/ports.ts';
import { createAuthority } from '../../src/lab/pki/folder.ts';
import { operate } from '../host/support/operated.ts';
import type { OperatedEntity } from '../host/support/operated.ts';
import { claviger } from './in-process.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-self-'));
const lab = path.join(root, 'lab');
const home = path.join(lab, 'north');
const running = new Map<Service, OperatedEntity>();
let block: PortBlock;

function configOf(entity: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path.join(home, `${entity}.json`), 'utf8')) as Record<string, unknown>;
}

async function start(entity: Service, changes: object = {}): Promise<void> {
  running.set(entity, await operate(entity, { ...configOf(entity), ...changes }, home));
}

async function stop(entity: Service): Promise<void> {
  await running.get(entity)?.stop();
  running.delete(entity);
}

interface Report {
  readonly outcome: string;
  readonly broken: string | null;
  readonly links: readonly { link: string; state: string; detail: string; look: string | null }[];
}

async function selftest(
  ...args: string[]
): Promise<{ status: number; report: Report; err: string; states: Record<string, string> }> {
  const { status, out, err } = await claviger('selftest', lab, '--json', ...args);
  const report = JSON.parse(out) as Report;
  return {
    ...{ status, report, err },
    states: Object.fromEntries(report.links.map(({ link, state }) => [link, state])),
  };
}

beforeAll(async () => {
  block = await findPorts(null);
  const at = { folder: lab, homes: ['north'], portBase: block.base, force: false };
  await initLab({ ...at, now: Date.now(), random: systemRandom() });
  for (const entity of SERVICE_ORDER) await start(entity);
}, 60_000);

afterAll(async () => {
  for (const entity of SERVICE_ORDER.toReversed()) await stop(entity);
  block.release();
  rmSync(root, { recursive: true });
});

it('R-93: the folder of a laboratory stands for all of its entities', async () => {
  const { out } = await claviger('status', '--state', lab, '--json');
  const found = JSON.parse(out) as { entity: string }[];
  expect(found.map(({ entity }) => entity).sort()).toEqual([...SERVICE_ORDER].sort());
});

describe('claviger selftest', () => {
  it(
    'R-93: finds that all links of a laboratory hold, and leaves no warrant',
    { timeout: 180_000 },
    async () => {
      // The mailbox registers once it runs.
      const ready = async (): Promise<number> => (await claviger('status', '--state', lab)).status;
      await expect.poll(ready, { interval: 200, timeout: 90_000 }).toBe(0);
      const { status, report } = await selftest('--wait', '30');
      const others = report.links.filter(({ state }) => state !== 'ok');
      expect(others.map(({ link, state, detail }) => `${link} is ${state}: ${detail}`)).toEqual([]);
      expect([status, report.outcome, report.broken]).toEqual([0, 'ok', null]);
      const officer = path.join(home, 'officer-1.json');
      const { out } = await claviger('warrant', 'list', '--config', officer, '--json');
      expect(JSON.parse(out)).toMatchObject([
        { liid: expect.stringMatching(/^SELFTEST-/) as unknown, state: 'ended' },
      ]);
    },
  );

  /** Where there is much to wait for. */
  const slow: [Service, string, RegExp][] = [
    ['df', 'x1', /df\.north\.example/],
    ['lemf', 'hi2', /wait at the DF|not connected/],
    ['kms', 'x1', /kms\.north\.example/],
  ];

  it.each<[Service, string, RegExp]>([
    ['gateway', 'x1', /gateway\.north\.example/],
    ...(process.env['CLAVIGER_SLOW'] === undefined ? [] : slow),
  ])(
    'R-93: names what is broken where the %s is down',
    async (entity, link, detail) => {
      await stop(entity);
      try {
        const { status, report, states, err } = await selftest('--wait', '30');
        expect([status, report.outcome, report.broken]).toEqual([1, 'broken', 'entities']);
        expect(report.links[0]?.detail).toMatch(new RegExp(`^${entity}\\.north: `));
        expect(states[link]).toBe('FAILED');
        expect(report.links.find((each) => each.link === link)?.detail).toMatch(detail);
        expect(states['request-key']).toBe(entity === 'kms' ? 'FAILED' : 'ok');
        if (entity === 'gateway') expect(states['call']).toBe('FAILED');
        if (entity === 'df') expect([states['call'], states['media']]).toEqual(['ok', 'ok']);
        expect(err).toContain(`the first link that is broken: entities`);
      } finally {
        await start(entity);
      }
    },
    90_000,
  );

  it('R-93: names X1 where an element does not admit the ADMF, though all are ready', async () => {
    const tls = configOf('gateway')['tls'] as object;
    const plain = configOf('gateway');
    const ca = path.join(root, 'other');
    await createAuthority(ca, { name: 'another', days: 1, now: Date.now() });
    await stop('gateway');
    try {
      await start('gateway', { tls: { ...tls, authorities: path.join(ca, 'ca.pem') } });
      const { report, states } = await selftest('--wait', '30');
      expect([report.broken, states['entities']]).toEqual(['x1', 'ok']);
      expect(report.links.find(({ link }) => link === 'x1')).toMatchObject({
        detail: expect.stringContaining('gateway.north.example') as unknown,
        look: expect.stringContaining('certificates') as unknown,
      });
    } finally {
      await stop('gateway');
      writeFileSync(path.join(home, 'gateway.json'), JSON.stringify(plain), { mode: 0o600 });
      await start('gateway');
    }
  }, 90_000);

  it.each([
    [[], 2, 'who calls whom'],
    [['--caller', 'a.json', '--callee', 'b.json'], 2, 'who calls whom'],
    [['/nowhere'], 1, 'not a laboratory'],
    [[lab, '--wait', '0'], 2, 'not a whole number of seconds'],
    [[lab, '--wait', 'soon'], 2, 'not a whole number of seconds'],
    [[lab, '--officer', '/nowhere.json'], 1, '/nowhere.json'],
    [[lab, '--lemf', '/nowhere.json'], 1, '/nowhere.json'],
    [[lab, '--deliver-to', 'lemf'], 2, '--lemf lemf does not say where HI2 goes'],
    [[lab, '--deliver-to', 'lemf:7512'], 2, 'does not say where HI2 and HI3 go'],
    [[lab, '--callee', path.join(home, 'alice.json')], 2, 'both phones are sip:alice@north.example'],
    [[lab, '--caller', path.join(home, 'kms.json')], 1, 'kms.json'],
  ])('R-93: claviger selftest %j is refused with %i, and what is wrong', async (args, code, expected) => {
    const { status, out, err } = await claviger('selftest', ...args);
    expect(err).toContain(expected);
    expect([status, out]).toEqual([code, '']);
  });
});

/** The console of a laboratory on loopback: who gets in, by what, and what is kept out. */
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBridge } from '../../src/console/bridge.ts';
import type { Bridge } from '../../src/console/bridge.ts';
import { officerConfig } from '../../src/entities/admf/config-officer.ts';
import { systemRandom } from '../../src/host/runtime.ts';
import { loadTls } from '../../src/net/tls.ts';
import { OfficersHome } from '../entities/admf/http/door.ts';
import { warrantOf } from '../entities/admf/http/knocking.ts';
import { consolePages } from '../support/console.ts';
import { silent } from '../support/silent.ts';

let home: OfficersHome;
let bridge: Bridge;

interface Got {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: object;
  readonly to?: Bridge;
}

function ask(at: string, { method = 'GET', headers = {}, body, to = bridge }: Asked = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({
      ...{ host: '127.0.0.1', port: to.port, path: at, method, headers },
    });
    asked.once('error', reject);
    asked.once('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('end', () => {
        const { statusCode: status = 0, headers: given } = answer;
        resolve({ status, headers: given, text: Buffer.concat(chunks).toString() });
      });
    });
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function bridgeOf(who: string): Promise<Bridge> {
  const { tls, hosts, url } = await home.officer(who);
  const officer = officerConfig({ url, tls, hosts });
  return startBridge({
    ...{ pages: await consolePages(), officer, random: systemRandom(), logger: silent, port: 0 },
    tls: loadTls(officer.tls, Date.now()),
  });
}

/** A browser that has opened the link. */
interface Browser {
  readonly path: string;
  readonly cookie: string;
}

async function opened(to: Bridge): Promise<Browser> {
  const { status, headers } = await ask(new URL(to.link).pathname, { to });
  expect(status).toBe(200);
  const [cookie = ''] = headers['set-cookie'] ?? [];
  const path = String(headers['refresh']).replace(/^0; url=(.+)\/console\/$/, '$1');
  return { path, cookie: cookie.split(';')[0] ?? '' };
}

beforeAll(async () => {
  home = await OfficersHome.start();
  bridge = await bridgeOf('anna');
}, 60_000);

afterAll(async () => {
  await bridge.close();
  await home.stop();
});

const POSTED = { 'content-type': 'application/json', 'x-claviger-console': '1' };

describe('R-93: the link of the console', { timeout: 30_000 }, () => {
  it('gives a browser its session once, and nobody a second time', async () => {
    const own = await bridgeOf('ben');
    try {
      const { pathname, hostname } = new URL(own.link);
      expect(hostname).toBe('127.0.0.1');
      expect(pathname).toMatch(/^\/open\/[\w-]{43}$/);
      for (const wrong of ['/open/x', `${pathname}x`, pathname.slice(0, -1)])
        expect((await ask(wrong, { to: own })).status).toBe(403);
      const first = await ask(pathname, { to: own });
      expect(first.status).toBe(200);
      expect(first.headers['set-cookie']).toEqual([
        expect.stringMatching(/^claviger-console=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/[\w-]{22}\/$/),
      ]);
      const second = await ask(pathname, { to: own });
      expect([second.status, second.headers['set-cookie']]).toEqual([403, undefined]);
    } finally {
      await own.close();
    }
  });

  it('leads to the page and the officers’ interface, as the officer whose certificate it is', async () => {
    const { path, cookie } = await opened(bridge);
    const page = await ask(`${path}/console/`, { headers: { cookie } });
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    const self = await ask(`${path}/v1/self`, { headers: { cookie } });
    expect(JSON.parse(self.text)).toMatchObject({ name: 'anna', roles: ['officer'] });
    const entered = await ask(`${path}/v1/warrants`, {
      ...{ method: 'POST', headers: { cookie, ...POSTED }, body: { warrant: warrantOf('BRIDGED') } },
    });
    expect([entered.status, JSON.parse(entered.text)]).toMatchObject([201, { state: 'submitted' }]);
    const approve = { method: 'POST', headers: { cookie, ...POSTED }, body: { generation: 1 } };
    const approved = await ask(`${path}/v1/warrants/BRIDGED/approve`, approve);
    expect([approved.status, JSON.parse(approved.text)]).toMatchObject([403, { code: 'role' }]);
    expect(home.audit()).toContainEqual(
      expect.objectContaining({ kind: 'officer-answer', by: 'anna', path: '/v1/self', status: 200 }),
    );
    await kept(path, cookie);
  });

  /** What is kept out, with a session at hand. */
  async function kept(path: string, cookie: string): Promise<void> {
    const at = `${path}/v1/status`;
    const before = home.audit().length;
    const refused: readonly [string, string, Asked, number][] = [
      ['without the cookie', at, {}, 401],
      ['with another cookie', at, { headers: { cookie: `${cookie}x` } }, 401],
      ['the page without the cookie', `${path}/console/`, {}, 401],
      ['rebound by DNS', at, { headers: { cookie, host: 'elsewhere.example' } }, 403],
      ['by the name of loopback', at, { headers: { cookie, host: `localhost:${bridge.port}` } }, 403],
      ['for another port', at, { headers: { cookie, host: '127.0.0.1:1' } }, 403],
      ['by another site', at, { headers: { cookie, 'sec-fetch-site': 'cross-site' } }, 403],
      ['by another port', at, { headers: { cookie, 'sec-fetch-site': 'same-site' } }, 403],
      ['with the origin of another', at, { headers: { cookie, origin: 'http://127.0.0.1:1' } }, 403],
    ];
    for (const [name, where, asked, status] of refused)
      expect([name, (await ask(where, asked)).status]).toEqual([name, status]);
    const act = `${path}/v1/warrants/BRIDGED/withdraw`;
    const body = { reason: 'forged' };
    for (const headers of [
      { cookie, 'content-type': 'application/json' },
      { cookie, ...POSTED, origin: 'http://127.0.0.1:1' },
      { ...POSTED },
    ] as Record<string, string>[])
      expect((await ask(act, { method: 'POST', headers, body })).status).toBeGreaterThanOrEqual(401);
    const plain = { cookie, 'x-claviger-console': '1', 'content-type': 'text/plain' };
    expect((await ask(act, { method: 'POST', headers: plain, body })).status).toBe(415);
    expect((await ask('/v1/status', { headers: { cookie } })).status).toBe(404);
    // None of it has come to the ADMF.
    expect(home.audit().length).toBe(before);
  }
});

describe('what goes on through it', { timeout: 30_000 }, () => {
  it('events come as they are told, and end with the bridge', async () => {
    const own = await bridgeOf('both');
    const { path, cookie } = await opened(own);
    let text = '';
    let isOver = false;
    const asked = httpRequest({
      ...{ host: '127.0.0.1', port: own.port, path: `${path}/v1/events`, headers: { cookie } },
    });
    asked.once('response', (answer) => {
      expect(answer.headers['content-type']).toContain('text/event-stream');
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.once('close', () => (isOver = true));
      answer.once('error', () => (isOver = true));
    });
    asked.on('error', () => (isOver = true));
    asked.end();
    await expect.poll(() => text).toContain('event: system');
    const entry = { method: 'POST', headers: { cookie, ...POSTED }, body: { warrant: warrantOf('TOLD') } };
    expect((await ask(`${path}/v1/warrants`, { ...entry, to: own })).status).toBe(201);
    await expect.poll(() => text).toContain('event: warrant\ndata: {"liid":"TOLD"}');
    await own.close();
    await expect.poll(() => isOver).toBe(true);
    await expect
      .poll(() => {
        const open = home.admf.operation.meters.find(({ name }) => name === 'event_streams');
        return JSON.stringify(open?.read());
      })
      .toContain('0');
  });

  it('an ADMF that is away is told of', async () => {
    const { tls } = await home.officer('cleo');
    const officer = officerConfig({
      url: 'https://admf.home1.example:9',
      tls,
      hosts: { 'admf.home1.example': '127.0.0.1:9' },
    });
    const own = await startBridge({
      ...{ pages: await consolePages(), officer, random: systemRandom(), logger: silent, port: 0 },
      tls: loadTls(officer.tls, Date.now()),
    });
    try {
      const { path, cookie } = await opened(own);
      for (const at of ['self', 'events']) {
        const { status, text } = await ask(`${path}/v1/${at}`, { headers: { cookie }, to: own });
        expect([status, JSON.parse(text)]).toMatchObject([502, { code: 'unreachable' }]);
      }
    } finally {
      await own.close();
    }
  });
});

/** The console's page at the ADMF's door for officers: which files, what a browser is told, and who gets them. */
import { request as httpsRequest } from 'node:https';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admfConfig } from '../../src/entities/admf/config.ts';
import { startAdmf } from '../../src/entities/admf/start.ts';
import { ConfigError } from '../../src/host/config.ts';
import { systemClock, systemRandom } from '../../src/host/runtime.ts';
import type { PageFiles } from '../../src/net/pages.ts';
import { OfficersDoor } from '../entities/admf/http/knocking.ts';
import { consolePages } from '../support/console.ts';
import { silent } from '../support/silent.ts';

let door: OfficersDoor;
let pages: PageFiles;

beforeAll(async () => {
  pages = await consolePages();
  door = await OfficersDoor.open({ consolePages: () => Promise.resolve(pages) });
}, 60_000);

afterAll(() => door.close());

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly octets: Buffer;
}

function get(
  at: string,
  headers: Record<string, string> = {},
  { who = 'anna', method = 'GET' } = {},
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest({
      ...{ host: '127.0.0.1', port: door.home.admf.officers!.port, servername: 'admf.home1.example' },
      ...{ method, path: at, headers, agent: door.agent(who) },
    });
    asked.once('error', reject);
    asked.once('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, octets: Buffer.concat(chunks) }),
      );
    });
    asked.end();
  });
}

describe('R-93: the pages of the console', { timeout: 30_000 }, () => {
  it('are a page with its script, its style and its icon, less than 400 kB gzipped in all', () => {
    const names = [...pages.keys()].map((name) => name.replace(/-[\w-]{8}\./, '-HASH.')).sort();
    expect(names).toEqual(['', 'assets/index-HASH.css', 'assets/index-HASH.js', 'icon.svg']);
    const octets = [...pages.values()].map((file) => gzipSync(file.octets).length);
    expect(octets.reduce((sum, each) => sum + each)).toBeLessThan(400_000);
  });

  it('need nothing from elsewhere, and have nothing inline', () => {
    const text = Buffer.from(pages.get('')!.octets).toString();
    const named = [...text.matchAll(/(?:src|href)="(?:\.\/)?([^"]*)"/g)].map(([, name]) => name);
    expect(named.sort()).toEqual([...pages.keys()].filter((name) => name !== '').sort());
    expect(text).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/i);
    for (const [name, { octets }] of pages)
      if (name.endsWith('.css')) expect(Buffer.from(octets).toString()).not.toMatch(/@import|url\(/);
  });

  it('go out with their types, and a policy by which nothing else runs or is loaded', async () => {
    for (const [name, file] of pages) {
      const { status, headers, octets } = await get(`/console/${name}`);
      expect(status).toBe(200);
      expect(octets.equals(file.octets)).toBe(true);
      const policy = String(headers['content-security-policy']).split('; ');
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self'");
      expect(policy).toContain("require-trusted-types-for 'script'");
      expect(policy.join()).not.toMatch(/unsafe|https?:|data:|\*/);
      expect(headers).toMatchObject({
        'content-type': file.type,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
        'cache-control': name.startsWith('assets/')
          ? 'private, max-age=31536000, immutable'
          : 'private, no-cache',
      });
    }
    const { headers } = await get('/console');
    expect(headers['location']).toBe('/console/');
  });

  it('are not sent again to a browser that has them', async () => {
    const { headers } = await get('/console/');
    const tag = headers['etag'] as string;
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`]) {
      const again = await get('/console/', { 'if-none-match': known });
      expect([again.status, again.octets.length, again.headers['etag']]).toEqual([304, 0, tag]);
    }
    expect((await get('/console/', { 'if-none-match': '"other"' })).status).toBe(200);
  });

  it('are all that there is: no other file, whatever the path says', async () => {
    for (const at of [
      '/console/index.html',
      '/console/assets/',
      '/console/../package.json',
      '/console/%2e%2e/%2e%2e/package.json',
      '/console/..%2f..%2fpackage.json',
      '/console/assets/%00',
    ])
      expect([at, (await get(at)).status]).toEqual([at, expect.toSatisfy((s) => s === 404 || s === 400)]);
  });

  it('are for those who are admitted, of whatever role, and each look is on record', async () => {
    for (const who of ['anna', 'ben', 'cleo', 'dora'])
      expect((await get('/console/', {}, { who })).status).toBe(200);
    for (const who of ['eve', 'df', 'nobody', 'two'])
      for (const at of ['/console/', '/console/icon.svg'])
        expect((await get(at, {}, { who })).status).toBe(403);
    expect(door.home.audit()).toContainEqual(
      expect.objectContaining({ kind: 'officer-answer', by: 'dora', path: '/console/', status: 200 }),
    );
  });

  it('are not there unless the setting says so, and a program without them does not take it', async () => {
    const plain = await OfficersDoor.open();
    try {
      expect(await plain.ask('anna', 'GET /console/')).toMatchObject({
        status: 404,
        json: { code: 'no-resource' },
      });
      const at = (name: string): string => path.join(plain.home.folder, name);
      const without = startAdmf(
        admfConfig({
          ...{ ...plain.home.settings(), store: at('other.db'), audit: at('other.jsonl') },
          officers: { peers: ['anna'], console: true },
        }),
        { clock: systemClock(), random: systemRandom(), logger: silent },
      );
      await expect(without).rejects.toThrow(ConfigError);
    } finally {
      await plain.close();
    }
  });
});

describe('R-93: a page of another site', { timeout: 30_000 }, () => {
  const reads = '/v1/status';

  it.each([
    ['a script of another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    ['a script of a neighbour', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }],
    ['another origin', { origin: 'https://elsewhere.example' }],
    ['no origin that could be told', { origin: 'null' }],
    ['a link to what is no page', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
  ])('gets nothing by a browser that shows the certificate: %s', async (_, headers) => {
    const { status, octets } = await get(reads, headers);
    expect([status, JSON.parse(octets.toString())]).toMatchObject([403, { code: 'cross-site' }]);
  });

  it('may link to the console, and its own page may ask', async () => {
    const linked = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect((await get('/console/', linked)).status).toBe(200);
    const framed = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' };
    expect((await get('/console/icon.svg', framed)).status).toBe(403);
    const own = {
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': 'cors',
      host: 'admf.home1.example:9443',
    };
    expect((await get(reads, { ...own, origin: 'https://admf.home1.example:9443' })).status).toBe(200);
    expect((await get(reads, { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' })).status).toBe(200);
  });
});

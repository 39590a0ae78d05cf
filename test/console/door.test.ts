/**
 * The console at the ADMF's own door in a real browser, which shows the certificate of the person: auditors and operators
 * see of other entities what their roles may read, and nobody sees more.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { ADMF, DOWN, openWatchedDoor } from '../entities/admf/http/watched-door.ts';
import type { WatchedDoor } from '../entities/admf/http/watched-door.ts';
import { warrantOf } from '../entities/admf/http/knocking.ts';
import { chromiumPath } from '../support/chromium.ts';
import { consolePages } from '../support/console.ts';
import { faultsOfView } from '../support/looked-at.ts';

const MARKUP = '<img src=x onerror="document.title=1"><b id=injected>x</b>';

/** Members of the officers' interface that hold what somebody has written; of the others, values are the ADMF's own. */
const WRITTEN = [
  'identifier',
  'element',
  'id',
  'description',
  'by',
  'reason',
  'reference',
  'value',
  'host',
  'why',
];

/** Every text of a JSON, or those of some members, with markup before it. */
function markedUp(value: unknown, only: readonly string[] | null = null): unknown {
  if (typeof value === 'string') return only === null ? MARKUP + value : value;
  if (Array.isArray(value)) return value.map((each) => markedUp(each, only));
  if (typeof value !== 'object' || value === null) return value;
  const marked = Object.entries(value).map(([name, inner]) => [
    name,
    markedUp(inner, only?.includes(name) === true ? null : only),
  ]);
  return Object.fromEntries(marked) as unknown;
}

describe.skipIf(chromiumPath === null)(
  'R-93: the console at the door of an ADMF',
  { timeout: 60_000 },
  () => {
    let watched: WatchedDoor;
    let browser: Browser;
    /** But for one that is down, which the browser is told of, too. */
    const complaints: string[] = [];

    async function seenBy(who: string): Promise<Page> {
      const { home } = watched.door;
      const { tls } = await home.officer(who);
      const origin = `https://127.0.0.1:${String(home.admf.officers?.port)}`;
      // A browser that trusts this authority would need it in the store of the system.
      const context = await browser.newContext({
        ignoreHTTPSErrors: true,
        clientCertificates: [{ origin, certPath: tls.certificate, keyPath: tls.privateKey }],
      });
      const page = await context.newPage();
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error' && !message.location().url.includes(DOWN))
          complaints.push(message.text());
      });
      await page.goto(`${origin}/console/`);
      await page.getByRole('navigation').waitFor();
      return page;
    }

    const views = (page: Page): Promise<string[]> =>
      page.getByRole('navigation').getByRole('link').allTextContents();

    beforeAll(async () => {
      const pages = await consolePages();
      watched = await openWatchedDoor({ consolePages: () => Promise.resolve(pages) });
      const body = { warrant: warrantOf('<i>L1</i>'), reason: MARKUP };
      expect((await watched.door.ask('anna', 'POST /v1/warrants', { body })).status).toBe(201);
      browser = await chromium.launch({ executablePath: chromiumPath ?? '', args: ['--no-sandbox'] });
    }, 60_000);

    afterAll(async () => {
      await browser.close();
      await watched.close();
    });

    it('has the audit logs for auditors, verified in the page, and says which entity is away', async () => {
      const page = await seenBy('cleo');
      expect(await views(page)).toEqual([
        ...['Warrants', 'Elements', 'Alarms', 'Audit logs', 'Releases of keys', 'Network'],
      ]);
      await page.getByRole('link', { name: 'Audit logs' }).click();
      const row = (name: string) => page.getByRole('row').filter({ hasText: name }).first();
      await row(ADMF).getByText('unbroken').waitFor();
      expect(await row(DOWN).textContent()).toContain(`${DOWN} does not answer`);
      await page.getByLabel('Kind').selectOption('audit-read');
      await page.getByText('cleo').first().waitFor();
      expect(await faultsOfView(page)).toEqual([]);
      // Words of an officer on the log are text.
      await page.getByLabel('Kind').selectOption('');
      await page.getByText(MARKUP).first().waitFor();
      expect(await page.locator('#injected, main img').count()).toBe(0);
      expect(complaints).toEqual([]);
    });

    it('has the network for operators, and no audit log whatever is asked', async () => {
      const page = await seenBy('dora');
      expect(await views(page)).toEqual(['Elements', 'Alarms', 'Network']);
      await page.getByRole('link', { name: 'Network' }).click();
      await page.getByText('ready', { exact: true }).waitFor();
      await page.getByText(`${DOWN} does not answer`).waitFor();
      await page.locator('.legend').first().waitFor();
      expect(await faultsOfView(page)).toEqual([]);
      for (const place of ['#/audit', '#/releases']) {
        await page.evaluate(`location.hash = ${JSON.stringify(place)}`);
        await page.getByText('does not have a role that reads this').waitFor();
      }
      expect(complaints).toEqual([]);
      const asked = await page.evaluate<number>(
        `fetch('/v1/watch/${ADMF}/audit').then(({ status }) => status)`,
      );
      expect(asked).toBe(403);
      complaints.length = 0;
    });

    it('takes whatever an entity says for text: markup in each field of its status and metrics', async () => {
      const page = await seenBy('dora');
      await page.route('**/v1/watch/*/status', async (route) => {
        const answer = await route.fetch();
        const json = (await answer.json()) as object;
        const alarm = { name: 'a', severity: 'critical', about: 'b', text: 'c', since: 'd' };
        const queue = { name: 'e', to: 'f', entries: 1, octets: 2, oldest: 'g' };
        const more = { alarms: [alarm], queues: [queue], peers: [{ name: 'h', role: 'i', state: 'up' }] };
        await route.fulfill({ response: answer, json: markedUp({ ...json, ...more }) });
      });
      await page.route('**/v1/watch/*/metrics', async (route) => {
        const answer = await route.fetch();
        const body = (await answer.text()).replace(/^(# HELP \S+ )/gm, `$1${MARKUP}`);
        await route.fulfill({ response: answer, body });
      });
      await page.getByRole('link', { name: 'Network' }).click();
      await page.getByText(`${MARKUP}c`, { exact: true }).first().waitFor();
      await page.getByText(`${MARKUP}f`, { exact: true }).first().waitFor();
      await page.locator('.legend').first().waitFor();
      expect(await page.locator('#injected, main img').count()).toBe(0);
      expect(await page.title()).toBe('Network · Claviger');
      expect(complaints).toEqual([]);
    });

    it('takes for text what anybody has written: in each member of warrants, elements and alarms', async () => {
      const page = await seenBy('both');
      const issue = { element: 'a', about: 'task', id: 'b', severity: 'Warning', description: 'c' };
      const more = { issues: [{ ...issue, time: '2030-01-31T12:00:00Z' }] };
      await page.route(/\/v1\/(?:warrants|elements|alarms)\b/, async (route) => {
        const answer = await route.fetch();
        const json = (await answer.json()) as object;
        const isOfAlarms = route.request().url().endsWith('/alarms');
        await route.fulfill({
          response: answer,
          json: markedUp({ ...json, ...(isOfAlarms ? more : {}) }, WRITTEN),
        });
      });
      await page.reload();
      const seen = (text: string) =>
        page
          .getByText(MARKUP + text, { exact: true })
          .first()
          .waitFor();
      await seen('sip:alice@home1.example');
      await page.getByRole('link', { name: '<i>L1</i>' }).click();
      await page.getByRole('heading', { name: '<i>L1</i>' }).waitFor();
      await page
        .locator('.timeline li', { hasText: `${MARKUP}anna` })
        .first()
        .waitFor();
      await page.getByRole('link', { name: 'Alarms' }).click();
      for (const text of ['a', 'b', 'c']) await seen(text);
      await page.getByRole('link', { name: 'Elements' }).click();
      await seen('kms.home1.example');
      expect(await page.locator('#injected, main img').count()).toBe(0);
      expect(await page.title()).toBe('Elements · Claviger');
      expect(complaints).toEqual([]);
    });

    it('has neither for officers', async () => {
      const page = await seenBy('anna');
      expect(await views(page)).toEqual(['Warrants', 'Enter a warrant', 'Elements', 'Alarms']);
      for (const place of ['#/audit', '#/releases', '#/network']) {
        await page.evaluate(`location.hash = ${JSON.stringify(place)}`);
        await page.getByText('does not have a role that reads this').waitFor();
      }
      for (const at of ['', `/${ADMF}/status`, `/${ADMF}/metrics`, `/${ADMF}/audit`])
        expect(await page.evaluate<number>(`fetch('/v1/watch${at}').then(({ status }) => status)`)).toBe(403);
    });
  },
);

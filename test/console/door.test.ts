/**
 * The console at the ADMF's own door in a real browser, which shows the certificate of the person: auditors and operators
 * see of other entities what their roles may read, and nobody sees more.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { ADMF, DOWN, openWatchedDoor } from '../entities/admf/http/watched-door.ts';
import type { WatchedDoor } from '../entities/admf/http/watched-door.ts';
import { chromiumPath } from '../support/chromium.ts';
import { consolePages } from '../support/console.ts';
import { faultsOfView } from '../support/looked-at.ts';

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

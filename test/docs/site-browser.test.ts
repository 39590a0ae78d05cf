/** The documentation as a site in a real browser: it opens from a disk, loads nothing from elsewhere, leads on, and is searched. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { createProgram } from '../../src/cli/program.ts';
import { outlineOf } from '../../src/cli/reference/outline.ts';
import type { CommandOutline } from '../../src/cli/reference/outline.ts';
import { chromiumPath } from '../support/chromium.ts';
import { faultsOfView } from '../support/looked-at.ts';
import { root } from './support.ts';

const { buildSite } = (await import(path.join(root, 'scripts/docs-site.mjs'))) as {
  buildSite: (out: string, commands: CommandOutline, hasApi: boolean) => unknown;
};

/** Pictures that are not shown. */
const MISSING = '[...document.images].filter(({ naturalWidth }) => naturalWidth === 0).map(({ src }) => src)';

describe.skipIf(chromiumPath === null)('R-93: the site in a browser', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-site-seen-'));
  const home = pathToFileURL(path.join(folder, 'index.html')).href;
  const complaints: string[] = [];
  const asked: string[] = [];
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    buildSite(folder, outlineOf(await createProgram([])), false);
    browser = await chromium.launch({ executablePath: chromiumPath ?? '', args: ['--no-sandbox'] });
    page = await browser.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('request', (request) => asked.push(request.url()));
  }, 60_000);

  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  it('opens from a disk, for every reader, and leads on', async () => {
    // By a page of its own: what judges it asks for the style, which the site forbids.
    const looked = await browser.newPage();
    await looked.goto(home);
    for (const colorScheme of ['light', 'dark'] as const) {
      await looked.emulateMedia({ colorScheme });
      expect(await faultsOfView(looked)).toEqual([]);
    }
    await page.goto(home);
    await page.getByRole('main').getByRole('link', { name: 'The console' }).click();
    await page.getByRole('heading', { level: 1, name: 'The console' }).waitFor();
    expect(await page.locator('main img').count()).toBeGreaterThan(5);
    for (const image of await page.locator('main img').all()) await image.scrollIntoViewIfNeeded();
    expect(await page.evaluate<string[]>(MISSING)).toEqual([]);
  });

  it('is searched by words, from the keyboard, and leads to the place that has them', async () => {
    await page.goto(home);
    await page.keyboard.press('/');
    await page.keyboard.type('retention lemf');
    const found = page.getByRole('list', { name: 'What was found' }).getByRole('link');
    await found.first().waitFor();
    expect(await found.first().textContent()).toMatch(/retention/i);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\.html#./);
    expect(await page.locator(':target').count()).toBe(1);
    await page.keyboard.press('/');
    await page.keyboard.type('nosuchwordanywhere');
    await found.first().waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
    expect(await page.getByRole('searchbox').inputValue()).toBe('');
  });

  it('asks for nothing but its own files, and nothing is forbidden that it wants', () => {
    expect(asked.length).toBeGreaterThan(5);
    const own = pathToFileURL(folder).href;
    expect(asked.filter((url) => !url.startsWith(own))).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

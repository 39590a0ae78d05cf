/**
 * The console of a network that stays up after the demo, in a real browser: a warrant is entered by one officer and
 * approved by another, a call is made again, the auditor finds the release of its keys in verified logs, the operator sees
 * who is up. What axe-core, a small screen and the keyboard make of each view.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { openConsole } from '../../src/cli/console-link.ts';
import type { Bridge } from '../../src/console/bridge.ts';
import { officerConfig } from '../../src/entities/admf/config-officer.ts';
import { threadExporter } from '../../src/cli/workbench/export-thread.ts';
import { runDemo } from '../../src/lab/scenarios/demo.ts';
import type { StayingNetwork } from '../../src/lab/scenarios/demo.ts';
import type { DemoReport } from '../../src/lab/scenarios/report.ts';
import { consolePages } from '../support/console.ts';
import { chromiumPath } from '../support/chromium.ts';
import { faultsOfView, tabTo } from '../support/looked-at.ts';
import { isPictured, picture } from '../support/pictures.ts';
import { silent } from '../support/silent.ts';

/** What the canvas of a chart has: a chart whose colours are none is black on any ground. */
const COLOURS = `[...document.querySelectorAll('.chart canvas')].flatMap((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const found = new Set();
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3] === 255) found.add(Math.abs(data[at] - data[at + 2]) > 40 ? 'coloured' : 'grey');
  return [...found];
})`;

describe.skipIf(chromiumPath === null)('R-93: a demo that stays up', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-stays-'));
  const bridges: Bridge[] = [];
  const complaints: string[] = [];
  let browser: Browser;
  let staying: StayingNetwork;
  let atStay: DemoReport;
  let leave: () => void;
  let demo: Promise<DemoReport>;

  async function seenBy(who: string): Promise<Page> {
    const person = staying.people.find(({ name }) => name === who);
    const more = { logger: silent, port: 0, laboratory: staying.calls };
    const bridge = await openConsole(officerConfig(person?.config), more);
    bridges.push(bridge);
    const page = await (await browser.newContext()).newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(bridge.link);
    await page.getByRole('navigation').waitFor();
    return page;
  }

  const views = (page: Page): Promise<string[]> =>
    page.getByRole('navigation').getByRole('link').allTextContents();

  beforeAll(async () => {
    await consolePages();
    browser = await chromium.launch({ executablePath: chromiumPath ?? '', args: ['--no-sandbox'] });
    await new Promise<void>((resolve, reject) => {
      const options = {
        out: path.join(folder, 'out'),
        scenario: 'plain',
        seconds: 1,
        faults: [],
        revealSecrets: false,
        exporter: threadExporter,
      };
      demo = runDemo(options, undefined, (report, network) => {
        [atStay, staying] = [report, network];
        resolve();
        return new Promise((over) => (leave = over));
      });
      demo.catch(reject);
    });
  }, 120_000);

  afterAll(async () => {
    for (const bridge of bridges) await bridge.close();
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('has its report, all checks passed, while it is up', () => {
    expect(atStay.checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(staying.people.map(({ name }) => name)).toContain('auditor.home2');
  });

  it('has a warrant entered by one officer and approved by another, by the keyboard alone', async () => {
    const [one, two] = [await seenBy('officer-1.home1'), await seenBy('officer-2.home1')];
    expect(await views(one)).toEqual(['Warrants', 'Enter a warrant', 'Elements', 'Alarms', 'Laboratory']);
    expect(await faultsOfView(one)).toEqual([]);
    await tabTo(one, 'Enter a warrant');
    await one.keyboard.press('Enter');
    await one.getByRole('heading', { name: 'Enter a warrant' }).waitFor();
    for (const [label, value] of [
      ['LIID', 'AGAIN'],
      ['Identity', 'sip:alice@home1.example'],
    ] as const) {
      await tabTo(one, label);
      await one.keyboard.type(value);
    }
    // A field of a date takes what is typed by its own order.
    await one.getByLabel('Until', { exact: true }).fill('2035-01-31T12:00:00');
    expect(await one.getByLabel('HI2: host').inputValue()).toBe('lemf.home1.example');
    expect(await one.getByLabel('HI3: port').inputValue()).toBe('7513');
    expect(await faultsOfView(one)).toEqual([]);
    await picture(one, 'enter');
    await tabTo(one, 'Enter');
    await one.keyboard.press('Enter');
    await one.getByRole('heading', { name: 'AGAIN' }).waitFor();
    expect(await faultsOfView(one)).toEqual([]);

    await two.getByRole('link', { name: 'AGAIN' }).waitFor();
    await picture(two, 'warrants', 600);
    await tabTo(two, 'AGAIN');
    await two.keyboard.press('Enter');
    await two.getByRole('button', { name: 'Approve' }).waitFor();
    await tabTo(two, 'Approve');
    await two.keyboard.press('Enter');
    await two.getByRole('dialog').waitFor();
    await two.keyboard.press('Escape');
    await two.getByRole('dialog').waitFor({ state: 'detached' });
    await tabTo(two, 'Approve');
    await two.keyboard.press('Enter');
    await two.getByRole('dialog').waitFor();
    expect(await faultsOfView(two)).toEqual([]);
    await picture(two, 'approve');
    await tabTo(two, 'Approve');
    await two.keyboard.press('Enter');
    for (const page of [one, two]) await page.locator('.head .state-active').waitFor();
    await picture(one, 'warrant', 1040);

    await one.getByRole('link', { name: 'Laboratory' }).click();
    await one.getByRole('button', { name: 'Call again' }).click();
    await one.getByText('has heard').waitFor({ timeout: 60_000 });
    expect(staying.calls.state().calls).toMatchObject([{ state: 'over', told: /alice has heard \d/ }]);
    await picture(one, 'laboratory', 500);
    expect(await faultsOfView(one)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('shows the auditor each release with its warrant, and every log unbroken', async () => {
    const page = await seenBy('auditor.home1');
    await page.getByRole('link', { name: 'Releases of keys' }).click();
    const again = page.getByRole('row').filter({ hasText: 'AGAIN' });
    await again.getByText('has its warrant').waitFor();
    expect(await again.textContent()).toContain('officer-2.home1.example');
    expect(await page.locator('.tile', { hasText: 'without a warrant' }).locator('dd').textContent()).toBe(
      '0',
    );
    expect(await faultsOfView(page)).toEqual([]);
    await picture(page, 'releases', 600);

    await page.getByRole('link', { name: 'Audit logs' }).click();
    await page.getByLabel('Kind').waitFor();
    for (const entity of ['kms', 'df', 'gateway', 'cscf', 'admf'])
      expect(
        await page
          .getByRole('row')
          .filter({ hasText: `${entity}.home1.example` })
          .first()
          .textContent(),
      ).toContain('unbroken');
    await picture(page, 'audit-logs');
    await page.getByLabel('Kind').selectOption('get-keys');
    await page.getByText('2 of 2 records').waitFor();
    await page.getByLabel('Search in all fields').fill('no such word');
    await page.getByText('0 of 0 records').waitFor();
    expect(await faultsOfView(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('lets the analyst of the home see and hear the call', async () => {
    const page = await seenBy('analyst.home1');
    await page.getByRole('table', { name: 'LIID AGAIN' }).getByRole('link').first().click();
    await page.getByRole('button', { name: 'Play' }).waitFor({ timeout: 60_000 });
    await page.getByText('Every stream of the call was decrypted and decoded.').waitFor();
    await picture(page, 'call', 950);
    await picture(page, 'heard', 560, 'section:has(.audio)');
    const [saved] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Export all of it' }).click(),
    ]);
    expect(statSync(await saved.path()).size).toBeGreaterThan(10_000);
    await page.getByRole('link', { name: 'All calls' }).click();
    await page.getByRole('table', { name: 'LIID AGAIN' }).waitFor();
    await picture(page, 'calls', 500);
    expect(complaints).toEqual([]);
  });

  it('shows the operator who is up, with rates, and no log whatever the address says', async () => {
    const page = await seenBy('operator.home1');
    expect(await views(page)).toEqual(['Elements', 'Alarms', 'Network', 'Laboratory']);
    await page.getByRole('link', { name: 'Network' }).click();
    await page.locator('.chart canvas').first().waitFor({ timeout: 30_000 });
    expect(await page.getByText('ready', { exact: true }).count()).toBe(6);
    expect(await page.locator('.legend').first().textContent()).toContain('per second');
    expect(await page.getByText('certificate-expiry').count()).toBe(0);
    for (const theme of ['light', 'dark']) {
      await page.evaluate(`document.documentElement.dataset.theme = '${theme}'`);
      await expect.poll(() => page.evaluate<string[]>(COLOURS)).toContain('coloured');
    }
    await picture(page, 'network', 600);
    await picture(page, 'rates', 700, 'h2:has-text("How often")');
    expect(await faultsOfView(page)).toEqual([]);
    for (const place of ['#/audit', '#/releases', '#/warrants/AGAIN']) {
      await page.evaluate(`location.hash = ${JSON.stringify(place)}`);
      await page.getByText('does not have a role that reads this').waitFor();
    }
    expect(await page.content()).not.toContain('alice@');
    for (const name of ['Elements', 'Alarms']) {
      await page.getByRole('link', { name }).click();
      await page.getByRole('heading', { name }).waitFor();
      expect(await faultsOfView(page)).toEqual([]);
      await picture(page, name.toLowerCase(), 600);
    }
    expect(complaints).toEqual([]);
  });

  it('shows the people of a home nothing of another', async () => {
    const page = await seenBy('auditor.home2');
    await page.getByRole('link', { name: 'Releases of keys' }).click();
    await page.getByText('No keys were released.').waitFor();
    expect(await page.content()).not.toContain('home1.example');
  });

  it('ends when whoever stays leaves, with the report that it had', async () => {
    leave();
    expect((await demo).checks).toEqual(atStay.checks);
    if (!isPictured) return;
    const page = await browser.newPage();
    await page.goto(pathToFileURL(path.join(folder, 'out/report.html')).href);
    await picture(page, 'report', 700);
    await picture(page, 'report-heard', 700, '#voice-0');
  });
});

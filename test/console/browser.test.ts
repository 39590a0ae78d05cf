/** The console in a real browser: what each person sees and may do, and what of strangers' markup becomes of it. */
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { leadingPage } from '../../src/cli/open-link.ts';
import type { LeadingPage } from '../../src/cli/open-link.ts';
import { startBridge } from '../../src/console/bridge.ts';
import type { Bridge } from '../../src/console/bridge.ts';
import { officerConfig } from '../../src/entities/admf/config-officer.ts';
import { systemRandom } from '../../src/host/runtime.ts';
import { loadTls } from '../../src/net/tls.ts';
import { OfficersHome } from '../entities/admf/http/door.ts';
import { consolePages } from '../support/console.ts';
import { chromiumPath } from '../support/chromium.ts';
import { faultsOfView } from '../support/looked-at.ts';
import { silent } from '../support/silent.ts';

const MARKUP = '<img src=x onerror="document.title=1"><b id=injected>x</b>';

describe.skipIf(chromiumPath === null)('R-93: the console in a browser', { timeout: 60_000 }, () => {
  let home: OfficersHome;
  let browser: Browser;
  const bridges: Bridge[] = [];
  /** What browsers have complained of: what a policy forbids, and what scripts have thrown. */
  const complaints: string[] = [];

  /** @param from what the browser is given instead of the link */
  async function seenBy(who: string, from = (link: string) => link): Promise<Page> {
    const { tls, hosts, url } = await home.officer(who);
    const officer = officerConfig({ url, tls, hosts });
    const bridge = await startBridge({
      ...{ pages: await consolePages(), officer, random: systemRandom(), logger: silent, port: 0 },
      tls: loadTls(officer.tls, Date.now()),
    });
    bridges.push(bridge);
    const page = await (await browser.newContext()).newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(from(bridge.link));
    return page;
  }

  beforeAll(async () => {
    home = await OfficersHome.start();
    browser = await chromium.launch({ executablePath: chromiumPath ?? '', args: ['--no-sandbox'] });
  }, 60_000);

  afterAll(async () => {
    await browser.close();
    for (const bridge of bridges) await bridge.close();
    await home.stop();
  });

  it('one enters a warrant and sees why they may not approve it; another approves it, and the first sees it at once', async () => {
    const [both, ben] = [await seenBy('both'), await seenBy('ben')];
    await both.getByRole('link', { name: 'Enter a warrant' }).click();
    const filled: readonly (readonly [string, string])[] = [
      ['LIID', '<i>L1</i>'],
      ['Reference of yours', MARKUP],
      ['Identity', `sip:alice@home1.example`],
      ['Until', '2035-01-31T12:00:00'],
      ['HI2: host', 'lemf.home1.example'],
      ['HI2: port', '7512'],
      ['HI3: host', 'lemf.home1.example'],
      ['HI3: port', '7513'],
      ['Reason; it goes on record', MARKUP],
    ];
    for (const [label, value] of filled) await both.getByLabel(label, { exact: true }).fill(value);
    await both.getByRole('button', { name: 'Enter', exact: true }).click();
    await both.getByRole('heading', { name: '<i>L1</i>' }).waitFor();
    const approve = both.getByRole('button', { name: 'Approve' });
    expect(await approve.isDisabled()).toBe(true);
    expect(await both.getByText('You may not: both has entered or changed it').count()).toBe(1);

    await ben.getByRole('link', { name: '<i>L1</i>' }).click();
    expect(await ben.getByRole('button', { name: 'Withdraw' }).count()).toBe(0);
    await ben.getByRole('button', { name: 'Approve' }).click();
    await ben.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    for (const page of [both, ben]) await page.locator('.head .state-active').waitFor();
    for (const page of [both, ben]) {
      expect(await page.locator('.timeline li').first().textContent()).toContain(MARKUP);
      expect(await page.locator('#injected, main img').count()).toBe(0);
      expect(await page.title()).toBe('<i>L1</i> · Claviger');
    }
    expect(complaints).toEqual([]);
  });

  it('a page that is a file leads to it, as the opener of a desktop has it, and once', async () => {
    const pages: LeadingPage[] = [];
    const cleo = await seenBy('cleo', (link) => {
      pages.push(leadingPage(link));
      return pathToFileURL(pages[0]?.file ?? '').href;
    });
    await cleo.getByRole('navigation').waitFor();
    expect(complaints).toEqual([]);
    const another = await (await browser.newContext()).newPage();
    await another.goto(pathToFileURL(pages[0]?.file ?? '').href);
    await another.getByText('the link has been used').waitFor();
    for (const page of pages) page.close();
  });

  it('an operator sees elements and alarms, and no warrant, whatever the address says', async () => {
    const dora = await seenBy('dora');
    await dora.getByRole('heading', { name: 'Elements' }).waitFor();
    await dora.getByRole('cell', { name: 'kms.home1.example' }).waitFor();
    expect(await dora.getByRole('navigation').getByRole('link').allTextContents()).toEqual([
      'Elements',
      'Alarms',
      'Network',
    ]);
    for (const place of ['#/warrants', '#/warrants/L1', '#/enter']) {
      await dora.evaluate(`location.hash = ${JSON.stringify(place)}`);
      await dora.getByText('does not have a role that reads this').waitFor();
    }
    expect(await dora.content()).not.toContain('alice');
    // Whose configuration names no entities, as those that an earlier version made, is told what to do.
    await dora.getByRole('link', { name: 'Network' }).click();
    await dora.getByText('claviger init makes one').waitFor();
    expect(complaints).toEqual([]);
  });

  it('an auditor sees all, and is offered nothing', async () => {
    const cleo = await seenBy('cleo');
    await cleo.getByRole('link', { name: '<i>L1</i>' }).click();
    await cleo.getByText('Nothing, with the roles of your certificate.').waitFor();
    expect(await cleo.locator('button.act').count()).toBe(0);
    expect(await cleo.getByRole('link', { name: 'Enter a warrant' }).count()).toBe(0);
  });

  /** Does something about the warrant that is looked at: the button, the dialog, the same button in it. */
  async function doIt(
    page: Page,
    name: string,
    fields: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await page.getByRole('button', { name, exact: true }).click();
    const dialog = page.getByRole('dialog');
    for (const [field, value] of Object.entries(fields)) {
      const at = dialog.locator(`[name=${field}]`);
      if (field === 'delivery') await at.selectOption(value);
      else await at.fill(value);
    }
    await dialog.getByRole('button', { name, exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
  }

  async function entered(page: Page, liid: string, boxes: Readonly<Record<string, boolean>>): Promise<void> {
    await page.getByRole('link', { name: 'Enter a warrant' }).click();
    for (const [label, value] of [
      ['LIID', liid],
      ['Identity', `sip:alice@home1.example`],
      ['Until', '2035-01-31T12:00:00'],
      ['HI2: host', 'lemf.home1.example'],
      ['HI2: port', '7512'],
      ['HI3: host', 'lemf.home1.example'],
      ['HI3: port', '7513'],
    ] as const)
      await page.getByLabel(label, { exact: true }).fill(value);
    for (const [label, isOn] of Object.entries(boxes)) await page.getByLabel(label).setChecked(isOn);
    await page.getByRole('button', { name: 'Enter', exact: true }).click();
    await page.getByRole('heading', { name: liid }).waitFor();
  }

  const inState = (page: Page, state: string): Promise<void> =>
    page.locator(`.head .state-${state}`).waitFor();
  const WHY = { reason: 'as ordered' };

  it('a warrant is led through its life: each act by who may do it, with its reason on record', async () => {
    const [anna, ben] = [await seenBy('anna'), await seenBy('ben')];
    await entered(anna, 'LIFE', { 'Submit for approval at once, else it stays a draft': false });
    await inState(anna, 'draft');
    expect(await faultsOfView(anna)).toEqual([]);
    await doIt(anna, 'Submit');
    await inState(anna, 'submitted');
    await ben.getByRole('link', { name: 'LIFE' }).click();
    await doIt(ben, 'Approve');
    await inState(anna, 'active');
    await doIt(anna, 'Amend', { delivery: 'IRI', ...WHY });
    await anna.locator('.timeline li', { hasText: 'as ordered' }).first().waitFor();
    await doIt(anna, 'Suspend', WHY);
    await inState(anna, 'suspended');
    await doIt(anna, 'Resume', WHY);
    await ben.getByRole('button', { name: 'Approve', exact: true }).waitFor();
    await doIt(ben, 'Approve');
    await inState(anna, 'active');
    await doIt(anna, 'Extend', { until: '2036-01-31T12:00:00', ...WHY });
    await ben.getByRole('button', { name: 'Reject', exact: true }).waitFor();
    await doIt(ben, 'Reject', { reason: 'not so long' });
    await anna.locator('.timeline li', { hasText: 'not so long' }).waitFor();
    await doIt(anna, 'Withdraw', { reason: 'over' });
    await inState(anna, 'ended');
    const told = await anna.locator('.timeline').textContent();
    for (const reason of ['as ordered', 'not so long', 'over']) expect(told).toContain(reason);
    expect(complaints).toEqual([]);
  });

  it('an emergency is carried out on one approval, and marked as such until the second', async () => {
    const [both, ben] = [await seenBy('both'), await seenBy('ben')];
    await entered(both, 'AT-ONCE', {
      'Emergency: carried out on one approval, ends when the second does not follow in time': true,
    });
    await inState(both, 'active');
    await both.locator('.head').getByText('emergency').waitFor();
    await ben.getByRole('link', { name: 'AT-ONCE' }).click();
    await doIt(ben, 'Approve');
    await both.locator('.head').getByText('emergency').waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });
});

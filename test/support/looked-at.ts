/** What a page is judged by for those who read it otherwise than by eye and mouse. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeFault {
  readonly id: string;
  readonly nodes: readonly { readonly target: readonly string[] }[];
}

/** What axe-core finds wrong with the view, and whether it is wider than a small screen; empty: nothing. */
export async function faultsOfView(page: Page): Promise<string[]> {
  const found: string[] = [];
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(AXE);
  for (const theme of ['light', 'dark']) {
    await page.evaluate(`document.documentElement.dataset.theme = '${theme}'`);
    const { violations } = await page.evaluate<{ violations: AxeFault[] }>('axe.run()');
    for (const { id, nodes } of violations)
      found.push(`${theme}: ${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
  }
  const before = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 740 });
  const width = await page.evaluate('document.documentElement.scrollWidth');
  if (Number(width) > 360) found.push(`${String(width)} px wide on a screen of 360`);
  if (before !== null) await page.setViewportSize(before);
  return found;
}

/** Tabs an element may be away by. */
const MOST_TABS = 80;

/** Goes by the keyboard to what has this text or label. @throws Error if it is not reached */
export async function tabTo(page: Page, name: string): Promise<void> {
  for (let tabs = 0; tabs < MOST_TABS; tabs++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(
      "(document.activeElement?.labels?.[0]?.querySelector('span') ?? document.activeElement)?.textContent?.trim() ?? ''",
    );
    if (at === name) return;
  }
  throw new Error(`the keyboard does not come to ${name}`);
}

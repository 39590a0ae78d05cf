/** What a page is judged by for those who read it otherwise than by eye and mouse. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeFault {
  readonly id: string;
  readonly nodes: readonly { readonly target: readonly string[] }[];
}

/** What goes beyond the window, outside of what scrolls or cuts off by itself, and of what is folded up. */
const BEYOND = `[...document.querySelectorAll('main *, header *')]
  .filter((each) => {
    if (each.getBoundingClientRect().right <= innerWidth + 1) return false;
    for (let at = each.parentElement; at !== document.body; at = at.parentElement)
      if (getComputedStyle(at).overflowX !== 'visible' || at.matches('details:not([open])')) return false;
    return true;
  })
  .map((each) => each.tagName + '.' + each.className)`;

/** Of a telephone, and of a screen of 4k: width and height, pixels. */
const SCREENS = [
  [360, 740],
  [3840, 2160],
] as const;

/** What axe-core finds wrong with the view, and what of it a screen does not have in its width; empty: nothing. */
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
  for (const [width, height] of SCREENS) {
    await page.setViewportSize({ width, height });
    const needed = Number(await page.evaluate('document.documentElement.scrollWidth'));
    if (needed > width) found.push(`${needed} px wide on a screen of ${width}`);
    for (const each of await page.evaluate<string[]>(BEYOND)) found.push(`${each} goes beyond ${width} px`);
  }
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

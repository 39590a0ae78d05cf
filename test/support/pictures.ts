/** Pictures of what tests look at, for the documentation: made where CLAVIGER_PICTURES names a folder (`scripts/docs-pictures.sh`). */
import path from 'node:path';
import type { Page } from 'playwright-core';

const folder = process.env['CLAVIGER_PICTURES'] ?? '';

/** Whether they are wanted. */
export const isPictured = folder !== '';

/**
 * Of a view as it is, in light colours.
 * @param name of the file @param height of the picture, pixels @param at a selector: what is to stand at its top
 */
export async function picture(page: Page, name: string, height = 800, at?: string): Promise<void> {
  if (!isPictured) return;
  const before = page.viewportSize();
  await page.setViewportSize({ width: 1200, height });
  await page.emulateMedia({ colorScheme: 'light' });
  await page.evaluate('delete document.documentElement.dataset.theme');
  // The page draws itself anew each second.
  await page.waitForTimeout(1_500);
  const box = at === undefined ? null : await page.locator(at).first().boundingBox();
  await page.evaluate(`scrollBy(0, ${box?.y ?? 0})`);
  await page.screenshot({ path: path.join(folder, `${name}.png`), animations: 'disabled' });
  if (before !== null) await page.setViewportSize(before);
}

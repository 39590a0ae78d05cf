/** The report in a real browser: it opens from a file, complains of nothing, and its audio plays. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { chromium } from 'playwright-core';
import { pageAssets } from '../../../src/lab/report/folder.ts';
import { reportPage } from '../../../src/lab/report/page.ts';
import { chromiumPath } from '../../support/chromium.ts';

import { recordOf } from './record.ts';

/** Plays the recording that was recovered to its end, and says where that is, in seconds. */
const PLAYED = `new Promise((done) => {
  const audio = [...document.querySelectorAll('#voice-0 audio')].at(-1);
  audio.addEventListener('ended', () => done(audio.currentTime));
  audio.play();
})`;

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-report-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(chromiumPath === null)('report.html in a browser', { timeout: 60_000 }, () => {
  it('R-93: opens from a file, loads nothing, and plays what was recovered', async () => {
    const file = path.join(folder, 'report.html');
    writeFileSync(file, reportPage(recordOf(), pageAssets()));
    const browser = await chromium.launch({
      executablePath: chromiumPath ?? '',
      args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required'],
    });
    try {
      const page = await browser.newPage();
      const [complaints, asked]: [string[], string[]] = [[], []];
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      page.on('request', (request) => asked.push(request.url()));
      await page.goto(pathToFileURL(file).href);
      expect(await page.evaluate<number>(PLAYED)).toBeCloseTo(0.1, 2);
      expect(await page.locator('.spectrogram .playhead[visibility="visible"]').count()).toBeGreaterThan(0);
      expect(complaints).toEqual([]);
      expect(asked.filter((url) => !url.startsWith('data:'))).toEqual([pathToFileURL(file).href]);
    } finally {
      await browser.close();
    }
  });
});

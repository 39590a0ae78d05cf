/** The page of analysts in a real browser: the ladder grows, the audio that is played is the WAV, and markup is text. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { threadExporter } from '../../src/cli/workbench/export-thread.ts';
import { startBridge } from '../../src/console/bridge.ts';
import type { Bridge } from '../../src/console/bridge.ts';
import { officerConfig } from '../../src/entities/admf/config-officer.ts';
import { systemRandom } from '../../src/host/runtime.ts';
import { decodeWav } from '../../src/media/wav.ts';
import { loadTls } from '../../src/net/tls.ts';
import { delivered, InterceptedCall } from '../entities/lemf/call.ts';
import { AnalystsHome } from '../entities/lemf/http/door.ts';
import { chromiumPath } from '../support/chromium.ts';
import { consolePages } from '../support/console.ts';
import { faultsOfView, tabTo } from '../support/looked-at.ts';
import { silent } from '../support/silent.ts';

const MARKUP = '<img src=x onerror="document.title=1"><b id=injected>x</b>';
const LIID = '<i>L1</i>';

/** Notes what is given to the sound system, as it is. */
const LISTEN = `(() => {
  const start = AudioBufferSourceNode.prototype.start;
  window.played = [];
  AudioBufferSourceNode.prototype.start = function (...given) {
    window.played.push(Array.from(this.buffer.getChannelData(0), (sample) => sample * 32768));
    return start.apply(this, given);
  };
})()`;

/** The upper outline of each lane of a waveform: places on the axis, of 720, and heights, of 30. */
const PEAKS = `[...document.querySelector('.waveform').querySelectorAll('.lane path')].map((path) => {
  const points = path.getAttribute('d').slice(1, -1).split('L').map((each) => each.split(' ').map(Number));
  return points.slice(0, points.length / 2).map(([bin, y]) => [bin, 31.6 - y]);
})`;

/** How high a sample stands in the drawing of recordings. */
function heightOf(sample: number, wavs: readonly Int16Array[]): number {
  const loudest = Math.max(
    2048,
    ...wavs.map((wav) => wav.reduce((most, each) => Math.max(most, Math.abs(each)), 0)),
  );
  return (sample * 30) / loudest;
}

describe.skipIf(chromiumPath === null)(
  'R-93: the page of analysts in a browser',
  { timeout: 120_000 },
  () => {
    let home: AnalystsHome;
    let browser: Browser;
    const bridges: Bridge[] = [];
    const complaints: string[] = [];
    const call = new InterceptedCall('exchange-1.json', { liid: LIID, packets: 100 });
    const strange = call.sip(`INFO ${MARKUP} SIP/2.0`, 'INFO', 'fromTarget', `${MARKUP}\r\na=${MARKUP}`);
    const pdus = delivered([
      ...call.signalling.slice(0, 5),
      strange,
      ...call.keys,
      ...call.content,
      call.signalling[5]!,
    ]);

    function watched(page: Page): Page {
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      return page;
    }

    async function seenBy(who: string): Promise<Page> {
      const analyst = officerConfig(home.person(who));
      const bridge = await startBridge({
        ...{ pages: await consolePages(), officer: analyst, random: systemRandom(), logger: silent, port: 0 },
        tls: loadTls(analyst.tls, Date.now()),
      });
      bridges.push(bridge);
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
      const page = watched(await context.newPage());
      await page.addInitScript(LISTEN);
      await page.goto(bridge.link);
      return page;
    }

    const door = (): string => `https://127.0.0.1:${String(home.lemf.analysts?.port)}`;

    /** A browser that shows somebody's certificate at the LEMF's own door. */
    function atDoor(who: string): Promise<BrowserContext> {
      const { certificate: certPath, privateKey: keyPath } = home.person(who).tls;
      // A browser that trusts this authority would need it in the store of the system.
      const clientCertificates = [{ origin: door(), certPath, keyPath }];
      return browser.newContext({ ignoreHTTPSErrors: true, clientCertificates });
    }

    beforeAll(async () => {
      const pages = await consolePages();
      home = await AnalystsHome.start({
        exporter: threadExporter,
        consolePages: () => Promise.resolve(pages),
      });
      browser = await chromium.launch({ executablePath: chromiumPath ?? '', args: ['--no-sandbox'] });
    }, 60_000);

    afterAll(async () => {
      await browser.close();
      for (const bridge of bridges) await bridge.close();
      await home.stop();
    });

    it('the ladder grows as records come, a step opens its record, and what is played is the WAV, sample by sample', async () => {
      const page = await seenBy('ada');
      await page.getByText('There is no call like that.').waitFor();
      await home.hand(pdus.slice(0, 1));
      await page.getByRole('link', { name: 'CIN 1' }).click();
      await page.getByRole('heading', { name: `${LIID}, CIN 1` }).waitFor();
      await page.locator('.ladder [data-step="0"]').waitFor();
      expect(await page.locator('.ladder [data-step]').count()).toBe(1);

      await home.hand(pdus.slice(1, 8));
      await page.locator('.ladder .step.key[data-step="7"]').waitFor();
      expect(await page.locator('.ladder .step').count()).toBe(8);
      expect(await page.locator('.ladder .step.marked').count()).toBe(4);

      await page.locator('.ladder [data-step="0"] .label').click({ force: true });
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('heading', { name: 'I_MESSAGE_1' }).waitFor();
      expect(await dialog.locator('.mikey > details').count()).toBeGreaterThan(4);
      expect(await faultsOfView(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      // The same by the keyboard alone: the step of a stranger, whose markup is text.
      await page.getByText('Each step, to be opened').focus();
      await page.keyboard.press('Enter');
      for (let step = 0; step < 6; step++) await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await dialog.getByText(MARKUP).first().waitFor();
      await dialog.getByRole('button', { name: 'Close' }).click();

      await home.hand(pdus.slice(8));
      const play = page.getByRole('button', { name: 'Play' });
      await play.waitFor();
      const [entry] = (await home.json<{ calls: { id: string }[] }>('/v1/calls')).calls;
      const { calls } = await home.json<{
        calls: { report: { streams: { file: string }[] } }[];
      }>(`/v1/calls/${entry!.id}`);
      const files = calls[0]!.report.streams.map(({ file }) => file);
      const wavs = files.map((file) =>
        decodeWav(new Uint8Array(readFileSync(path.join(home.folder, 'recovered', file)))),
      );
      await play.click();
      const played = await page.evaluate<number[][]>('window.played');
      expect(played.map((samples) => samples.length)).toEqual(wavs.map(({ length }) => length));
      expect(played.every((samples, at) => samples.every((sample, n) => sample === wavs[at]![n]))).toBe(true);
      // It plays to its end, and says where it is.
      await page.locator('.waveform .playhead[x1="100%"]').waitFor({ state: 'attached' });
      await page.getByText('2.0 s of 2.0 s').waitFor();
      // By the keyboard: to and fro, and played from there.
      await tabTo(page, 'Play');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Home');
      await page.getByText('0.0 s of 2.0 s').waitFor();
      for (let press = 0; press < 3; press++) await page.keyboard.press('ArrowRight');
      await page.getByText('0.3 s of 2.0 s').waitFor();
      await page.keyboard.press('Tab');
      await page.keyboard.press('ArrowDown');
      expect(await page.getByLabel('Hear').inputValue()).toBe('apart');
      await page.keyboard.press('Shift+Tab');
      await page.keyboard.press('Shift+Tab');
      await page.keyboard.press('Space');
      await page.getByRole('button', { name: 'Pause' }).waitFor();
      await page.keyboard.press('Space');
      await play.waitFor();

      expect(await page.locator('.waveform .lane').count()).toBe(2);
      expect(await page.locator('.waveform .axis-mark.key').count()).toBe(2);
      const peaks = await page.evaluate<number[][][]>(PEAKS);
      const begun = peaks.flatMap((lane, at) => (lane[0]?.[0] === 0 ? [{ lane, wav: wavs[at]! }] : []));
      expect(begun.length).toBeGreaterThan(0);
      for (const { lane, wav } of begun)
        for (const [bin = 0, height = 0] of lane) {
          const highest = wav.subarray(
            Math.floor((bin * wav.length) / 720),
            Math.floor(((bin + 1) * wav.length) / 720),
          );
          expect(Math.abs(height - heightOf(Math.max(0, ...highest), wavs)), `${bin}`).toBeLessThan(0.2);
        }
      expect(await page.locator('.spectrogram .lane path').count()).toBeGreaterThan(4);
      await page.getByText('Every stream of the call was decrypted and decoded.').waitFor();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: files[0]! }).click(),
      ]);
      expect(readFileSync(await download.path())).toEqual(
        readFileSync(path.join(home.folder, 'recovered', files[0]!)),
      );

      const [all] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'Export all of it' }).click(),
      ]);
      const listed = spawnSync('tar', ['-tf', await all.path()], { encoding: 'utf8' });
      const made = [
        ...['call.pcapng', 'ladder.svg', 'ladder.txt', 'mixed.wav', 'records.csv'],
        ...['spectrogram.svg', 'waveform.svg'],
      ];
      expect(listed.stdout.trimEnd().split('\n')).toEqual([
        ...made.map((name) => `call-_i_L1__i_-cin1/${name}`),
        'recover.json',
        ...files.toSorted(),
      ]);
      const wav = spawnSync('tar', ['-xOf', await all.path(), files[0]!]);
      expect(wav.stdout).toEqual(readFileSync(path.join(home.folder, 'recovered', files[0]!)));
      expect(
        readdirSync(path.join(home.folder, 'state')).filter((name) => name.startsWith('.export')),
      ).toEqual([]);

      expect(await page.locator('#injected, main img').count()).toBe(0);
      expect(await page.title()).toBe('Calls · Claviger');
      expect(await faultsOfView(page)).toEqual([]);
      await page.getByRole('link', { name: 'All calls' }).click();
      await page.getByRole('table', { name: `LIID ${LIID}` }).waitFor();
      expect(await faultsOfView(page)).toEqual([]);
      expect(complaints).toEqual([]);
    });

    it('at the door of the LEMF itself the browser shows the certificate of the analyst', async () => {
      const page = watched(await (await atDoor('ada')).newPage());
      await page.goto(`${door()}/console/`);
      await page.getByRole('navigation').getByRole('link', { name: 'Calls' }).waitFor({ timeout: 10_000 });
      expect(complaints).toEqual([]);
      const asked = home.audit().filter((event) => event['by'] === 'ada' && 'path' in event);
      expect(asked.map((event) => event['path'])).toContain('/console/');
    });

    it('… who sees and hears the same there', async () => {
      const page = watched(await (await atDoor('ada')).newPage());
      await page.goto(`${door()}/console/`);
      await page.getByRole('link', { name: 'CIN 1' }).click();
      await page.getByText('Every stream of the call was decrypted and decoded.').waitFor();
      expect(await page.locator('.ladder .step').count()).toBe(9);
      await page.getByRole('button', { name: 'Play' }).click();
      await page.getByRole('button', { name: 'Pause' }).waitFor();
      expect(await page.locator('#injected, main img').count()).toBe(0);
      expect(complaints).toEqual([]);
    });

    it('… and nobody else gets in there by theirs', async () => {
      for (const who of ['eve', 'anna']) {
        const context = await atDoor(who);
        const asked = await context.request.get(`${door()}/v1/calls`, { ignoreHTTPSErrors: true });
        expect([who, asked.status(), await asked.text()]).toEqual([
          who,
          403,
          expect.not.stringContaining('CIN'),
        ]);
      }
    });

    it('somebody who is named, and not an analyst, sees why, and no call', async () => {
      const page = await seenBy('anna');
      await page.getByRole('alert').getByText('not that of one person who is admitted').waitFor();
      for (const place of ['#/calls', '#/calls/x']) {
        await page.evaluate(`location.hash = ${JSON.stringify(place)}`);
        expect(await page.content()).not.toContain('CIN 1');
      }
    });
  },
);

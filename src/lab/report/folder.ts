/** From the folder that a run leaves to its page beside the record: `report.html`. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { replaceFile } from '../../storage/files.ts';
import type { DemoReport } from '../scenarios/report.ts';
import { brokenPage, reportPage } from './page.ts';
import type { BrokenRecord, PageAssets } from './page.ts';

export const PAGE = 'report.html';

/** It has what somebody said in it, which the files beside it are not open for either. */
const MODE = 0o600;
const RECORDING = /^(?:spoken|recovered)-[\w-]+\.wav$/;
const MESSAGE = /^\d+-.*\.sip$/;

/** @param out folder of the run @param summary what happens in the scenario @throws FileError */
export function writePage(out: string, report: DemoReport, summary: string): void {
  const recordings = namesIn(out).filter((name) => RECORDING.test(name));
  const signalling = path.join(out, 'signalling');
  const messages = namesIn(signalling).filter((name) => MESSAGE.test(name));
  const page = reportPage(
    {
      report,
      summary,
      recordings: new Map(
        recordings.map((name) => [name, new Uint8Array(readFileSync(path.join(out, name)))]),
      ),
      messages: messages.map((name) => new Uint8Array(readFileSync(path.join(signalling, name)))),
    },
    pageAssets(),
  );
  replaceFile(path.join(out, PAGE), page, MODE);
}

/** @throws FileError */
export function writeBrokenPage(out: string, broken: BrokenRecord): void {
  replaceFile(path.join(out, PAGE), brokenPage(broken, pageAssets()), MODE);
}

/** Style and script that come with the package. */
export function pageAssets(): PageAssets {
  const asset = (name: string): string =>
    readFileSync(new URL(`../../../assets/report/${name}`, import.meta.url), 'utf8');
  return { style: asset('report.css'), script: asset('report.js') };
}

/** In the order of their numbers. */
function namesIn(folder: string): string[] {
  return readdirSync(folder).sort((a, b) => parseInt(a, 10) - parseInt(b, 10) || (a < b ? -1 : 1));
}

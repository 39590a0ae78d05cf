/**
 * Opens a link in the browser of whoever sits at this desktop. What a program is given as arguments everybody on the
 * machine can read, and a link of the console lets in whoever comes first: the desktop's opener is given a file instead
 * that its owner alone can read, a page that leads to the link.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { markup } from '../views/markup.ts';

/** What tells whether somebody sits at a desktop. */
export interface Desktop {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether what the command prints goes to a terminal. */
  readonly isTerminal: boolean;
}

/** A link that a program was started for. */
export interface OpenedLink {
  /** Removes the page that leads to it. */
  close(): void;
}

/** The desktop of this process. */
export function ownDesktop(): Desktop {
  return { platform: process.platform, env: process.env, isTerminal: process.stdout.isTTY };
}

/** The program that opens a file as the desktop does; `null`: nobody sits at a desktop. */
export function openerOf({ platform, env, isTerminal }: Desktop): string | null {
  if (!isTerminal) return null;
  if (platform === 'darwin') return 'open';
  const displays = [env['DISPLAY'], env['WAYLAND_DISPLAY']];
  return displays.some((display = '') => display !== '') ? 'xdg-open' : null;
}

/** Has the browser open the link; `null`: nothing was started, which is not a fault: whoever asks prints the link as well. */
export async function openLink(link: string, desktop: Desktop): Promise<OpenedLink | null> {
  const opener = openerOf(desktop);
  if (opener === null) return null;
  let page: LeadingPage;
  try {
    page = leadingPage(link);
  } catch {
    return null;
  }
  if (await isStarted(opener, page.file, desktop)) return page;
  page.close();
  return null;
}

export interface LeadingPage extends OpenedLink {
  readonly file: string;
}

/** A page, in a folder of mode 0700, that leads to the link at once. */
export function leadingPage(link: string): LeadingPage {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-console-'));
  const file = path.join(folder, 'console.html');
  const close = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const text = markup`<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=${link}"><title>Claviger</title><a href="${link}">Console</a></html>`;
    writeFileSync(file, `${text.toString()}\n`, { mode: 0o600 });
  } catch (error) {
    close();
    throw error;
  }
  return { file, close };
}

/** Starts the opener, which goes its own way from then on. */
function isStarted(opener: string, file: string, { env }: Desktop): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(opener, [file], { detached: true, stdio: 'ignore', env: { ...env } });
    child.once('error', () => resolve(false));
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}

/** The link that a demo opens: where somebody sits at a desktop, and so that nobody else on the machine can read it. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openerOf, openLink } from '../../src/cli/open-link.ts';
import type { Desktop } from '../../src/cli/open-link.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-open-link-'));
afterAll(() => rmSync(folder, { recursive: true }));

const LINK = 'http://127.0.0.1:1/open/c2VjcmV0';
const atDesktop: Desktop = { platform: 'linux', env: { DISPLAY: ':0' }, isTerminal: true };

/** A desktop whose opener writes down what it was given. */
function desktopThatNotes(): { readonly desktop: Desktop; readonly given: string } {
  const bin = path.join(folder, 'bin');
  const given = path.join(folder, 'given');
  mkdirSync(bin);
  const text = `#!/bin/sh\nprintf '%s\\n' "$@" >"${given}.part"\nmv "${given}.part" "${given}"\n`;
  writeFileSync(path.join(bin, 'xdg-open'), text, { mode: 0o700 });
  const env = { ...atDesktop.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
  return { desktop: { ...atDesktop, env }, given };
}

describe('R-93: a link of the console', () => {
  it.each<[string | null, string, Partial<Desktop>]>([
    ['xdg-open', 'on a display of X', {}],
    ['xdg-open', 'on one of Wayland', { env: { WAYLAND_DISPLAY: 'wayland-0' } }],
    ['open', 'on macOS', { platform: 'darwin', env: {} }],
    [null, 'without a display', { env: { DISPLAY: '' } }],
    [null, 'where the output goes elsewhere', { isTerminal: false }],
    [null, 'where it goes elsewhere, on macOS', { platform: 'darwin', isTerminal: false }],
  ])('is opened by %s %s', (opener, _, more) => {
    expect(openerOf({ ...atDesktop, ...more })).toBe(opener);
  });

  it('is opened by a page that its owner alone can read, and stands in no argument', async () => {
    const { desktop, given } = desktopThatNotes();
    const opened = await openLink(LINK, desktop);
    await expect.poll(() => existsSync(given)).toBe(true);
    const told = readFileSync(given, 'utf8');
    expect(told).not.toContain('c2VjcmV0');
    const [file = '', ...others] = told.trimEnd().split('\n');
    expect(others).toEqual([]);
    expect(readFileSync(file, 'utf8')).toContain(`http-equiv="refresh" content="0; url=${LINK}"`);
    expect([file, path.dirname(file)].map((each) => statSync(each).mode & 0o777)).toEqual([0o600, 0o700]);
    opened?.close();
    expect(existsSync(path.dirname(file))).toBe(false);
  });

  it('is left to whoever reads it where the opener is missing', async () => {
    const env = { ...atDesktop.env, PATH: path.join(folder, 'none') };
    expect(await openLink(LINK, { ...atDesktop, env })).toBeNull();
  });
});

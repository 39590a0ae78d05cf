/** What commands say of files and sockets that they cannot use: which, why and what to do, in words. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { claviger } from './in-process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-unreadable-'));
const at = (...names: string[]): string => path.join(folder, ...names);
mkdirSync(at('a-folder'));
writeFileSync(at('a-file'), 'text\n', { mode: 0o600 });
afterAll(() => rmSync(folder, { recursive: true }));

/** Commands, each with FILE where a file is named. */
const COMMANDS = [
  'audit verify FILE',
  'audit repair FILE',
  'backup --config FILE --to OUT',
  'config check FILE',
  'drain --config FILE',
  'get-keys record FILE --secrets FILE --target sip:alice@home1.example',
  'hi1 decode FILE',
  'kms run --config FILE',
  'lemf recover --hi2 FILE --hi3 FILE --out OUT',
  'lemf retention --config FILE',
  'mikey decode FILE',
  'pki show FILE',
  'restore --from FILE --config FILE',
  'set-aside list FILE',
  'status --config FILE',
  'ue run --config FILE',
  'warrant import FILE --config FILE',
  'warrant list --config FILE',
] as const;

const told = async (command: string, file: string): Promise<string> => {
  const words = command.split(' ').map((word) => ({ FILE: file, OUT: at('out') })[word] ?? word);
  const { status, out, err } = await claviger(...words);
  expect([0, 70]).not.toContain(status);
  return out + err;
};

describe('a command that cannot read what it is given', () => {
  it.each(COMMANDS)(
    'R-80: %s says so in words, with what to do, of what is not there, is a folder, or lies below a file',
    async (command) => {
      for (const file of [at('missing'), at('a-folder'), at('a-file', 'below')]) {
        const text = await told(command, file);
        expect(text).toContain(file);
        expect(text).toContain('\n  hint: ');
        expect(text).not.toMatch(
          /\bE[A-Z]{3,}\b|undefined|no such file or directory|illegal operation|syscall/,
        );
      }
    },
  );
});

it.each(['kms', 'df', 'lemf', 'gateway'])(
  'R-80: %s run says whose configuration it was given',
  async (entity) => {
    const file = at('an-officer.json');
    const tls = { certificate: 'a.pem', privateKey: 'a.key', authorities: 'ca.pem' };
    writeFileSync(file, JSON.stringify({ url: 'https://admf.example:8443', tls, hosts: {}, lemf: {} }), {
      mode: 0o600,
    });
    const { status, err } = await claviger(entity, 'run', '--config', file);
    expect([status, err]).toEqual([
      1,
      `claviger: ${file} has the settings of officer, not of ${entity}\n  hint: Name the configuration of the ${entity}.\n`,
    ]);
  },
);

it('R-80: an entity that does not run is told of by where it would listen, and what to look at', async () => {
  const socket = at('a-folder', 'control.sock');
  // One that was left: nobody listens there any more.
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(at('other.sock'), resolve));
  const { linkSync } = await import('node:fs');
  linkSync(at('other.sock'), socket);
  await new Promise((resolve) => server.close(resolve));
  const { status, err } = await claviger('status', '--state', at('a-folder'));
  expect(status).toBe(1);
  expect(err).toContain(`${socket}: nobody listens there`);
  expect(err).toContain('hint: Does the entity run');
});

/** The examples, compiled and run in an empty project with the packed package, as a stranger would have it. */
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes/octets.ts';
import { systemClock } from '../../src/host/runtime.ts';
import { LabPki } from '../../src/lab/network/pki.ts';
import { httpsServer, listen } from '../../src/net/https.ts';
import { loadTls } from '../../src/net/tls.ts';
import { mountX1Ne } from '../../src/x1/server.ts';
import { InterceptedCall, delivered } from '../entities/lemf/call.ts';
import { ADMF, bench, NE } from '../poi/support.ts';
import { silent } from '../support/silent.ts';
import { buildOnce } from '../support/cli.ts';
import { root } from './support.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-examples-'));
const project = path.join(folder, 'project');
const installed = path.join(project, 'node_modules/claviger');
const names = readdirSync(path.join(root, 'examples'));

/**
 * Puts what the package depends on, as the lock file has it, where npm looks first: it asks no registry then. What the
 * package needs and does not name is not among it.
 */
function provideDependencies(): void {
  const lock = readFileSync(path.join(root, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(lock) as { packages: Record<string, { dev?: boolean }> };
  for (const [place, { dev }] of Object.entries(packages)) {
    const isOuter = /^node_modules\/(@[^/]+\/)?[^/]+$/.test(place);
    if (!isOuter || dev === true || !existsSync(path.join(root, place))) continue;
    cpSync(path.join(root, place), path.join(project, place), { recursive: true });
  }
  // By its links npm tells that a package with commands is whole.
  const commands = 'node_modules/.bin';
  cpSync(path.join(root, commands), path.join(project, commands), {
    recursive: true,
    verbatimSymlinks: true,
  });
}

beforeAll(async () => {
  await buildOnce();
  provideDependencies();
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const [packed] = JSON.parse(execFileSync('npm', pack, { cwd: root, encoding: 'utf8' })) as {
    filename: string;
  }[];
  writeFileSync(path.join(project, 'package.json'), '{ "private": true, "type": "module" }');
  const install = ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  const cache = ['--cache', path.join(folder, 'cache')];
  const tarball = path.join(folder, packed?.filename ?? '');
  execFileSync('npm', [...install, ...cache, tarball], { cwd: project, encoding: 'utf8' });
  mkdirSync(path.join(project, 'node_modules/@types'), { recursive: true });
  symlinkSync(path.join(root, 'node_modules/@types/node'), path.join(project, 'node_modules/@types/node'));
  cpSync(path.join(root, 'examples'), project, { recursive: true });
}, 180_000);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** What an example prints. */
async function run(
  name: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = spawn(process.execPath, [path.join(project, 'out', `${name}.js`), ...args], {
    cwd: project,
    env: { ...process.env, ...env },
  });
  let printed = '';
  let complained = '';
  child.stdout.on('data', (part: Buffer) => (printed += part.toString()));
  child.stderr.on('data', (part: Buffer) => (complained += part.toString()));
  const status = await new Promise((resolve) => child.once('close', resolve));
  expect(status, complained).toBe(0);
  return printed;
}

describe('examples in an empty project with the packed package', () => {
  it('compile against the types of the package', () => {
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    const options = [
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--types',
      'node',
      '--outDir',
      'out',
    ];
    const files = names.map((name) => path.join(project, name));
    // Throws with what the compiler says.
    execFileSync(process.execPath, [tsc, ...options, ...files], { cwd: project, encoding: 'utf8' });
    expect(readdirSync(path.join(project, 'out')).sort()).toEqual(
      names.map((name) => name.replace(/\.ts$/, '.js')).sort(),
    );
  });

  it('read-mikey describes the message in an INVITE', async () => {
    const [record] = new InterceptedCall().signalling;
    if (record?.kind !== 'sip-message') throw new Error('no SIP message');
    writeFileSync(path.join(folder, 'invite.sip'), record.sip);
    expect(await run('read-mikey', [path.join(folder, 'invite.sip')])).toMatch(/^I_MESSAGE_1, \d+ octets\n/);
  });

  it('encrypt-to-identity is read by its recipient alone', async () => {
    const printed = await run('encrypt-to-identity');
    expect(printed).toMatch(/^\d+ octets for sip:Alice@home1\.example\nthe same key\nnothing for bob\n$/);
  });

  it('agree-keys gives both the same keys and prints none', async () => {
    const printed = await run('agree-keys');
    const [alice, bob] = [...printed.matchAll(/reads (\S+)/g)].map(([, sas]) => sas);
    expect(alice).toMatch(/^\w{4}-\w{4}-\w{4}$/);
    expect(bob).toBe(alice);
    expect(printed).toContain('[secret]');
    expect(printed).toMatch(/\nthe same keys\n$/);
  });

  it('read-handover lists what a LEMF was given', async () => {
    const call = new InterceptedCall();
    const [hi2, hi3] = [path.join(folder, 'hi2.ber'), path.join(folder, 'hi3.ber')];
    writeFileSync(hi2, concat(...delivered([...call.signalling, ...call.keys])));
    writeFileSync(hi3, concat(...delivered(call.content)));
    const printed = await run('read-handover', [hi2, hi3]);
    expect(printed).toContain('number 0: INVITE sip:');
    expect(printed).toContain('keys of crypto session 1');
    expect(printed).toContain(`\n${call.content.length} packets of content\n`);
  });

  it('ask-x1 gets the status of an element', async () => {
    const clock = systemClock();
    const pki = await LabPki.create(folder, clock.now());
    const files = await pki.issue({ commonName: NE, dnsNames: [NE], roles: ['cscf'] });
    const own = await pki.issue({ commonName: ADMF, dnsNames: [ADMF], roles: ['admf'] });
    const server = httpsServer({
      name: 'test',
      logger: silent,
      tls: loadTls(files, clock.now()),
      authentication: 'mutual',
    });
    mountX1Ne(server, (await bench(clock)).handler);
    try {
      const port = await listen(server, '127.0.0.1', 0);
      const args = [
        `https://${NE}:${port}/X1/NE`,
        ADMF,
        NE,
        own.certificate,
        own.privateKey,
        own.authorities,
      ];
      expect(await run('ask-x1', args, { ADDRESS: '127.0.0.1' })).toBe(`${NE}: OK\n`);
    } finally {
      await server.close();
    }
  });
});

describe('the package', () => {
  it('has its command, which runs with the packages that it names and no other', () => {
    const command = path.join(project, 'node_modules/.bin/claviger');
    expect(execFileSync(command, ['--version'], { cwd: project, encoding: 'utf8' })).toMatch(
      /^\d+\.\d+\.\d+\n$/,
    );
    const others = readdirSync(path.join(project, 'node_modules'));
    expect(others).not.toContain('vitest');
    expect(execFileSync(command, ['demo', '--help'], { cwd: project, encoding: 'utf8' })).toContain('--seed');
  });

  it('has the sources that its source maps name', () => {
    const map = path.join(installed, 'dist/mikey/message.js.map');
    const { sources } = JSON.parse(readFileSync(map, 'utf8')) as { sources: string[] };
    expect(sources).toHaveLength(1);
    expect(readFileSync(path.resolve(path.dirname(map), sources[0] ?? ''), 'utf8')).toContain(
      'decodeMessage',
    );
  });

  it.each(['claviger/entities/kms/xk', 'claviger/cli/main', 'claviger'])('keeps %s closed', (door) => {
    const script = `import(${JSON.stringify(door)}).then(() => 'open', ({ code }) => code).then(console.log)`;
    const printed = execFileSync(process.execPath, ['-e', script], { cwd: project, encoding: 'utf8' });
    expect(printed.trim()).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});

/** What the demo refuses before it begins; whole runs are in test/e2e. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runDemo } from '../../../src/lab/scenarios/demo.ts';
import type { DemoOptions } from '../../../src/lab/scenarios/scenario.ts';
import { parseFaults } from '../../../src/lab/scenarios/faults.ts';
import { prepareOut, writeReport } from '../../../src/lab/scenarios/out-folder.ts';
import { findPorts } from '../../../src/lab/network/ports.ts';
import type { ScenarioEntry } from '../../../src/lab/scenarios/catalogue.ts';
import { plain } from '../../../src/lab/scenarios/named/plain.ts';
import { ownPorts } from '../../support/own-ports.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-lab-'));
afterAll(() => rmSync(folder, { recursive: true }));

function refused(out: string, options: Partial<DemoOptions> = {}): Promise<void> {
  const run = runDemo({ out, target: 'none', faults: [], revealSecrets: false, ...options });
  return expect(run).rejects.toMatchObject({ name: 'LabError', code: 'options' });
}

/** A folder with empty files of these names; a name that ends in `/` is a folder. */
function holding(name: string, entries: readonly string[]): string {
  const at = path.join(folder, name);
  mkdirSync(at);
  for (const entry of entries) {
    if (entry.endsWith('/')) mkdirSync(path.join(at, entry));
    else writeFileSync(path.join(at, entry), '');
  }
  return at;
}

describe('the folder for what a run leaves', () => {
  it.each([
    ['things of somebody else', ['notes.txt']],
    ['a report and things of somebody else', ['report.json', 'signalling/', 'package.json', 'src/']],
    ['parts of a run without its report', ['home1/', 'spoken-alice.wav']],
  ])('with %s is refused, and nothing is touched', async (name, entries) => {
    const out = holding(name, entries);
    await refused(out);
    expect(readdirSync(out).sort()).toEqual(entries.map((entry) => entry.replace('/', '')).sort());
  });

  it('is refused while another process writes to it, and taken when that has gone', async () => {
    const out = path.join(folder, 'written');
    const other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
    const gone = new Promise((resolve) => other.once('exit', resolve));
    mkdirSync(path.join(out, 'signalling'), { recursive: true });
    writeReport(out, { state: 'running', pid: other.pid ?? 0 });
    await refused(out);
    expect(readdirSync(out).sort()).toEqual(['report.json', 'signalling']);
    other.kill();
    await gone;
    prepareOut(out);
    expect(readdirSync(out)).toEqual(['report.json']);
  });

  it('is not touched where a capture is asked for that cannot be', async () => {
    const out = holding('captured', ['report.json']);
    await refused(out, { pcap: path.join(folder, 'call.pcap'), processes: true });
    await refused(out, { pcap: path.join(out, 'report.json') });
    expect(readdirSync(out)).toEqual(['report.json']);
  });

  it('is refused where a file is', async () => {
    const file = path.join(folder, 'file');
    writeFileSync(file, '');
    await refused(file);
  });
});

describe('faults', () => {
  it('each is there once, however often it is named', () => {
    const names = ['kms-down=home1', 'ue-ignores-seed=bob', 'kms-down=home1', 'ue-ignores-seed=bob'];
    expect(parseFaults(names, ['alice', 'bob'])).toEqual({
      phones: { bob: ['ue-ignores-seed'] },
      outages: [{ entity: 'kms', home: 'home1' }],
    });
  });
});

describe('options that make no sense', () => {
  it.each<[string, Partial<DemoOptions>]>([
    ['a fault that is none', { faults: ['sun-down=home1'] }],
    ['a fault of a home that is none', { faults: ['kms-down=home3'] }],
    ['a fault of a user who is none', { faults: ['ue-ignores-seed=carol'] }],
    ['a scenario that does not exist', { scenario: 'plane' }],
    ['a target that the scenario does not have', { target: 'carol' }],
    ['no speech at all', { seconds: 0 }],
    ['more speech than there is', { seconds: 9 }],
    ['times without an outage', { from: 5 }],
    ['times for a phone’s fault', { faults: ['ue-ignores-seed=alice'], to: 5 }],
  ])('%s: refused before a folder is made', async (_, options) => {
    const out = path.join(folder, 'never');
    await refused(out, options);
    expect(existsSync(out)).toBe(false);
  });

  it('R-93: a run that fails says so where its report would be, and on its page', async () => {
    const block = await findPorts(null);
    const out = path.join(folder, 'failed');
    try {
      const run = runDemo({ out, target: 'none', faults: [], revealSecrets: false, portBase: block.base });
      await expect(run).rejects.toMatchObject({ name: 'LabError', code: 'ports' });
    } finally {
      block.release();
    }
    expect(JSON.parse(readFileSync(path.join(out, 'report.json'), 'utf8'))).toMatchObject({
      state: 'failed',
      error: expect.stringMatching(/are taken/) as string,
    });
    expect(readFileSync(path.join(out, 'report.html'), 'utf8')).toMatch(
      /did not come to its end[^]*are taken/,
    );
  });

  it.each([80, 64_961, 70_000])('port %d as the first: refused', async (portBase) => {
    await refused(path.join(folder, 'ports'), { portBase });
  });

  it('a port that something listens on for UDP alone: refused, as for TCP', async () => {
    const own = await ownPorts();
    const taken = await occupied(own.base + 3);
    try {
      await expect(findPorts(own.base)).rejects.toMatchObject({ name: 'LabError', code: 'ports' });
    } finally {
      await new Promise<void>((resolve) => taken.close(resolve));
      own.release();
    }
  });

  const code = { code: 'EADDRINUSE', syscall: 'listen' };

  it.each([
    ['is tried again elsewhere, three times in all', {}, Object.assign(new Error('listen'), code), 3],
    [
      'is not tried again where its ports were asked for',
      { portBase: 0 },
      Object.assign(new Error('listen'), code),
      1,
    ],
    ['is tried again where a process says so in words', {}, new Error('another program listens there'), 3],
    ['is not tried again where that was not it', {}, new Error('nobody listens there'), 1],
  ])('a run of which a port is taken while it starts %s', async (name, asked, cause, attempts) => {
    const out = path.join(folder, name);
    let begun = 0;
    const configure = (party: string): never => {
      if (party === 'kms.home1') begun++;
      throw new Error(`${party} did not start`, { cause });
    };
    const entry: ScenarioEntry = {
      ...{ name: 'taken', summary: '', targets: ['none'] },
      load: () => Promise.resolve({ ...plain, configure }),
    };
    const own = await ownPorts();
    const options = {
      out,
      faults: [],
      revealSecrets: false,
      ...('portBase' in asked ? { portBase: own.base } : {}),
    };
    await expect(runDemo(options, entry)).rejects.toThrow('kms.home1 did not start');
    own.release();
    expect(begun).toBe(attempts);
    expect(JSON.parse(readFileSync(path.join(out, 'report.json'), 'utf8'))).toMatchObject({
      state: 'failed',
    });
  });
});

function occupied(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.bind(port, '127.0.0.1', () => resolve(socket));
  });
}

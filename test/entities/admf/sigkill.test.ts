/**
 * The process of an ADMF, killed by SIGKILL while officers change warrants and elements are told: what it had answered for
 * is on record, its audit log is unbroken, and the elements come to hold what the record says.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OfficerApi } from '../../../src/cli/officer/api.ts';
import { buildOnce, cli } from '../../support/cli.ts';
import { OfficersHome } from './http/door.ts';
import { drawing } from './mortal.ts';

const SLOW = process.env['CLAVIGER_SLOW'] !== undefined;
const KILLS = SLOW ? 200 : 2;
const WARRANTS = 8;
const SEED = Number(process.env['CLAVIGER_SEED'] ?? Date.now() % 1_000_000);

let home: OfficersHome;
let file: string;
/** The same, where no element can be reached. */
let alone: string;

beforeAll(async () => {
  await buildOnce();
  home = await OfficersHome.start();
  await home.admf.stop();
  file = path.join(home.folder, 'admf.json');
  alone = path.join(home.folder, 'alone.json');
  const settings = { ...home.settings(), approval: 'one', drainMs: 50 };
  const hosts = Object.fromEntries(
    ['cscf', 'gateway', 'df', 'kms'].map((kind) => [`${kind}.home1.example`, '127.0.0.1:1']),
  );
  writeFileSync(file, JSON.stringify(settings), { mode: 0o600 });
  writeFileSync(alone, JSON.stringify({ ...settings, hosts }), { mode: 0o600 });
}, 300_000);
afterAll(() => home.stop());

/** The ADMF as a process, once it listens. @returns the port of its door for officers, too */
async function start(config: string): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const args = [cli, 'admf', 'run', '--config', config, '--log', 'silent'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the ADMF ended with ${code ?? 'a signal'}`)));
  });
  const { officers } = JSON.parse(line) as { readonly officers: { readonly port: number } };
  return { child, port: officers.port };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** Something that an officer may do; most of it is refused in most states. @returns the LIID, if it was answered as done */
function act(
  api: OfficerApi,
  draw: (below: number) => number,
  liid = `L${draw(WARRANTS)}`,
): Promise<string | null> {
  const endTime = new Date(Date.now() + 3_600_000 + draw(1000) * 1000).toISOString();
  const lemf = { hi2: { host: 'lemf.example', port: 7512 }, hi3: { host: 'lemf.example', port: 7513 } };
  const warrant = {
    ...{ liid, delivery: 'IRI+CC', endTime, lemf },
    targets: [{ name: 'sipUri', value: `sip:${liid.toLowerCase()}@home1.example` }],
  };
  const reason = 'ordered';
  const acts: (readonly [string, object])[] = [
    ['enter', { warrant, submit: true }],
    ['amend', { changes: { endTime }, reason }],
    ['amend', { changes: { delivery: ['IRI', 'IRI+CC'][draw(2)] }, reason }],
    ['suspend', { reason }],
    ['resume', { reason }],
    ['extend', { endTime, reason }],
    ['withdraw', { reason }],
  ];
  const [name, body] = acts[draw(acts.length)] ?? ['enter', {}];
  const place = name === 'enter' ? '/v1/warrants' : `/v1/warrants/${liid}/${name}`;
  return api
    .post(place, body, (json) => json)
    .then(
      () => liid,
      () => null,
    );
}

describe(
  `R-90: the process of an ADMF that is killed ${KILLS} times (seed ${SEED})`,
  { timeout: 7_200_000 },
  () => {
    it('R-90: leaves what the next one brings to an end', async () => {
      // Titles are shown of what fails alone.
      console.info(`CLAVIGER_SEED=${SEED}`);
      const draw = drawing(SEED);
      const { tls } = await home.officer('anna');
      const door = (port: number): OfficerApi => {
        const hosts = { 'admf.home1.example': `127.0.0.1:${port}` };
        return new OfficerApi({ url: 'https://admf.home1.example', tls, hosts, timeoutMs: 30_000 });
      };
      /** LIIDs, one for each act that was answered as done. */
      const answered: string[] = [];
      for (let kills = 0; kills < KILLS; kills += 1) {
        const { child, port } = await start(file);
        const api = door(port);
        const own: string[] = [];
        let isOver = false;
        const officer = async (): Promise<void> => {
          while (!isOver) {
            const done = await act(api, draw);
            if (done !== null) own.push(done);
          }
        };
        const officers = [officer(), officer(), officer()];
        // However slow the machine is: some changes are done, others under way.
        for (const most = 1 + draw(10); own.length < most;) await sleep(1 + draw(10));
        await kill(child);
        isOver = true;
        await Promise.all(officers);
        await api.close();
        answered.push(...own);
      }
      // The last has told nobody of what it has put on record.
      const last = await start(alone);
      const api = door(last.port);
      for (let done: string | null = null; done === null;) {
        done = await act(api, draw, 'LAST');
        if (done !== null) answered.push(done);
      }
      await kill(last.child);
      await api.close();
      await home.restart();
      const { admf, desk } = home.admf;
      // What drains ends, and what was half done is done, when the elements have answered.
      const isOpen = ({ state }: { readonly state: string }): boolean =>
        ['approved', 'provisioning', 'suspending', 'ending'].includes(state);
      await expect.poll(() => desk.list().filter(isOpen), { timeout: 30_000 }).toEqual([]);
      await admf.reconcile();
      expect(desk.list().map(({ warrant }) => warrant.liid)).toEqual(
        expect.arrayContaining([...new Set(answered)]),
      );
      expect(await admf.verify()).toEqual([]);
      // Whatever was answered is on record.
      for (const liid of new Set(answered)) {
        const own = (await desk.history(liid)).filter(({ by }) => by === 'anna');
        expect(own.length).toBeGreaterThanOrEqual(answered.filter((each) => each === liid).length);
      }
      expect(answered.length).toBeGreaterThanOrEqual(KILLS);
      // Unbroken, whatever was being written.
      expect(home.audit().filter(({ kind }) => kind === 'warrant-entered').length).toBeGreaterThan(0);
    });
  },
);

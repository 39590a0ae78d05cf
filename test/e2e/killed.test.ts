/**
 * LEMF and DF as processes of their own, killed by SIGKILL in mid-call and started again: nothing is lost or doubled on
 * the way from the points of interception to the LEMF, and the audio is recovered from what the files hold.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareSamples, placeCall, spoken } from '../../src/lab/scenarios/call.ts';
import type { CallOutcome } from '../../src/lab/scenarios/call.ts';
import { Network } from '../../src/lab/network/network.ts';
import { Timeline } from '../../src/lab/timeline.ts';
import { issueWarrant } from '../../src/lab/network/officer.ts';
import { warrantOn } from '../../src/lab/scenarios/warrants.ts';
import { decodeWav } from '../../src/media/wav.ts';
import { buildOnce, cli } from '../support/cli.ts';
import {
  claviger,
  octetsOf,
  pdusOf,
  recordsOf,
  sequenceNumbers,
  shortRecordings,
  temporaryFolder,
  until,
} from './support.ts';

const folder = temporaryFolder();
const out = folder.at('out');
const state = folder.at('state');
const lemfFolder = path.join(state, 'home1', 'lemf');
const recordings = shortRecordings(5);
const running = new Map<'df' | 'lemf', EntityProcess>();
/** When each entity was killed, and when its successor was ready: milliseconds on the timeline. */
const outages: { readonly entity: string; readonly killed: number; readonly back: number }[] = [];
let network: Network;
let call: CallOutcome;

interface EntityProcess {
  kill(): Promise<void>;
}

/** `claviger ENTITY run --config FILE`, once it is ready. */
async function start(entity: 'df' | 'lemf'): Promise<void> {
  const file = folder.at(`${entity}.json`);
  writeFileSync(file, JSON.stringify(network.configOf(entity, 'home1')), { mode: 0o600 });
  const args = [cli, entity, 'run', '--config', file, '--log', 'error'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  running.set(entity, {
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
  });
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', () => resolve());
    child.once('exit', (code) => reject(new Error(`${entity} ended with ${code ?? 'a signal'}`)));
  });
}

beforeAll(async () => {
  await buildOnce();
  const timeline = new Timeline(() => performance.now());
  const leaveOut = (['df', 'lemf'] as const).map((entity) => ({ entity, home: 'home1' as const }));
  const users = { home1: ['alice'], home2: ['bob'] };
  network = await Network.start({ state, out, users, timeline, leaveOut });
  await Promise.all([start('lemf'), start('df')]);
  await network.register();
  await issueWarrant(network.running('admf', 'home1'), warrantOn(network, 'alice', Date.now()));

  const crash = async (entity: 'df' | 'lemf'): Promise<() => Promise<void>> => {
    await running.get(entity)?.kill();
    const killed = timeline.elapsed();
    await sleep(300);
    const back = start(entity).then(() => outages.push({ entity, killed, back: timeline.elapsed() }));
    return async () => {
      await back;
    };
  };
  const speaking = new Promise<void>((resolve) => {
    const poll = setInterval(() => {
      // Content has begun to arrive at the LEMF.
      if (octetsOf(lemfFolder, 'hi3.ber').length < 10_000) return;
      clearInterval(poll);
      resolve();
    }, 20);
  });
  const crashes = speaking.then(async () => {
    const lemf = await crash('lemf');
    await sleep(300);
    const df = await crash('df');
    await Promise.all([lemf(), df()]);
  });
  const elapsed = (): number => timeline.elapsed();
  call = await placeCall(network, { caller: 'alice', callee: 'bob', recordings, elapsed });
  await crashes;
  for (const element of ['cscf', 'gateway'] as const) {
    expect(await network.running(element, 'home1').drain(20_000)).toBe(true);
  }
  await until('the LEMF has everything', () => {
    const carried = pdusOf(out, 'home1', 'x2').length + pdusOf(out, 'home1', 'x3').length;
    const records = recordsOf(lemfFolder, 'hi2.ber').filter(({ sipMessage }) => sipMessage !== undefined);
    const packets = Object.values(sequenceNumbers(lemfFolder, 'hi3.ber')).flat().length;
    return records.length + packets >= carried;
  });
}, 180_000);

afterAll(async () => {
  await network.stop();
  for (const entity of running.values()) await entity.kill();
  folder.remove();
});

describe('LEMF, then DF killed by SIGKILL in mid-call', () => {
  it('both were away while the call was up', () => {
    expect(outages.map(({ entity }) => entity).sort()).toEqual(['df', 'lemf']);
    for (const { killed, back } of outages) {
      expect(killed).toBeGreaterThan(call.times.established);
      expect(killed).toBeLessThan(call.times.ended);
      expect(back).toBeGreaterThan(killed);
    }
  });

  it('R-22 R-23: the call is unaffected', () => {
    expect(call.caller.sas).not.toBeNull();
    expect(call.caller.sas).toBe(call.callee.sas);
    expect(compareSamples(call.callee.heard, spoken(recordings.alice))).toMatchObject({ equal: true });
    expect(compareSamples(call.caller.heard, spoken(recordings.bob))).toMatchObject({ equal: true });
  });

  it('R-20 R-23: sequence numbers per LIID and CIN are 0…n−1, and n is what X2 and X3 carried', () => {
    const [x2, x3] = [pdusOf(out, 'home1', 'x2'), pdusOf(out, 'home1', 'x3')];
    const hi2 = sequenceNumbers(lemfFolder, 'hi2.ber');
    const hi3 = sequenceNumbers(lemfFolder, 'hi3.ber');
    expect(Object.keys(hi2)).toEqual(['LIID-ALICE 1']);
    expect(Object.keys(hi3)).toEqual(['LIID-ALICE 1']);
    expect(once(hi2['LIID-ALICE 1'])).toEqual([...Array(x2.length + 2).keys()]);
    expect(once(hi3['LIID-ALICE 1'])).toEqual([...Array(x3.length).keys()]);
    const sent = [call.caller, call.callee].reduce((sum, { statistics }) => sum + statistics.sent.packets, 0);
    expect(x3).toHaveLength(sent);
    expect(x2).toHaveLength(10);
  });

  it('nothing is doubled at the LEMF', () => {
    for (const name of ['hi2.ber', 'hi3.ber']) {
      for (const numbers of Object.values(sequenceNumbers(lemfFolder, name))) {
        expect(numbers).toEqual(once(numbers));
      }
    }
  });

  it('R-13: a new process recovers the audio from the two files', async () => {
    const [hi2, hi3] = ['hi2.ber', 'hi3.ber'].map((name) => path.join(lemfFolder, name));
    const into = folder.at('audio');
    const { status, stderr } = await claviger(
      ...['lemf', 'recover', '--hi2', hi2 ?? '', '--hi3', hi3 ?? '', '--out', into],
    );
    expect(status, stderr).toBe(0);
    for (const speaker of ['alice', 'bob'] as const) {
      const recovered = decodeWav(octetsOf(into, `recovered-LIID-ALICE-cin1-${speaker}.wav`));
      expect(compareSamples(recovered, spoken(recordings[speaker]))).toMatchObject({ equal: true });
    }
  });
});

/** Sorted, each number once. */
function once(numbers: readonly number[] = []): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

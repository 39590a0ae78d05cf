/** Attacks on interception itself: calls left up, decoys, what a LEMF or a DF keeps, and what an element holds. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { toBase64 } from '../../src/bytes/octets.ts';
import { admfConfig } from '../../src/entities/admf/config.ts';
import { entered } from '../../src/entities/admf/acts.ts';
import { startAdmf } from '../../src/entities/admf/start.ts';
import { SqliteAdmfStore } from '../../src/entities/admf/store/sqlite.ts';
import type { WarrantRecord } from '../../src/entities/admf/warrants.ts';
import { systemClock, systemRandom } from '../../src/host/runtime.ts';
import { decoysOf } from '../e2e/spelt-calls.ts';
import { spellings } from '../sip/spellings.ts';
import type { Spelling } from '../sip/spellings.ts';
import { silent } from '../support/silent.ts';
import { allRun, must } from './cases.ts';
import type { FloodCase } from './cases.ts';
import type { FloodedNetwork } from './flooded-network.ts';
import { CALL_IDLE_MS, CALLS_OF_ONE, MALLORY, OSCAR, PAT } from './flooded-network.ts';
import { callWithMedia, HostilePhone, mediaPortIn, mediaSocket, rtp, sdp } from './hostile-phone.ts';

const LEFT_MS = 40_000;

/** Waits for a thing to be so. @throws Error saying that it is not */
async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + LEFT_MS; performance.now() < end;) {
    if (await condition()) return;
    await sleep(500);
  }
  throw new Error(`not within ${LEFT_MS / 1000} s: ${what}`);
}

const leftUp: FloodCase = {
  requirement: 'R-65',
  attack: 'calls that are answered under two tags and never ended, as many as a subscriber may have',
  run: async (network) => {
    const phone = await HostilePhone.register(network, PAT);
    try {
      for (let at = 0; at < CALLS_OF_ONE; at++) {
        const ok = await phone.callOneself(`left-up-${at}`, '', ['one', 'other']);
        must(ok.startsWith('SIP/2.0 200'), `call ${at} was answered ${ok.slice(8, 30)}`);
      }
      const beyond = await phone.callOneself('beyond');
      must(beyond.startsWith('SIP/2.0 486'), `one more was answered ${beyond.slice(8, 30)}`);
      const { keys } = await network.interceptedCall();
      let again = 0;
      await until('they are forgotten', async () =>
        (await phone.callOneself(`again-${again++}`)).startsWith('SIP/2.0 200'),
      );
      return `${CALLS_OF_ONE} stood, one more had 486, alice’s call ${keys} keys; after ${CALL_IDLE_MS / 1000} s they were forgotten`;
    } finally {
      phone.close();
    }
  },
};

/** What fits into a message of 64 KiB. */
const DECOYS = 35;

const decoysOfACallee: FloodCase = {
  requirement: 'R-66',
  attack: `${DECOYS} decoys of R_MESSAGE_1 by the callee in a 183, and as many in an INFO, before the real one`,
  run: async (network) => {
    const plain = (mikey: Uint8Array): Spelling => {
      const [first] = spellings(toBase64(mikey));
      if (first === undefined) throw new Error('no spelling');
      return first;
    };
    const calls = await network.keyedCalls();
    try {
      const callId = 'decoys.flood.example';
      const call = await calls.invite(callId, plain);
      await call.agree((rMessage1) => decoysOf(rMessage1, DECOYS, plain));
      const { keys } = await network.handedOver(callId, 0);
      await until('the LEMF is told of what was not asked', async () => {
        const { failures } = await network.handedOver(callId, 0);
        return failures > 0;
      });
      await call.end();
      return `the LEMF has ${keys} keys of the call, and is told that something was not asked`;
    } finally {
      await calls.stop();
    }
  },
};

/** More than elements could once name in one answer: 660 a DF, 1,437 a CSCF. */
const TASKS = 1_500;

function recordOf(network: FloodedNetwork, at: number): WarrantRecord {
  const warrant = network.warrant(`flood${at}`);
  const xid = `f100d000-0000-4000-8000-${at.toString(16).padStart(12, '0')}`;
  const given = { warrant, xid, reference: null, emergency: false, imported: false };
  const { record } = entered(given, { by: 'flood' });
  return { ...record, state: 'active', version: 1, approvals: ['flood'] };
}

const manyTasks: FloodCase = {
  requirement: 'R-69',
  attack: `an ADMF that starts with ${TASKS} warrants of which no element knows, and is asked for them again`,
  run: async (network, strength) => {
    const count = TASKS * strength;
    const config = admfConfig(network.configOf('admf', 'home1'));
    await network.end('admf', 'home1');
    const store = await SqliteAdmfStore.open(config.store ?? ':memory:');
    const known = (await store.load()).warrants.length;
    await store.saveWarrants(
      Array.from({ length: count }, (_, at) => recordOf(network, at)),
      [],
    );
    await store.close();
    const runtime = { clock: systemClock(), random: systemRandom(), logger: silent };
    const running = await startAdmf(config, runtime);
    let keys = 0;
    try {
      const began = performance.now();
      [{ keys }] = await Promise.all([network.interceptedCall(), running.admf.reconcile()]);
      const took = (performance.now() - began) / 1000;
      const findings = await running.admf.verify();
      must(findings.length === 0, `${findings.length} tasks are not as they must be`);
      const held = running.admf.list().filter(({ state }) => state === 'active').length;
      must(held === count + known, `${held} warrants are in force`);
      return `${held} tasks at each of four elements after ${took.toFixed(0)} s; a call amid that has ${keys} keys`;
    } finally {
      await running.stop();
      await network.startAgain('admf', 'home1');
    }
  },
};

const circle: FloodCase = {
  requirement: 'R-71',
  attack: 'two subscribers, one of each home, who point their gateways at each other',
  run: async (network) => {
    const [one, other] = [
      await HostilePhone.register(network, MALLORY),
      await HostilePhone.register(network, OSCAR, 'home2'),
    ];
    const [media, otherMedia] = [await mediaSocket(), await mediaSocket()];
    const callId = 'circle';
    try {
      one.send('INVITE', other.aor, callId, sdp('127.0.0.1', media.address().port));
      const invite = await other.request('INVITE', callId);
      other.accept(invite, sdp('127.0.0.1', otherMedia.address().port));
      const ok = await one.response('INVITE', callId);
      one.within(ok, 'ACK');
      one.within(ok, 'INVITE', sdp('127.0.0.1', mediaPortIn(invite)));
      other.accept(await other.request('INVITE', callId), sdp('127.0.0.1', mediaPortIn(ok)));
      const again = await one.response('INVITE', callId);
      one.within(again, 'ACK');
      for (let at = 0; at < 50; at++) {
        media.send(rtp(at, 160 * at), mediaPortIn(ok), '127.0.0.1');
        await sleep(20);
      }
      const { keys, content } = await network.interceptedCall();
      one.within(again, 'BYE');
      // Either it has been forgotten by now, or the other side is to answer.
      const left = other.request('BYE', callId).then((bye) => other.raw.answer(bye, '200 OK'));
      left.catch(() => undefined);
      await one.response('BYE', callId);
      let passed = -1;
      await until('what goes round ends with the call', () => {
        const before = passed;
        passed = network.contentOf(callId);
        return passed === before;
      });
      return `of 50 packets the LEMF has ${passed} until the call ended; another’s amid them has ${keys} keys and ${content} packets`;
    } finally {
      for (const each of [one, other, media, otherMedia]) each.close();
    }
  },
};

const MESSAGES = 100;

const lemfAway: FloodCase = {
  requirement: 'R-73',
  attack: `${MESSAGES} messages of 55 kB of a target, and a call of another, while their LEMF is away`,
  run: async (network, strength) => {
    await network.end('lemf', 'home1');
    const phone = await HostilePhone.register(network, MALLORY);
    let callId: string;
    try {
      for (let at = 0; at < MESSAGES * strength; at++) {
        const own = `outbox-${at}.example`;
        phone.send('MESSAGE', phone.aor, own, 'x'.repeat(55_000));
        phone.raw.answer(await phone.request('MESSAGE', own), '200 OK');
        await phone.response('MESSAGE', own);
      }
      callId = await network.call();
    } finally {
      phone.close();
      await network.startAgain('lemf', 'home1');
    }
    const { keys, content } = await network.handedOver(callId);
    const messages = network.messagesWith('outbox-');
    must(messages >= MESSAGES * strength, `of the messages the LEMF has ${messages}`);
    const most = allRun(network);
    return `once it was back it got all ${messages} PDUs of them, and the call: ${keys} keys, ${content} packets; ${most.toFixed(0)} MB`;
  },
};

/** The least that may be set, and more than that of media. */
const BACKLOG = 4 << 20;
const PACKETS = 6_000;

const backlogFull: FloodCase = {
  requirement: 'R-56',
  attack: `${PACKETS} packets of 1.2 kB of a target while the LEMF is away, whose backlog at the DF is bounded to 4 MiB`,
  run: async (network, strength) => {
    await network.end('lemf', 'home1');
    await network.end('df', 'home1');
    await network.startAgain('df', 'home1', { handover: { backlogOctets: BACKLOG } });
    let callId: string;
    try {
      const packets = Array.from({ length: PACKETS * strength }, (_, at) =>
        Buffer.concat([rtp(at, 160 * at), Buffer.alloc(1000)]),
      );
      await callWithMedia(network, MALLORY, 'backlog', (plain) => plain, packets, 30);
      callId = await network.call();
    } finally {
      await network.startAgain('lemf', 'home1');
    }
    const { keys, content } = await network.handedOver(callId);
    await until('the LEMF is told that content gave way', () =>
      network.alarmsOf(MALLORY).some((text) => text.includes('HI3 gives way')),
    );
    must(
      network.alarmsOf('alice').every((text) => !text.includes('HI3 gives way')),
      'content of another gave way',
    );
    const flood = network.contentOf('backlog');
    must(flood < PACKETS * strength, 'nothing gave way: the flood was too small');
    await network.end('df', 'home1');
    await network.startAgain('df', 'home1');
    return `of the flood ${flood} packets were kept, and it is said that others gave way; a call after it has ${keys} keys and ${content} packets; ${allRun(network).toFixed(0)} MB`;
  },
};

/** Octets that recovered audio may have after it. */
const MOST_AUDIO = 64 << 20;

const silenceBombs: FloodCase = {
  requirement: 'R-73',
  attack: '80 RTP packets of a target with timestamps hours apart, of four sources',
  run: async (network, strength) => {
    const packets = Array.from({ length: 80 * strength }, (_, at) =>
      rtp(at >> 2, (at >> 2) * 2 ** 30, 0x0b000000 + (at % 4)),
    );
    await callWithMedia(network, MALLORY, 'silence', (plain) => plain, packets);
    const report = path.join(network.recovered, 'recover.json');
    await until('the LEMF says that it has shortened silence', () =>
      readFileSync(report, 'utf8').includes('silence shortened'),
    );
    const files = readdirSync(network.recovered, { recursive: true, withFileTypes: true });
    const octets = files
      .filter((each) => each.isFile())
      .reduce((sum, { parentPath, name }) => sum + statSync(path.join(parentPath, name)).size, 0);
    must(octets < MOST_AUDIO, `${octets} octets were recovered`);
    const { keys } = await network.interceptedCall();
    return `all that is recovered is ${(octets / 1e6).toFixed(1)} MB, and it is said; the next call has ${keys} keys; ${allRun(network).toFixed(0)} MB`;
  },
};

export const INTERCEPTION_CASES: readonly FloodCase[] = [
  leftUp,
  decoysOfACallee,
  circle,
  lemfAway,
  backlogFull,
  silenceBombs,
  manyTasks,
];

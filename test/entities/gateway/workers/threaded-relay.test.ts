/** Media in threads, over real sockets: relayed, intercepted, and ended with the thread, as where control relays them. */
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MediaDestinations } from '../../../../src/entities/gateway/destinations.ts';
import { MediaGateway } from '../../../../src/entities/gateway/gateway.ts';
import { shareOfPorts } from '../../../../src/entities/gateway/workers/relay-orders.ts';
import { ThreadedRelay } from '../../../../src/entities/gateway/workers/threaded-relay.ts';
import { systemClock } from '../../../../src/host/runtime.ts';
import type { Clock } from '../../../../src/bytes/ports.ts';
import type { Match, Observation, TaskChange } from '../../../../src/poi/poi.ts';
import type { WantedSession } from '../../../../src/wire/iq/sessions.ts';
import { DIRECTION } from '../../../../src/wire/x2x3/pdu.ts';
import { ownPorts } from '../../../support/own-ports.ts';
import type { OwnPorts } from '../../../support/own-ports.ts';
import { silent } from '../../../support/silent.ts';
import { calls } from '../../../net/polled/polled-sockets.ts';
import { Party } from '../party.ts';

const ALICE = 'sip:alice@home1.example';
const BOB = 'sip:bob@home2.example';
const THREADS = 2;

const found = await calls();

describe.each([['Node.js', null], ...(found === null ? [] : [['the C library', found] as const])] as const)(
  'with sockets of %s',
  (_, sockets) => {
    let alice: Party;
    let bob: Party;
    let block: OwnPorts;
    let relay: ThreadedRelay;
    let gateway: MediaGateway;
    let workers: Worker[];
    let reported: { observation: Observation; matches: readonly Match[] }[];
    /** XID of a target. */
    let targets: Map<string, string>;
    let revision: number;
    let listeners: ((change: TaskChange) => void)[];
    /** What the clock does not do yet; `null`: it does all in its time. */
    let held: (() => void)[] | null;
    /** What the ADMF is told. */
    let issues: string[];
    /** Of content that nobody has: how much of which tasks, and why. */
    let missed: (readonly [number, readonly string[], string | undefined])[];

    const noteWorker = (worker: Worker): void => void workers.push(worker);

    beforeEach(async () => {
      [alice, bob, block] = [await Party.open(), await Party.open(), await ownPorts()];
      [workers, reported, listeners, revision] = [[], [], [], 0];
      [issues, missed, held] = [[], [], null];
      targets = new Map<string, string>();
      process.on('worker', noteWorker);
      const media = { address: '127.0.0.1', from: block.base, to: block.base + 31 };
      const system = systemClock();
      const clock: Clock = {
        now: () => system.now(),
        after: (ms, action) => system.after(ms, () => (held === null ? action() : void held.push(action))),
      };
      relay = new ThreadedRelay({
        ports: media,
        threads: THREADS,
        maxPacketRate: 100_000,
        destinations: { media },
        calls: sockets,
        issues: {
          elementIssue: (text) => void issues.push(text),
          elementCleared: () => void issues.push('over'),
        },
        clock,
        logger: silent,
      });
      gateway = new MediaGateway({
        relay,
        destinations: new MediaDestinations({ media }),
        poi: {
          report: (observation, matches) => void reported.push({ observation, matches }),
          missed: (_, matches, count, why) =>
            void missed.push([count, matches.map(({ task: { xid } }) => xid), why]),
        },
        issues: { taskIssue: (xid, text) => void issues.push(`${xid}: ${text}`) },
        tasks: {
          get revision() {
            return revision;
          },
          match: (names) =>
            names.flatMap((name) => {
              const xid = targets.get(name);
              return xid === undefined
                ? []
                : [{ task: { xid, deliveryType: 'X3Only' as const, dids: ['d'] } }];
            }),
          onChange: (listener) => void listeners.push(listener),
        },
        clock,
        logger: silent,
      });
      await relay.started();
      expect(gateway.ports.free).toBe(16);
    });

    afterEach(async () => {
      process.off('worker', noteWorker);
      await gateway.stop();
      for (const each of [alice, bob]) each.close();
      block.release();
    });

    /** What X1 does when a task comes or goes. */
    function task(change: () => void): void {
      change();
      revision++;
      for (const listener of listeners) listener({ xid: 'x', keys: new Set() });
    }

    const wanted = (more: Partial<WantedSession> = {}): WantedSession => ({
      correlation: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      parties: { a: [ALICE], b: [BOB] },
      sdps: { a: null, b: null },
      streams: [{ a: alice.at, b: bob.at }],
      ...more,
    });

    async function open(id: string) {
      const [stream] = await gateway.put(id, wanted());
      return stream!;
    }

    const texts = (): string[] =>
      reported.map(({ observation }) => Buffer.from(observation.payload).toString());

    describe('R-53: media in threads', () => {
      test('are relayed both ways, each thread on its part of the ports, and a session by one of them', async () => {
        const [first, second] = [await open('one'), await open('two')];
        const half = (port: number): number => Math.floor((port - block.base) / 16);
        expect([half(first.a.port), half(first.b.port)]).toEqual([0, 0]);
        expect([half(second.a.port), half(second.b.port)]).toEqual([1, 1]);
        const both = { a: alice.at, b: bob.at };
        const [, third] = await gateway.put('two', wanted({ streams: [both, both] }));
        expect(half(third!.a.port)).toBe(1);
        for (const { a, b } of [first, third!]) {
          alice.say(`to ${a.port}`, a);
          await bob.hears(bob.got.length + 1);
          bob.say(`to ${b.port}`, b);
          await alice.hears(alice.got.length + 1);
        }
        expect(bob.got).toEqual([`to ${first.a.port}`, `to ${third!.a.port}`]);
        await expect.poll(() => gateway.counts('one')).toEqual([{ received: 2, refused: 0, excess: 0 }]);
      });

      test('are copied, each packet once, in order, described, and the last of a call as well', async () => {
        targets.set(ALICE, 'x');
        const { a, b } = await open('call');
        for (let n = 0; n < 200; n++) {
          alice.say(`a${n}`, a);
          await bob.hears(n + 1);
          bob.say(`b${n}`, b);
          await alice.hears(n + 1);
        }
        expect(await gateway.delete('call')).toBe(true);
        await expect.poll(() => reported.length).toBe(400);
        expect(texts()).toEqual(Array.from({ length: 200 }, (_, n) => [`a${n}`, `b${n}`]).flat());
        const [{ observation }] = reported as [(typeof reported)[0]];
        expect(observation).toMatchObject({ source: alice.at, destination: a, ipProtocol: 17 });
        expect(Math.abs(observation.time - Date.now())).toBeLessThan(60_000);
        expect(reported.slice(0, 2).map(({ matches }) => matches[0]?.direction)).toEqual([
          DIRECTION.fromTarget,
          DIRECTION.toTarget,
        ]);
        await expect.poll(() => gateway.ports).toMatchObject({ free: 16, used: 0 });
      });

      test('R-24: a task that comes in mid-call takes effect, and one that goes', async () => {
        const { a } = await open('call');
        alice.say('before', a);
        await bob.hears(1);
        task(() => targets.set(BOB, 'y'));
        // What a thread is told goes before what it hears from now on: an order to each, answered, says that it has been told.
        for (const id of ['told', 'told as well']) await open(id);
        alice.say('during', a);
        await bob.hears(2);
        await expect.poll(texts).toEqual(['during']);
        task(() => targets.clear());
        alice.say('after', a);
        await bob.hears(3);
        await gateway.delete('call');
        await expect.poll(() => gateway.ports.used).toBe(4);
        expect(texts()).toEqual(['during']);
      });

      test('R-24: a task that comes right after another changed takes effect as well', async () => {
        const { a } = await open('call');
        task(() => undefined);
        await Promise.resolve();
        task(() => targets.set(BOB, 'y'));
        await expect
          .poll(() => {
            alice.say('during', a);
            return texts().length;
          })
          .toBeGreaterThan(0);
      });

      test('a part of the ports is an even number of pairs, and all parts are the whole', () => {
        for (const threads of [1, 2, 3, 7]) {
          const shares = shareOfPorts({ from: 20_001, to: 20_100 }, threads);
          expect([shares[0]!.from, shares.at(-1)!.to]).toEqual([20_002, 20_099]);
          shares.forEach(({ from, to }, n) => {
            expect(from % 2).toBe(0);
            if (n > 0) expect(from).toBe(shares[n - 1]!.to + 1);
            expect(to).toBeGreaterThan(from);
          });
        }
      });
    });

    describe('a thread that ends', () => {
      test('takes its sessions with it and no others, is counted, and another has its ports', async () => {
        const [first, second] = [await open('one'), await open('two')];
        await workers[0]!.terminate();
        await expect.poll(() => gateway.sessions).toBe(1);
        expect(relay.threads).toEqual({ running: 1, lost: 1, missed: 0 });
        expect(gateway.counts('one')).toBeNull();
        bob.say('still', second.b);
        expect(await alice.hears(1)).toEqual(['still']);
        await expect.poll(() => gateway.ports).toMatchObject({ free: 14, used: 2 });
        expect(relay.threads.running).toBe(2);
        const again = await open('one');
        expect(again.a.port - block.base).toBeLessThan(16);
        expect(first.a.port).toBe(again.a.port);
        alice.say('again', again.a);
        expect(await bob.hears(1)).toEqual(['again']);
      });

      test('R-56: the ADMF is told of it, and of each task whose content has ended; the content lacks a number', async () => {
        targets.set(ALICE, 'x');
        const [first] = [await open('one'), await open('two')];
        task(() => targets.set(BOB, 'y'));
        alice.say('content', first.a);
        await expect.poll(texts).toContain('content');
        await workers[0]!.terminate();
        await expect.poll(() => issues.length).toBe(3);
        const ended = 'content of a call has ended with the thread that relayed it (1 of this task)';
        expect(issues.slice(0, 2).sort()).toEqual([`x: ${ended}`, `y: ${ended}`]);
        expect(issues[2]).toMatch(
          new RegExp(`ports ${block.base} to ${block.base + 15} has ended.*\\(1 streams of 1 threads`),
        );
        expect(missed).toEqual([[1, ['x', 'y'], 'the thread that relayed a call has ended']]);
      });

      test('R-56: of calls that nobody intercepts no task hears', async () => {
        await open('one');
        await workers[0]!.terminate();
        await expect.poll(() => issues.length).toBe(1);
        expect(missed).toEqual([[1, [], expect.anything()]]);
      });

      test('R-72: whoever asks hears of its sessions and of no others, until they are opened again', async () => {
        const [known] = [await gateway.losses.since(null), await open('one'), await open('two')];
        const told = gateway.losses.since(known);
        await workers[0]!.terminate();
        expect(await told).toEqual({ run: known.run, next: 1, sessions: ['one'], isWhole: true });
        expect([gateway.has('one'), gateway.has('two')]).toEqual([false, true]);
        await open('one');
        expect(await gateway.losses.since({ ...known, next: 0 })).toMatchObject({ next: 1, sessions: [] });
      });

      test('while none runs, a session is refused for the moment and leaves nothing', async () => {
        held = [];
        await Promise.all(workers.map((worker) => worker.terminate()));
        await expect.poll(() => relay.threads.running).toBe(0);
        await expect(gateway.put('call', wanted())).rejects.toMatchObject({ code: 'no-ports' });
        expect([gateway.sessions, gateway.ports.free]).toEqual([0, 0]);
        await expect.poll(() => held?.length).toBe(2);
        for (const again of held.splice(0)) again();
        held = null;
        await expect.poll(() => gateway.ports.free).toBe(16);
        await open('call');
      });

      test('while it is to anchor a stream, the session is refused and leaves no ports used', async () => {
        await open('one');
        const adding = gateway.put('one', wanted({ streams: Array(4).fill({ a: alice.at, b: bob.at }) }));
        void workers[0]!.terminate();
        await expect(adding).rejects.toMatchObject({ code: 'no-ports' });
        expect(gateway.sessions).toBe(0);
        await expect.poll(() => gateway.ports).toMatchObject({ free: 16, used: 0 });
      });
    });
  },
);

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WantedSession } from '../../../src/wire/iq/sessions.ts';
import { decodeAnchored, decodeWanted, encodeAnchored, encodeWanted } from '../../../src/wire/iq/sessions.ts';
import type { MediaGateway } from '../../../src/entities/gateway/gateway.ts';
import type { Match, Observation } from '../../../src/poi/poi.ts';
import { DIRECTION } from '../../../src/wire/x2x3/pdu.ts';
import { udpDatagrams } from '../../../src/net/datagrams.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';
import { localGateway } from './local-gateway.ts';
import { Party } from './party.ts';

describe('media gateway over real sockets', () => {
  let alice: Party;
  let bob: Party;
  let intruder: Party;
  let gateway: MediaGateway;
  let clock: ManualClock;
  let tasks: { revision: number; match(identities: readonly string[]): readonly Match[] };
  let reported: { observation: Observation; matches: readonly Match[] }[];
  const targets = new Map<string, string>();

  beforeEach(async () => {
    [alice, bob, intruder] = [await Party.open(), await Party.open(), await Party.open()];
    clock = new ManualClock();
    reported = [];
    targets.clear();
    tasks = {
      revision: 0,
      match: (identities) =>
        identities.flatMap((identity) => {
          const xid = targets.get(identity);
          return xid === undefined ? [] : [{ task: { xid, deliveryType: 'X3Only' as const, dids: ['d'] } }];
        }),
    };
    gateway = localGateway({
      datagrams: udpDatagrams(silent),
      ports: { address: '127.0.0.1', from: 21000, to: 21100 },
      poi: { report: (observation, matches) => void reported.push({ observation, matches }) },
      tasks,
      clock,
      logger: silent,
      idleMs: 60_000,
    });
  });

  afterEach(async () => {
    await gateway.stop();
    for (const party of [alice, bob, intruder]) party.close();
  });

  const wanted = (more: Partial<WantedSession> = {}): WantedSession => ({
    correlation: Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]),
    parties: { a: ['sip:alice@home1.example'], b: ['sip:bob@home2.example'] },
    sdps: { a: 'sdp of a', b: 'sdp of b' },
    streams: [{ a: alice.at, b: bob.at }],
    ...more,
  });

  const open = async (more: Partial<WantedSession> = {}) => {
    const [stream] = await gateway.put('s1', wanted(more));
    return stream!;
  };

  test('relays both ways, octets untouched, on even ports', async () => {
    const { a, b } = await open();
    expect([a.port % 2, b.port % 2]).toEqual([0, 0]);
    alice.say('\x80from alice', a);
    expect(await bob.hears(1)).toEqual(['\x80from alice']);
    bob.say('from bob', b);
    expect(await alice.hears(1)).toEqual(['from bob']);
  });

  test('RTCP goes between the odd ports, or where a=rtcp says', async () => {
    const { a } = await open({ streams: [{ a: alice.at, b: { ...bob.at, rtcp: intruder.at } }] });
    alice.say('rtcp', { ...a, port: a.port + 1 });
    expect(await intruder.hears(1)).toEqual(['rtcp']);
  });

  test.each([['RTP at port 65535 has no port for RTCP after it', { address: '127.0.0.1', port: 65535 }]])(
    'what cannot be sent is lost and harms nothing: %s',
    async (_, nowhere) => {
      const { a } = await open({ streams: [{ a: alice.at, b: nowhere }] });
      alice.say('rtp', a);
      alice.say('rtcp', { ...a, port: a.port + 1 });
      while (gateway.counts('s1')?.[0]?.received !== 2) await new Promise(setImmediate);
      await open();
      alice.say('rtp again', a);
      expect(await bob.hears(1)).toEqual(['rtp again']);
    },
  );

  test('asking again keeps the ports; a changed SDP address is followed', async () => {
    const first = await open({ streams: [{ a: alice.at, b: null }] });
    alice.say('lost: nobody is there yet', first.a);
    while (gateway.counts('s1')?.[0]?.received !== 1) await new Promise(setImmediate);
    const second = await open();
    expect(second).toEqual(first);
    const third = await open({ streams: [{ a: alice.at, b: intruder.at }] });
    alice.say('moved', third.a);
    expect(await intruder.hears(1)).toEqual(['moved']);
    expect(bob.got).toEqual([]);
  });

  test('a party behind a NAT is answered where its packets come from (R-54)', async () => {
    const { a, b } = await open({ streams: [{ a: { address: '192.0.2.1', port: 4000 }, b: bob.at }] });
    alice.say('hello', a);
    await bob.hears(1);
    bob.say('hello back', b);
    expect(await alice.hears(1)).toEqual(['hello back']);
  });

  test('an intruder’s packets are neither relayed nor reported, and do not divert the call', async () => {
    targets.set('sip:alice@home1.example', 'x');
    const { a, b } = await open();
    alice.say('1', a);
    await bob.hears(1);
    intruder.say('let me in', a);
    alice.say('2', a);
    expect(await bob.hears(2)).toEqual(['1', '2']);
    bob.say('3', b);
    expect(await alice.hears(1)).toEqual(['3']);
    expect(intruder.got).toEqual([]);
    expect(reported).toHaveLength(3);
    expect(gateway.counts('s1')).toEqual([{ received: 3, refused: 1, excess: 0 }]);
  });

  test('whoever comes first with a guessed port does not keep the party out', async () => {
    const { a, b } = await open();
    intruder.say('first', a);
    await bob.hears(1);
    alice.say('second', a);
    expect(await bob.hears(2)).toEqual(['first', 'second']);
    bob.say('to alice', b);
    expect(await alice.hears(1)).toEqual(['to alice']);
  });

  test('every stream of a call is anchored and reported, a disabled one is not (R-53)', async () => {
    targets.set('sip:bob@home2.example', 'x');
    const streams = await gateway.put(
      's1',
      wanted({ streams: [{ a: alice.at, b: bob.at }, null, { a: alice.at, b: bob.at }] }),
    );
    expect(streams[1]).toBeNull();
    alice.say('audio', streams[0]!.a);
    alice.say('video', streams[2]!.a);
    expect((await bob.hears(2)).sort()).toEqual(['audio', 'video']);
    expect(reported.map(({ matches }) => matches[0]?.direction)).toEqual([
      DIRECTION.toTarget,
      DIRECTION.toTarget,
    ]);
  });

  test('each packet is reported once per task, with direction, addresses, time, correlation and first the SDP', async () => {
    targets.set('sip:alice@home1.example', 'x');
    targets.set('sip:bob@home2.example', 'y');
    const { a, b } = await open();
    alice.say('1', a);
    await bob.hears(1);
    bob.say('2', b);
    await alice.hears(1);
    alice.say('3', a);
    await bob.hears(2);
    const seen = reported.map(({ observation, matches }) => [
      Buffer.from(observation.payload).toString(),
      matches.map((match) => [match.task.xid, match.direction]),
      observation.sdp,
    ]);
    expect(seen).toEqual([
      ['1', [['x', DIRECTION.fromTarget]], 'sdp of a'],
      ['1', [['y', DIRECTION.toTarget]], 'sdp of a'],
      ['2', [['x', DIRECTION.toTarget]], 'sdp of b'],
      ['2', [['y', DIRECTION.fromTarget]], 'sdp of b'],
      ['3', [['x', DIRECTION.fromTarget]], undefined],
      ['3', [['y', DIRECTION.toTarget]], undefined],
    ]);
    expect(reported[0]?.observation).toMatchObject({
      interface: 'x3',
      source: alice.at,
      destination: a,
      ipProtocol: 17,
      time: clock.now(),
      correlation: Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]),
    });
  });

  test('a task that comes in mid-call takes effect with the next packet, and one that goes as well (R-24)', async () => {
    const { a } = await open();
    alice.say('before', a);
    await bob.hears(1);
    targets.set('sip:alice@home1.example', 'x');
    tasks.revision++;
    alice.say('during', a);
    await bob.hears(2);
    targets.clear();
    tasks.revision++;
    alice.say('after', a);
    await bob.hears(3);
    expect(reported.map(({ observation }) => Buffer.from(observation.payload).toString())).toEqual([
      'during',
    ]);
  });

  test('a call of the target with itself is reported once', async () => {
    targets.set('sip:alice@home1.example', 'x');
    const { a } = await open({ parties: { a: ['sip:alice@home1.example'], b: ['sip:alice@home1.example'] } });
    alice.say('1', a);
    await bob.hears(1);
    expect(reported.map(({ matches }) => matches.map((match) => match.direction))).toEqual([
      [DIRECTION.several],
    ]);
  });

  test('interception that fails does nothing to the call (R-23)', async () => {
    targets.set('sip:alice@home1.example', 'x');
    tasks.match = () => {
      throw new Error('broken');
    };
    const { a, b } = await open();
    alice.say('1', a);
    await bob.hears(1);
    bob.say('2', b);
    expect(await alice.hears(1)).toEqual(['2']);
    expect(reported).toEqual([]);
  });

  test('calls of others leave nothing', async () => {
    targets.set('sip:carol@home1.example', 'x');
    const { a } = await open();
    alice.say('1', a);
    await bob.hears(1);
    expect(reported).toEqual([]);
  });

  test('an ended session frees its ports; ending it again is false', async () => {
    const first = await open();
    expect(await gateway.delete('s1')).toBe(true);
    expect(await gateway.delete('s1')).toBe(false);
    expect(gateway.ports).toMatchObject({ free: 50, used: 0 });
    expect((await open()).a.port).toBeGreaterThan(first.b.port);
  });

  test('ports run out with an error, and the sessions that are up stay', async () => {
    const small = localGateway({
      datagrams: udpDatagrams(silent),
      ports: { address: '127.0.0.1', from: 21200, to: 21205 },
      poi: { report: () => {} },
      tasks,
      clock,
      logger: silent,
      maxSessions: 2,
    });
    const [one] = await small.put('one', wanted());
    await expect(small.put('two', wanted())).rejects.toMatchObject({ code: 'no-ports' });
    expect(small.sessions).toBe(1);
    alice.say('still', one!.a);
    expect(await bob.hears(1)).toEqual(['still']);
    await small.delete('one');
    await small.put('two', wanted());
    await small.put('three', wanted({ streams: [null] }));
    await expect(small.put('four', wanted({ streams: [] }))).rejects.toMatchObject({ code: 'too-many' });
    await small.stop();
    expect(small.sessions).toBe(0);
  });

  test('a session without media or control for the idle time is ended, others stay', async () => {
    await open();
    clock.advance(45_000);
    await gateway.put('s2', wanted());
    clock.advance(30_000);
    expect(gateway.sessions).toBe(1);
    expect(gateway.counts('s1')).toBeNull();
  });

  test('a session in which only media pass stays, until they stop for the idle time', async () => {
    const { a } = await open();
    clock.advance(45_000);
    alice.say('still here', a);
    await bob.hears(1);
    clock.advance(45_000);
    expect(gateway.sessions).toBe(1);
    clock.advance(30_000);
    expect(gateway.sessions).toBe(0);
  });
});

describe('control messages', () => {
  const session: WantedSession = {
    correlation: Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 255]),
    parties: { a: ['sip:alice@home1.example', 'tel:+123'], b: [] },
    sdps: { a: 'v=0', b: null },
    streams: [null, { a: { address: '127.0.0.1', port: 4000, rtcp: { address: '::1', port: 9 } }, b: null }],
  };
  const json = (value: unknown): Record<string, unknown> =>
    JSON.parse(JSON.stringify(value)) as Record<string, unknown>;

  test('decode(encode(x)) = x', () => {
    expect(decodeWanted(json(encodeWanted(session)))).toEqual(session);
    const answer = [null, { a: { address: '127.0.0.1', port: 2 }, b: { address: '127.0.0.1', port: 4 } }];
    expect(decodeAnchored(json(encodeAnchored(answer)))).toEqual(answer);
  });

  test('a party may have many identities, more than a description has streams', () => {
    const many = Array.from({ length: 40 }, (_, i) => `tel:+1555${i}`);
    const wanted = { ...session, parties: { a: many, b: [] } };
    expect(decodeWanted(json(encodeWanted(wanted)))).toEqual(wanted);
  });

  test.each([
    ['correlation', { correlation: 'zz' }],
    ['parties', { parties: null }],
    ['parties.a[0]', { parties: { a: [1], b: [] } }],
    ['parties.a', { parties: { a: new Array(257).fill('x'), b: [] } }],
    ['sdps.a', { sdps: { a: 'x'.repeat(70_000), b: null } }],
    ['streams', { streams: new Array(17).fill(null) }],
    ['streams[0].a.address', { streams: [{ a: { address: 'localhost', port: 1 }, b: null }] }],
    ['streams[0].a.port', { streams: [{ a: { address: '127.0.0.1', port: 0 }, b: null }] }],
    ['streams[0].b', { streams: [{ a: null }] }],
  ])('%s is checked', (field, wrong) => {
    const message = { ...json(encodeWanted(session)), ...wrong };
    expect(() => decodeWanted(message)).toThrow(
      expect.objectContaining({ code: 'malformed', message: expect.stringContaining(`${field}:`) as string }),
    );
  });
});

/** Where a party is, while it moves: what is handed on, what is reported, and where answers go. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { NetworkAddress } from '../../../src/bytes/network-address.ts';
import type { MediaGateway } from '../../../src/entities/gateway/gateway.ts';
import { encodeRtcp } from '../../../src/media/rtcp.ts';
import { toHex, utf8 } from '../../../src/bytes/octets.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';
import { FakeSockets, rtp } from './fake-sockets.ts';
import { localGateway } from './local-gateway.ts';

const at = (port: number, address = '127.0.0.1'): NetworkAddress => ({ address, port });
const [ALICE, MOVED, BOB, STRANGER] = [at(40_000), at(40_100), at(50_000), at(60_000)];
const BEHIND_NAT = at(4000, '192.0.2.10');

let sockets: FakeSockets;
let clock: ManualClock;
let gateway: MediaGateway;
let reported: { readonly octets: string; readonly from: number | undefined }[];
/** Where the gateway receives from alice and from bob. */
let a: NetworkAddress;
let b: NetworkAddress;

async function put(alice: NetworkAddress): Promise<void> {
  const [stream] = await gateway.put('call', {
    correlation: new Uint8Array(8),
    parties: { a: ['sip:alice@home1.example'], b: [] },
    sdps: { a: null, b: null },
    streams: [{ a: alice, b: BOB }],
  });
  ({ a, b } = stream!);
}

beforeEach(() => {
  sockets = new FakeSockets();
  clock = new ManualClock();
  reported = [];
  gateway = localGateway({
    datagrams: sockets,
    ports: { address: '127.0.0.1', from: 20_000, to: 20_100 },
    poi: {
      report: ({ payload, source }) => void reported.push({ octets: toHex(payload), from: source?.port }),
    },
    tasks: {
      revision: 1,
      match: (names) =>
        names.length === 0 ? [] : [{ task: { xid: 'x', deliveryType: 'X3Only', dids: ['d'] } }],
    },
    clock,
    logger: silent,
    maxPacketRate: 100,
  });
});

/** Whether a packet that arrives from alice’s side is handed on to bob; it must be reported just then. */
function taken(octets: Uint8Array, from: NetworkAddress, to = a): boolean {
  const before = [sockets.sent.length, reported.length];
  sockets.arrive(octets, from, to);
  const after = [sockets.sent.length, reported.length];
  expect(after[0]! - before[0]!).toBe(after[1]! - before[1]!);
  return after[0]! > before[0]!;
}

/** Where what bob says goes. */
function answersGo(): number | undefined {
  sockets.arrive(rtp(1, 0xb0b), BOB, b);
  return sockets.sent.at(-1)?.to.port;
}

describe('R-71: after a re-INVITE with a new address', () => {
  test('one late packet from the old port is handed on and reported, and does not win the latch', async () => {
    await put(ALICE);
    expect(taken(rtp(1), ALICE)).toBe(true);
    await put(MOVED);
    expect(taken(rtp(2), ALICE)).toBe(true);
    expect(answersGo()).toBe(MOVED.port);
    clock.advance(1500);
    expect(taken(rtp(3), ALICE)).toBe(true);
    expect(answersGo()).toBe(MOVED.port);
    expect(taken(rtp(4), MOVED)).toBe(true);
    expect(answersGo()).toBe(MOVED.port);
    expect(reported.filter(({ from }) => from === ALICE.port)).toHaveLength(3);
  });

  test('a party behind a NAT: the late packet from its old mapping loses against the new one', async () => {
    const [before, after] = [at(61_000, '203.0.113.1'), at(61_002, '203.0.113.1')];
    await put(BEHIND_NAT);
    taken(rtp(1), before);
    await put({ ...BEHIND_NAT, port: 4002 });
    taken(rtp(2), before);
    expect(taken(rtp(3), after)).toBe(true);
    expect(taken(rtp(4), before)).toBe(true);
    expect(answersGo()).toBe(after.port);
  });

  test('stragglers are taken for two seconds, then the old place is anywhere', async () => {
    await put(ALICE);
    taken(rtp(1), ALICE);
    await put(MOVED);
    expect(taken(rtp(100, 0x9999), ALICE)).toBe(true);
    clock.advance(2000);
    expect(taken(utf8('not of the stream'), ALICE)).toBe(false);
  });

  test('a party that goes on from where it was is followed there after a second', async () => {
    await put(BEHIND_NAT);
    taken(rtp(1), ALICE);
    await put({ ...BEHIND_NAT, port: 4002 });
    for (let n = 2; n < 6; n++) {
      taken(rtp(n), ALICE);
      expect(answersGo()).toBe(4002);
      clock.advance(250);
    }
    taken(rtp(6), ALICE);
    expect(answersGo()).toBe(ALICE.port);
  });

  test('the address that it comes from already changes nothing', async () => {
    await put(BEHIND_NAT);
    taken(rtp(1), ALICE);
    await put(ALICE);
    expect(answersGo()).toBe(ALICE.port);
    expect(taken(rtp(2), ALICE)).toBe(true);
  });
});

describe('R-71: a NAT that changes its mapping in mid-call', () => {
  test('is followed when the old source has been silent for a second and the new one goes on; X3 has both all the while', async () => {
    await put(ALICE);
    taken(rtp(65_535), ALICE);
    expect(taken(rtp(0), MOVED)).toBe(true);
    clock.advance(500);
    expect(taken(rtp(1), MOVED)).toBe(true);
    expect(answersGo()).toBe(ALICE.port);
    clock.advance(499);
    expect(taken(rtp(2), MOVED)).toBe(true);
    expect(answersGo()).toBe(ALICE.port);
    clock.advance(1);
    expect(taken(rtp(3), MOVED)).toBe(true);
    expect(answersGo()).toBe(MOVED.port);
    expect(reported.map(({ from }) => from).filter((from) => from !== BOB.port)).toEqual([
      ALICE.port,
      ...new Array<number>(4).fill(MOVED.port),
    ]);
  });

  test('is not followed while the old source still speaks, and X3 has both', async () => {
    await put(ALICE);
    for (let n = 1; n < 60; n += 2) {
      expect(taken(rtp(n), ALICE)).toBe(true);
      expect(taken(rtp(n + 1), MOVED)).toBe(true);
      expect(answersGo()).toBe(ALICE.port);
      clock.advance(100);
    }
  });

  test('one late packet from the old mapping, though the SDP names it, does not take the media back', async () => {
    await put(ALICE);
    taken(rtp(1), ALICE);
    clock.advance(1000);
    taken(rtp(3), MOVED);
    taken(rtp(4), MOVED);
    expect(answersGo()).toBe(MOVED.port);
    expect(taken(rtp(2), ALICE)).toBe(true);
    expect(answersGo()).toBe(MOVED.port);
  });

  test.each([
    ['another SSRC', rtp(11, 0xbad)],
    ['a packet that was sent before', rtp(10)],
    ['one of long ago', rtp(0xffff & (10 - 3000))],
    ['a number that is too far on', rtp(10 + 3001)],
    ['RTCP', encodeRtcp([{ kind: 'rr', ssrc: 0x1234_5678, reports: [] }])],
    ['a text', utf8('INVITE sip:bob@home2.example SIP/2.0\r\n\r\n')],
    ['nothing', new Uint8Array()],
  ])('a stranger who sends %s gets nothing of a party that is silent, twice neither', async (_, octets) => {
    await put(ALICE);
    taken(rtp(10), ALICE);
    clock.advance(5000);
    expect([taken(octets, STRANGER), taken(octets, STRANGER)]).toEqual([false, false]);
    expect(answersGo()).toBe(ALICE.port);
  });

  test('RTCP follows RTP, by the SSRC of its sender, and to nowhere else', async () => {
    const odd = (address: NetworkAddress) => ({ ...address, port: address.port + 1 });
    const report = encodeRtcp([{ kind: 'rr', ssrc: 0x1234_5678, reports: [] }]);
    const foreign = at(61_001, '203.0.113.1');
    await put(ALICE);
    taken(rtp(1), ALICE);
    taken(report, odd(ALICE), odd(a));
    clock.advance(1000);
    expect(taken(report, foreign, odd(a))).toBe(false);
    taken(rtp(2), MOVED);
    taken(rtp(3), MOVED);
    expect([taken(report, odd(MOVED), odd(a)), taken(report, odd(MOVED), odd(a))]).toEqual([true, true]);
    sockets.arrive(report, odd(BOB), odd(b));
    expect(sockets.sent.at(-1)?.to).toEqual(odd(MOVED));
  });
});

describe('R-71: nothing goes round', () => {
  test('a forged source that is a port of the gateway itself, or of signalling, is not latched to', async () => {
    await put(BEHIND_NAT);
    for (const forged of [b, a, at(20_050), at(5060), at(1023)]) expect(taken(rtp(1), forged)).toBe(false);
    expect(taken(rtp(1), ALICE)).toBe(true);
    clock.advance(1000);
    expect([taken(rtp(2), b), taken(rtp(3), b)]).toEqual([false, false]);
    expect(answersGo()).toBe(ALICE.port);
  });

  test('what comes faster than media do is not handed on, and counted; strangers use nothing of it up', async () => {
    await put(ALICE);
    taken(rtp(0), ALICE);
    for (let n = 0; n < 500; n++) sockets.arrive(utf8('flood'), STRANGER, a);
    for (let n = 1; n < 150; n++) sockets.arrive(rtp(n), ALICE, a);
    expect(gateway.counts('call')).toEqual([{ received: 100, refused: 500, excess: 50 }]);
    expect(sockets.sent).toHaveLength(100);
    clock.advance(1000);
    expect(taken(rtp(150), ALICE)).toBe(true);
  });
});

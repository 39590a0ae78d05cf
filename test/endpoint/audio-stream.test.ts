import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeG711, encodeG711 } from '../../src/media/g711.ts';
import { decodeRtpHeader } from '../../src/media/rtp.ts';
import { AudioStream } from '../../src/endpoint/audio-stream.ts';
import { randomOrigin } from '../../src/endpoint/rtp-origin.ts';
import { Player, packetise } from '../../src/endpoint/player.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { keying, Wire } from './wire.ts';

const speech = (length: number) => Int16Array.from({ length }, (_, i) => 8000 * Math.sin(i / 9));
const heardOf = (samples: Int16Array) => decodeG711(encodeG711(samples, 'pcma'), 'pcma');

function pair(wire: Wire, clock: ManualClock) {
  const stream = (ssrc: number) =>
    new AudioStream({
      sockets: { rtp: wire.socket(), rtcp: wire.socket() },
      origin: { ssrc, sequenceNumber: 0x7fff, timestamp: 2 ** 32 - 200 },
      clock,
    });
  const [a, b] = [stream(1), stream(2)];
  a.connect({ remote: b.local, listens: true }, 'pcma');
  b.connect({ remote: a.local, listens: true }, 'pcma');
  return { a, b };
}

describe('an audio stream between two endpoints', () => {
  test('what is played is heard sample by sample, both ways, whatever the length', async () => {
    const [wire, clock] = [new Wire(), new ManualClock()];
    const { a, b } = pair(wire, clock);
    a.secure({ send: keying(1, 1), receive: keying(2, 2) });
    b.secure({ send: keying(2, 2), receive: keying(1, 1) });
    const [one, two] = [speech(1000), speech(3333)];
    const played = Promise.all([a.play(one), b.play(two)]);
    clock.advance(1000);
    await played;
    expect(b.heard()).toEqual(heardOf(one));
    expect(a.heard()).toEqual(heardOf(two));
    expect(a.statistics).toEqual({
      sent: { ssrc: 1, packets: 7 },
      received: { ssrc: 2, packets: 21, refused: 0 },
    });
  });

  test('nothing is sent and nothing is heard without keys', () => {
    const [wire, clock] = [new Wire(), new ManualClock()];
    const { a, b } = pair(wire, clock);
    void a.play(speech(320));
    clock.advance(100);
    expect(wire.sent).toEqual([]);
    wire.deliver(new Uint8Array(40), a.local, b.local);
    expect(b.statistics.received).toEqual({ ssrc: 0, packets: 0, refused: 1 });
  });

  test('altered, replayed, truncated and foreign packets are refused and leave the recording alone', async () => {
    const [wire, clock] = [new Wire(), new ManualClock()];
    const { a, b } = pair(wire, clock);
    a.secure({ send: keying(1, 1), receive: keying(2, 2) });
    b.secure({ send: keying(2, 2), receive: keying(1, 1) });
    const played = a.play(speech(480));
    clock.advance(100);
    await played;
    const before = b.heard();
    const [first] = wire.sent;
    const altered = first!.octets.slice();
    altered[20] = altered[20]! ^ 1;
    const foreign = first!.octets.slice();
    foreign[11] = 77;
    for (const octets of [first!.octets, altered, foreign, first!.octets.subarray(0, 9), new Uint8Array()]) {
      wire.deliver(octets, a.local, b.local);
    }
    expect(b.heard()).toEqual(before);
    expect(b.statistics.received).toEqual({ ssrc: 1, packets: 3, refused: 5 });
  });

  test('whatever octets arrive, they are counted and nothing else happens', () => {
    const [wire, clock] = [new Wire(), new ManualClock()];
    const { a, b } = pair(wire, clock);
    b.secure({ send: keying(2, 2), receive: keying(1, 1) });
    let count = 0;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (octets) => {
        wire.deliver(octets, a.local, b.local);
        count++;
        const { received } = b.statistics;
        const { reports } = b.stream;
        expect(received.refused + reports.refused).toBe(count);
        expect([received.packets, reports.received]).toEqual([0, 0]);
        expect(b.heard()).toHaveLength(0);
      }),
    );
  });

  test('speech is in packets of 20 ms, the first of which is marked, and the last as long as what is left', () => {
    const packets = packetise(speech(500), 'pcmu');
    expect(packets.map(({ offset }) => offset)).toEqual([0, 160, 320, 480]);
    expect(packets.map(({ payload }) => payload.length)).toEqual([160, 160, 160, 20]);
    const [wire, clock] = [new Wire(), new ManualClock()];
    const { a } = pair(wire, clock);
    a.secure({ send: keying(1, 1), receive: keying(2, 2) });
    void a.play(speech(500));
    clock.advance(100);
    const headers = wire.sent.map(({ octets }) => decodeRtpHeader(octets).header);
    expect(headers.map(({ marker }) => marker)).toEqual([true, false, false, false]);
    expect(headers.map(({ sequenceNumber }) => sequenceNumber)).toEqual([0x7fff, 0x8000, 0x8001, 0x8002]);
    expect(headers.map(({ timestamp }) => timestamp)).toEqual([2 ** 32 - 200, 2 ** 32 - 40, 120, 280]);
  });

  test('an origin has an SSRC other than 0 and a sequence number below 2^15', () => {
    expect(randomOrigin({ bytes: (n) => new Uint8Array(n) })).toMatchObject({ ssrc: 1, sequenceNumber: 0 });
    expect(randomOrigin({ bytes: (n) => new Uint8Array(n).fill(255) })).toEqual({
      ssrc: 0xffffffff,
      sequenceNumber: 0x7fff,
      timestamp: 0xffffffff,
    });
  });
});

describe('pacing', () => {
  const packets = Array.from({ length: 50 }, (_, i) => Uint8Array.of(i));

  test('late timers do not add up', () => {
    const clock = new ManualClock();
    const start = clock.now();
    const sent: number[] = [];
    const late = {
      now: () => clock.now(),
      after: (ms: number, action: () => void) => clock.after(ms + 7, action),
    };
    new Player(late, packets, () => sent.push(clock.now() - start)).start();
    clock.advance(2000);
    expect(sent).toHaveLength(50);
    sent.forEach((at, n) => expect(at - 20 * n).toBeLessThanOrEqual(7));
  });

  test('a clock that stands still is paced by its timers', () => {
    const clock = new ManualClock();
    const start = clock.now();
    const sent: number[] = [];
    const frozen = { now: () => 0, after: (ms: number, action: () => void) => clock.after(ms, action) };
    new Player(frozen, packets, () => sent.push(clock.now() - start)).start();
    clock.advance(2000);
    expect(sent).toEqual(packets.map((_, n) => 20 * n));
  });

  test('a stopped player finishes and sends no more', async () => {
    const clock = new ManualClock();
    let sent = 0;
    const player = new Player(clock, packets, () => sent++);
    player.start();
    clock.advance(100);
    player.stop();
    await player.finished;
    clock.advance(1000);
    expect(sent).toBe(6);
  });
});

/** The media of a call: which m= lines have which streams, keys and reports. */
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/host/runtime.ts';
import { utf8, fromUtf8, equalOctets } from '../../src/bytes/octets.ts';
import { AudioStream } from '../../src/endpoint/audio-stream.ts';
import { CallMedia } from '../../src/endpoint/call-media.ts';
import type { MediaAbilities, StreamMaker } from '../../src/endpoint/call-media.ts';
import type { ExchangeResult } from '../../src/endpoint/key-exchange.ts';
import { OwnDescriptions, readDescription } from '../../src/endpoint/session-description.ts';
import { VideoStream, videoPattern } from '../../src/endpoint/video-stream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { keying, Wire } from './wire.ts';

const VIDEO: MediaAbilities = { mux: false, video: { codec: 'H264/90000', type: 96 } };
const AUDIO: MediaAbilities = { mux: false, video: null };
const SDP = 'application/sdp';

/** Both ends of calls on one wire. */
class Lab {
  readonly wire = new Wire();
  readonly clock = new ManualClock();
  #ssrc = 100;

  maker(intervalMs: number | null = null): StreamMaker {
    const options = () => ({
      sockets: { rtp: this.wire.socket(), rtcp: this.wire.socket() },
      origin: { ssrc: this.#ssrc++, sequenceNumber: 0x7ffe, timestamp: 2 ** 32 - 100 },
      clock: this.clock,
      ...(intervalMs === null
        ? {}
        : { reports: { intervalMs, name: 'cname', random: seededRandom('reports', 'x') } }),
    });
    return {
      audio: () => Promise.resolve(new AudioStream(options())),
      video: () => Promise.resolve(new VideoStream(options())),
    };
  }

  /** Offer and answer, then keys; `generation` tells keys apart. */
  async call(a: MediaAbilities, b: MediaAbilities, intervalMs: number | null = null) {
    const alice = await CallMedia.toOffer(this.maker(intervalMs), a);
    const said = describing(alice);
    const offer = readDescription(SDP, said.offer(null).octets);
    const bob = await CallMedia.toAnswer(this.maker(intervalMs), b, offer);
    const replied = describing(bob);
    const answerText = fromUtf8(replied.answer(null, offer).octets);
    const answer = readDescription(SDP, utf8(answerText));
    alice.connect(answer);
    bob.connect(offer);
    return { alice, bob, said, replied, answerText };
  }
}

function describing(media: CallMedia): OwnDescriptions {
  const about = { username: 'x', sessionId: '1', address: '127.0.0.1', lines: () => media.lines };
  return new OwnDescriptions(about);
}

/** What an exchange gives for the lines of both ends. */
function keysOf(alice: CallMedia, bob: CallMedia, generation: number): ExchangeResult {
  const sessions = alice.ssrcs.flatMap((ssrc, line) => {
    const own = [ssrc, bob.ssrcs[line] ?? 0];
    return own.flatMap((each, at) => {
      const csId = 2 * line + 1 + at;
      return each === 0 ? [] : [{ ...keying(10 * generation + csId, each), csId, roc: 0 }];
    });
  });
  return {
    peer: 'x',
    sas: 'x',
    isDeferred: false,
    sessions,
    update: () => Promise.reject(new Error('no update')),
    answerUpdate: () => Promise.reject(new Error('no update')),
    settle: () => undefined,
    wipe: () => undefined,
  };
}

function secure(alice: CallMedia, bob: CallMedia, generation = 0): void {
  const result = keysOf(alice, bob, generation);
  alice.secure(result, 'initiator');
  bob.secure(result, 'responder');
}

const speech = (length: number) => Int16Array.from({ length }, (_, i) => 8000 * Math.sin(i / 9));

describe('several m= lines', () => {
  test('R-40: audio and video each have their crypto sessions, and go both ways octet for octet', async () => {
    const lab = new Lab();
    const { alice, bob, answerText } = await lab.call(VIDEO, VIDEO);
    expect(answerText.match(/^m=.*\r$/gm)).toHaveLength(2);
    expect(alice.ssrcs).toEqual([100, 101]);
    secure(alice, bob);
    const [one, two] = [videoPattern(7500), videoPattern(3001).reverse()];
    void alice.video?.show(one);
    void bob.video?.show(two);
    void alice.audio.play(speech(1600));
    await Promise.resolve();
    lab.clock.advance(1000);
    expect(equalOctets(bob.video?.kept.octets ?? new Uint8Array(), one)).toBe(true);
    expect(equalOctets(alice.video?.kept.octets ?? new Uint8Array(), two)).toBe(true);
    expect(bob.video?.kept).toMatchObject({ packets: 8, missing: 0, passedOver: 0 });
    expect(bob.audio.heard()).toHaveLength(1600);
  });

  test('who has no video refuses it, and the audio goes on', async () => {
    const lab = new Lab();
    const { alice, bob, answerText } = await lab.call(VIDEO, AUDIO);
    expect(answerText).toContain('m=video 0 RTP/SAVP 96\r\n');
    expect([alice.video?.isConnected, bob.video]).toEqual([false, null]);
    secure(alice, bob);
    void alice.video?.show(videoPattern(1000));
    await Promise.resolve();
    lab.clock.advance(100);
    expect(lab.wire.sent).toEqual([]);
  });

  test('video of another codec is refused; the same in other letters and with another number is taken with that number', async () => {
    const lab = new Lab();
    const other = await lab.call({ mux: false, video: { codec: 'VP8/90000', type: 97 } }, VIDEO);
    expect(other.answerText).toContain('m=video 0 RTP/SAVP 97\r\n');
    const same = await lab.call({ mux: false, video: { codec: 'h264/90000', type: 120 } }, VIDEO);
    expect(same.answerText).toMatch(/^m=video [1-9]\d* RTP\/SAVP 120\r$/m);
  });

  test('video that is added to a call has the next m= line, and one that is removed leaves its place', async () => {
    const lab = new Lab();
    const { alice, bob, said, replied } = await lab.call(AUDIO, VIDEO);
    await expect(alice.add('video')).rejects.toMatchObject({ code: 'no-codec' });
    await bob.add('video');
    await expect(bob.add('video')).rejects.toMatchObject({ code: 'state' });
    const offer = readDescription(SDP, replied.offer(null).octets);
    await alice.meet(offer);
    alice.connect(offer);
    expect(fromUtf8(said.answer(null, offer).octets)).toContain('m=video 0 RTP/SAVP 96\r\n');
    bob.remove('video');
    expect(fromUtf8(replied.offer(null).octets)).toContain('m=video 0 RTP/SAVP 96\r\n');
  });

  test('what comes in beyond the bound is counted, not kept', async () => {
    const wire = new Wire();
    const clock = new ManualClock();
    const stream = (ssrc: number, mostKept: number) =>
      new VideoStream({
        sockets: { rtp: wire.socket(), rtcp: wire.socket() },
        origin: { ssrc, sequenceNumber: 1, timestamp: 0 },
        clock,
        mostKept,
      });
    const [a, b] = [stream(1, 0), stream(2, 2500)];
    a.connect({ remote: b.stream.local, listens: true }, 96);
    a.stream.secure({ send: keying(1, 1), receive: keying(2, 2) });
    b.stream.secure({ send: keying(2, 2), receive: keying(1, 1) });
    void a.show(videoPattern(4000));
    await Promise.resolve();
    clock.advance(1000);
    expect(b.kept).toMatchObject({ packets: 2, passedOver: 2 });
  });
});

describe('keys that change while packets flow', () => {
  test('no packet is lost, and the answerer sends under the new keys once something has come under them', async () => {
    const lab = new Lab();
    const { alice, bob } = await lab.call(AUDIO, AUDIO);
    secure(alice, bob);
    void alice.audio.play(speech(8000));
    void bob.audio.play(speech(8000));
    lab.clock.advance(200);
    const next = keysOf(alice, bob, 1);
    bob.prepare(next, 'responder');
    lab.clock.advance(200);
    expect(bob.sentUnderKeys).toBeGreaterThan(10);
    alice.prepare(next, 'initiator');
    alice.switchOver();
    lab.clock.advance(20);
    lab.clock.advance(1000);
    expect(bob.sentUnderKeys).toBeLessThan(35);
    expect(
      [alice, bob].map(({ audio }) => [audio.heard().length, audio.statistics.received.refused]),
    ).toEqual([
      [8000, 0],
      [8000, 0],
    ]);
  });
});

describe('RTCP', () => {
  test('R-40: reports go both ways in SRTCP, on the next port, and tell of what came and what did not', async () => {
    const lab = new Lab();
    const { alice, bob } = await lab.call(AUDIO, AUDIO, 1000);
    secure(alice, bob);
    void alice.audio.play(speech(40_000));
    lab.clock.advance(4000);
    const [a, b] = [alice.audio.stream.reports, bob.audio.stream.reports];
    expect(a.sent).toBeGreaterThan(2);
    expect(b.received).toBe(a.sent);
    expect(a.received).toBe(b.sent);
    expect([a.refused, b.refused, b.lost]).toEqual([0, 0, 0]);
    expect(a.told).toMatchObject({ lost: 0, roundTrip: 0 });
    const { port } = bob.audio.local;
    const reports = lab.wire.sent.filter(({ to }) => to.port === port + 1);
    expect(reports).toHaveLength(a.sent);
    // Encrypted from the second word pair on, E flag and index at the end.
    expect(reports.every(({ octets }) => !fromUtf8(octets.map((o) => o & 0x7f)).includes('cname'))).toBe(
      true,
    );
    alice.close();
    expect(bob.audio.stream.reports.left).toBe(true);
  });

  test('on the port of RTP where both say so, else not', async () => {
    for (const [a, b, expected] of [
      [true, true, 0],
      [true, false, 1],
      [false, true, 1],
    ] as const) {
      const lab = new Lab();
      const { alice, bob, answerText } = await lab.call({ ...AUDIO, mux: a }, { ...AUDIO, mux: b }, 500);
      expect(answerText.includes('a=rtcp-mux')).toBe(a && b);
      secure(alice, bob);
      lab.clock.advance(2000);
      const { port } = bob.audio.local;
      const ports = new Set(lab.wire.sent.filter(({ to }) => to.port >= port).map(({ to }) => to.port));
      expect([...ports]).toEqual([port + expected]);
      expect(bob.audio.stream.reports.received).toBeGreaterThan(0);
      expect(bob.audio.statistics.received.refused).toBe(0);
    }
  });

  test('altered and replayed reports are refused', async () => {
    const lab = new Lab();
    const { alice, bob } = await lab.call(AUDIO, AUDIO, 500);
    secure(alice, bob);
    lab.clock.advance(1000);
    const { port } = bob.audio.local;
    const sent = lab.wire.sent.find(({ to }) => to.port === port + 1);
    const octets = sent?.octets ?? new Uint8Array();
    const before = bob.audio.stream.reports;
    for (const at of octets.keys()) {
      const altered = octets.map((octet, i) => (i === at ? octet ^ 1 : octet));
      lab.wire.deliver(altered, alice.audio.local, { address: '127.0.0.1', port: port + 1 });
    }
    lab.wire.deliver(octets, alice.audio.local, { address: '127.0.0.1', port: port + 1 });
    const after = bob.audio.stream.reports;
    expect(after).toEqual({ ...before, refused: before.refused + octets.length + 1 });
  });

  test('who is to send none sends none', async () => {
    const lab = new Lab();
    const { alice, bob } = await lab.call(AUDIO, AUDIO, 500);
    alice.withoutReports();
    secure(alice, bob);
    lab.clock.advance(5000);
    alice.close();
    expect(alice.audio.stream.reports.sent).toBe(0);
    expect(bob.audio.stream.reports).toMatchObject({ received: 0, left: false });
  });
});

describe('keys pressed (RFC 4733)', () => {
  test('R-79: keys are heard in order, each once, beside what is said, and what is said is whole', async () => {
    const lab = new Lab();
    const { alice, bob } = await lab.call(AUDIO, AUDIO);
    secure(alice, bob);
    void alice.audio.play(speech(16_000));
    lab.clock.advance(100);
    const pressed = alice.audio.press('112#*dD');
    lab.clock.advance(2000);
    await pressed;
    expect(bob.audio.digits).toBe('112#*DD');
    expect(bob.audio.heard()).toHaveLength(16_000);
    expect(bob.audio.statistics.received.refused).toBe(0);
    expect(alice.audio.digits).toBe('');
  });

  test.each([
    ['', 'key'],
    ['12x', 'key'],
    ['1'.repeat(65), 'key'],
  ])('%j is not pressed', async (keys, code) => {
    const lab = new Lab();
    const { alice, bob } = await lab.call(AUDIO, AUDIO);
    secure(alice, bob);
    await expect(alice.audio.press(keys)).rejects.toMatchObject({ code });
    lab.clock.advance(1000);
    expect(lab.wire.sent).toEqual([]);
  });

  test('keys are not sent to who does not list telephone events, nor two at once', async () => {
    const lab = new Lab();
    const { alice, bob } = await lab.call(AUDIO, AUDIO);
    secure(alice, bob);
    void alice.audio.press('1');
    await expect(alice.audio.press('2')).rejects.toMatchObject({ code: 'state' });
    alice.audio.connect({ remote: bob.audio.local, listens: true }, 'pcma');
    await expect(alice.audio.press('3')).rejects.toMatchObject({ code: 'no-codec' });
  });
});

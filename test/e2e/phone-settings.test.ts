/**
 * Calls under each suite, PRF and curve that a phone's offers may ask for, with video and RTCP among them, to a target: what
 * is heard at both ends is what the LEMF recovers. In one network, four calls at once.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concat, equalOctets } from '../../src/bytes/octets.ts';
import type { PhoneCall } from '../../src/entities/ue/call.ts';
import type { MediumStatistics } from '../../src/entities/ue/statistics.ts';
import type { CallReport } from '../../src/entities/lemf/recover.ts';
import { videoPattern } from '../../src/endpoint/video-stream.ts';
import { Network } from '../../src/lab/network/network.ts';
import { issueWarrant } from '../../src/lab/network/officer.ts';
import { compareSamples, spoken } from '../../src/lab/scenarios/call.ts';
import { warrantOn } from '../../src/lab/scenarios/warrants.ts';
import { Timeline } from '../../src/lab/timeline.ts';
import { decodeRtp } from '../../src/media/rtp.ts';
import { readRtpDump } from '../../src/media/rtpdump.ts';
import { decodeWav } from '../../src/media/wav.ts';
import { shortRecordings, temporaryFolder } from './support.ts';

interface Asked {
  readonly suite: string;
  readonly prf: string;
  readonly curve: string;
}

const [CM128, CM256, GCM128, GCM256] = [
  'AES_CM_128_HMAC_SHA1_80',
  'AES_256_CM_HMAC_SHA1_80',
  'AEAD_AES_128_GCM',
  'AEAD_AES_256_GCM',
] as const;
const ALL: readonly Asked[] = [CM128, CM256, GCM128, GCM256].flatMap((suite) =>
  ['MIKEY-1', 'PRF-HMAC-SHA-256'].flatMap((prf) =>
    suite.includes('256') && prf === 'MIKEY-1'
      ? []
      : ['P-256', 'P-384', 'P-521'].map((curve) => ({ suite, prf, curve })),
  ),
);
/** Each value at least once. */
const SOME: readonly Asked[] = [
  { suite: CM128, prf: 'MIKEY-1', curve: 'P-521' },
  { suite: CM256, prf: 'PRF-HMAC-SHA-256', curve: 'P-384' },
  { suite: GCM128, prf: 'MIKEY-1', curve: 'P-256' },
  { suite: GCM256, prf: 'PRF-HMAC-SHA-256', curve: 'P-521' },
];
const CASES = (process.env['CLAVIGER_SLOW'] === undefined ? SOME : ALL).map((asked, nth) => ({
  ...asked,
  user: `caller${nth}`,
}));
const AT_ONCE = 4;
/** The one who has video, and reports on the port of RTP. */
const WITH_VIDEO = 'caller1';
const VIDEO = { video: {}, rtcp: { intervalMs: 200, mux: true } };

const speech = shortRecordings(1);
const [SAYS, ANSWERS] = [speech.alice.slice(0, 4000), speech.bob.slice(0, 3300)];
const [SHOWS, SHOWN] = [videoPattern(6500), videoPattern(4321).reverse()];

interface Ended {
  readonly caller: PhoneCall;
  readonly callee: PhoneCall;
}

const folder = temporaryFolder();
let network: Network;
const calls = new Map<string, Ended>();
let recovered: readonly CallReport[];

async function ended(user: string, incoming: Promise<PhoneCall>): Promise<Ended> {
  const { ue } = network.phone(user);
  const caller = await ue.call(network.identity('bob'));
  const callee = await incoming;
  await Promise.all([caller.established, callee.established]);
  const video = caller.hasVideo ? [caller.show(SHOWS), callee.show(SHOWN)] : [];
  await Promise.all([caller.play(SAYS), callee.play(ANSWERS), ...video]);
  if (user === WITH_VIDEO) {
    await caller.press('42#');
    await callee.press('7');
  }
  await new Promise((done) => setTimeout(done, 150));
  await caller.hangUp();
  await Promise.all([caller.ended, callee.ended]);
  return { caller, callee };
}

beforeAll(async () => {
  const timeline = new Timeline(() => performance.now());
  network = await Network.start({
    state: folder.at('state'),
    out: null,
    users: { home1: CASES.map(({ user }) => user), home2: ['bob'] },
    timeline,
    phoneSettingsOf: {
      ...Object.fromEntries(
        CASES.map(({ user, suite, prf, curve }) => [
          user,
          { suite, prf, curve, ...(user === WITH_VIDEO ? VIDEO : {}) },
        ]),
      ),
      bob: VIDEO,
    },
  });
  await network.register();
  await issueWarrant(network.running('admf', 'home2'), warrantOn(network, 'bob', Date.now()));
  const waiting = new Map<string, (call: PhoneCall) => void>();
  network.phone('bob').ue.onIncoming((call) =>
    call.onEvent((event) => {
      if (event.kind === 'secured') waiting.get(event.peer)?.(call);
    }),
  );
  const place = async (user: string): Promise<void> => {
    const incoming = new Promise<PhoneCall>((resolve) => waiting.set(network.identity(user), resolve));
    calls.set(user, await ended(user, incoming));
  };
  // As many as phone and gateway have ports for.
  for (let at = 0; at < CASES.length; at += AT_ONCE)
    await Promise.all(CASES.slice(at, at + AT_ONCE).map(({ user }) => place(user)));
  for (const element of ['cscf', 'gateway'] as const)
    expect(await network.running(element, 'home2').drain(30_000)).toBe(true);
  await network.running('df', 'home2').settle(30_000);
  recovered = (await network.running('lemf', 'home2').recover(folder.at('audio'))).calls;
}, 180_000);
afterAll(async () => {
  await network.stop();
  folder.remove();
});

function callOf(user: string): Ended & { readonly report: CallReport } {
  const call = calls.get(user);
  const report = recovered.find(({ callIds }) => callIds.includes(call?.caller.callId ?? ''));
  if (call === undefined || report === undefined) throw new Error(`there is no call of ${user}`);
  return { ...call, report };
}

function videoOf({ statistics }: PhoneCall): MediumStatistics {
  if (statistics.video === null) throw new Error('the call has no video');
  return statistics.video;
}

const wav = (name: string | null): Int16Array =>
  decodeWav(new Uint8Array(readFileSync(path.join(folder.at('audio'), name ?? ''))));

describe.each(CASES)('a call with $suite, $prf and $curve', ({ user, suite }) => {
  it('R-40: is heard at both ends, under the suite that was asked for, and each sees the other’s string', () => {
    const { caller, callee } = callOf(user);
    expect(compareSamples(callee.heard(), spoken(SAYS))).toMatchObject({ equal: true });
    expect(compareSamples(caller.heard(), spoken(ANSWERS))).toMatchObject({ equal: true });
    expect([caller.sas, callee.peer]).toEqual([callee.sas, network.identity(user)]);
    for (const call of [caller, callee])
      expect(call.statistics.sessions.every((session) => session.suite === suite)).toBe(true);
  });

  it('R-3, R-45: is recovered at the LEMF, sample by sample, in both directions', () => {
    const { report } = callOf(user);
    const audio = report.streams.filter(({ file }) => file !== null);
    const voices = audio.map(({ file }) => wav(file));
    expect(voices).toHaveLength(2);
    for (const said of [SAYS, ANSWERS])
      expect(voices.some((voice) => compareSamples(voice, spoken(said)).equal)).toBe(true);
    if (user !== WITH_VIDEO)
      expect([report.recovered, report.explanation]).toEqual([true, report.explanation]);
  });
});

describe('a call with video, reports and keys pressed', () => {
  it('R-40: has what was shown octet for octet at both ends, and four crypto sessions', () => {
    const { caller, callee } = callOf(WITH_VIDEO);
    expect(equalOctets(callee.seen()?.octets ?? new Uint8Array(), SHOWS)).toBe(true);
    expect(equalOctets(caller.seen()?.octets ?? new Uint8Array(), SHOWN)).toBe(true);
    expect(caller.statistics.sessions.map(({ csId }) => csId)).toEqual([1, 2, 3, 4]);
    expect([callee.digits, caller.digits]).toEqual(['42#', '7']);
    for (const [end, other] of [
      [caller, callee],
      [callee, caller],
    ] as const)
      for (const medium of [(call: PhoneCall) => call.statistics, videoOf]) {
        const { reports, received } = medium(end);
        expect([reports.received > 0, reports.lost, received.refused]).toEqual([true, 0, 0]);
        // What came before the keys was refused; each came once.
        expect(reports.received + reports.refused).toBeLessThanOrEqual(medium(other).reports.sent);
      }
  });

  it('R-45: is intercepted whole: every packet of the four streams authenticates, and the keys pressed are listed', () => {
    const { caller, callee, report } = callOf(WITH_VIDEO);
    const sent = [caller, callee].flatMap(({ statistics }) => [statistics.sent, statistics.video?.sent]);
    expect(report.streams.map(({ csId }) => csId)).toEqual([1, 2, 3, 4]);
    for (const { ssrc, packets, authenticated } of report.streams)
      expect([authenticated, packets]).toEqual([
        packets,
        sent.find((stream) => stream?.ssrc === ssrc)?.packets,
      ]);
    expect(report.streams.map(({ digits }) => digits).filter(Boolean)).toEqual(['42#', '7']);
    expect(report.other.rtcp).toBeGreaterThan(0);
  });

  it('R-45: what was shown lies at the LEMF octet for octet, in a file of packets for each end', () => {
    const kept = callOf(WITH_VIDEO).report.streams.flatMap(({ rtp }) => rtp ?? []);
    const payloads = kept.map(({ file }) => {
      const { packets } = readRtpDump(new Uint8Array(readFileSync(path.join(folder.at('audio'), file))));
      return concat(...packets.map(({ octets }) => decodeRtp(octets).payload));
    });
    expect(payloads.map((octets) => [SHOWS, SHOWN].findIndex((each) => equalOctets(each, octets)))).toEqual([
      0, 1,
    ]);
  });
});

/**
 * Time and chance from one seed: a call with a target and the same call without one. What anybody outside the
 * interception can see of it is the same, octet for octet; and with nobody as target there is no interception anywhere.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/octets.ts';
import { compareSamples } from '../../src/lab/scenarios/call.ts';
import { HOMES } from '../../src/lab/network/home.ts';
import type { SentDatagram } from '../../src/lab/network/media-tap.ts';
import { ownPorts } from '../support/own-ports.ts';
import type { DemoReport } from '../../src/lab/scenarios/report.ts';
import { encodeG711 } from '../../src/media/g711.ts';
import { decodeWav } from '../../src/media/wav.ts';
import {
  failures,
  filesBelow,
  octetsOf,
  pdusOf,
  shortDemo,
  shortRecordings,
  signallingOf,
  temporaryFolder,
} from './support.ts';

const SEED = 'one and the same';
const folder = temporaryFolder();

interface Run {
  readonly out: string;
  readonly report: DemoReport;
  /** Hex of every datagram by sender and its addresses, in order of sending. */
  readonly media: ReadonlyMap<string, string[]>;
}

let alice: Run;
/** Alice is the target, and the DF of her home is away: the CSCF and the gateway have trouble to report. */
let troubled: Run;
let none: Run;
let other: Run;

async function run(
  target: 'alice' | 'none',
  seed: string,
  portBase: number,
  faults: readonly string[] = [],
): Promise<Run> {
  const out = folder.at(['run', target, seed, ...faults].join('-'));
  const media = new Map<string, string[]>();
  const onMedia = ({ party, from, to, octets }: SentDatagram): void => {
    const stream = `${party} ${from.port} ${to.port}`;
    media.set(stream, [...(media.get(stream) ?? []), toHex(octets)]);
  };
  const report = await shortDemo(out, { target, seed, portBase, faults, revealSecrets: true, onMedia });
  return { out, report, media };
}

beforeAll(async () => {
  const [block, another] = [await ownPorts(), await ownPorts()];
  const control = run('none', 'another', another.base);
  alice = await run('alice', SEED, block.base);
  none = await run('none', SEED, block.base);
  troubled = await run('alice', SEED, block.base, ['df-down=home1']);
  other = await control;
  block.release();
  another.release();
}, 240_000);
afterAll(() => folder.remove());

describe('a reproducible run with alice as target', () => {
  it('passes every check, and recovers what was spoken', () => {
    expect(failures(alice.report)).toEqual([]);
    expect(alice.report.calls.map(({ target, role }) => ({ target, role }))).toEqual([
      { target: 'sip:alice@home1.example', role: 'initiator' },
    ]);
    for (const speaker of ['alice', 'bob']) {
      const [said, recovered] = ['spoken', 'recovered'].map((kind) =>
        decodeWav(octetsOf(alice.out, `${kind}-${speaker}.wav`)),
      );
      expect(compareSamples(recovered!, said!)).toMatchObject({ equal: true });
    }
  });
});

describe('the same run without a target', () => {
  const sameSignalling = (intercepted: Run): void => {
    const [withTarget, without] = [signallingOf(intercepted.out), signallingOf(none.out)];
    expect(without.map(({ name }) => name)).toEqual(withTarget.map(({ name }) => name));
    for (const [at, message] of withTarget.entries()) {
      expect(without[at]?.text, message.name).toBe(message.text);
      expect(toHex(without[at]?.octets ?? new Uint8Array())).toBe(toHex(message.octets));
    }
    expect(withTarget.length).toBeGreaterThan(30);
  };

  const sameMedia = (intercepted: Run): void => {
    const streams = [...intercepted.media.keys()].sort();
    expect([...none.media.keys()].sort()).toEqual(streams);
    expect(new Set(streams.map((stream) => stream.split(' ')[0]))).toEqual(
      new Set(['alice', 'bob', 'gateway.home1', 'gateway.home2']),
    );
    for (const stream of streams)
      expect(none.media.get(stream), stream).toEqual(intercepted.media.get(stream));
  };

  it('R-21: every SIP message is the same, in the same order, octet for octet', () => {
    sameSignalling(alice);
  });

  it('R-21: every datagram of phones and gateways is the same, octet for octet, in the same order', () => {
    sameMedia(alice);
  });

  it('R-21: nor does trouble with interception show: with the DF away all of this is the same', () => {
    expect(failures(troubled.report)).toEqual([]);
    const what = ({ report }: Run): string[] => report.timeline.map((entry) => entry.what);
    expect(what(troubled)).toContain('ReportDestinationIssueRequest');
    expect(what(alice)).not.toContain('ReportDestinationIssueRequest');
    sameSignalling(troubled);
    sameMedia(troubled);
  });

  it('another seed gives other messages and other packets: the comparison can fail', () => {
    const texts = (run: Run) => signallingOf(run.out).map(({ text }) => text);
    expect(texts(other)).not.toEqual(texts(none));
    const packets = (run: Run) => new Set([...run.media.values()].flat());
    expect([...packets(other)].filter((packet) => packets(none).has(packet))).toEqual([]);
  });

  it('R-22: both ends read the same short authentication string, with a target and without', () => {
    const sas = ({ report }: Run): string[] => {
      const found = report.checks.find(({ name }) => name.includes('short authentication string'));
      return found?.detail.split(' and ') ?? [];
    };
    expect(sas(alice)).toHaveLength(2);
    expect(new Set([...sas(alice), ...sas(none)]).size).toBe(1);
    expect(new Set([...sas(none), ...sas(other)]).size).toBe(2);
  });
});

describe('with nobody as target', () => {
  it.each([SEED, 'another'])(
    'every check passes, and there is nothing on X1, X2, X3, Xk, HI2, HI3 (%s)',
    (seed) => {
      const { report, out } = seed === SEED ? none : other;
      expect(failures(report)).toEqual([]);
      for (const home of HOMES) {
        for (const reference of ['x2', 'x3'] as const) expect(pdusOf(out, home, reference)).toEqual([]);
        for (const name of ['hi2.ber', 'hi3.ber']) expect(octetsOf(out, home, name)).toHaveLength(0);
        for (const name of ['x1', 'xk']) {
          const where = path.join(out, home, name);
          expect(existsSync(where) ? filesBelow(where) : []).toEqual([]);
        }
      }
      const points = new Set(report.timeline.map(({ reference }) => reference));
      for (const silent of ['HI1', 'X1', 'X2', 'X3', 'Xk', 'HI2', 'HI3'] as const)
        expect(points).not.toContain(silent);
      expect(report.calls.map(({ target, role, recovery }) => ({ target, role, recovery }))).toEqual([
        { target: null, role: null, recovery: [] },
      ]);
      expect(filesBelow(out).filter((file) => path.basename(file).startsWith('recovered-'))).toEqual([]);
    },
  );
});

describe('on the wire', () => {
  it('media are SRTP: no packet has the plain payload, each has an MKI and a tag after it', () => {
    const { alice: a, bob: b } = shortRecordings();
    const plain = [a, b].flatMap((samples) => {
      const octets = encodeG711(samples, 'pcma');
      return Array.from({ length: Math.floor(octets.length / 160) }, (_, at) =>
        toHex(octets.subarray(160 * at, 160 * at + 160)),
      );
    });
    const known = new Set(plain);
    let packets = 0;
    for (const datagrams of alice.media.values()) {
      for (const datagram of datagrams) {
        if (datagram.length < 2 * (12 + 160)) continue;
        packets++;
        expect(known.has(datagram.slice(24, 24 + 320))).toBe(false);
        expect(datagram.length).toBe(2 * (12 + 160 + 8 + 10));
      }
    }
    const sent = alice.report.calls[0]?.cryptoSessions.reduce((sum, each) => sum + each.packets, 0) ?? 0;
    // Each packet goes out three times: at the phone and at two gateways; the last of a recording may be short.
    expect(packets).toBeGreaterThanOrEqual(3 * (sent - 2));
    expect(packets).toBeLessThanOrEqual(3 * sent);
  });

  it('gateways send on what they received, untouched', () => {
    const by = (party: string): string[] =>
      [...alice.media].filter(([stream]) => stream.startsWith(`${party} `)).flatMap(([, packets]) => packets);
    const fromPhones = new Set([...by('alice'), ...by('bob')]);
    for (const home of HOMES) expect(new Set(by(`gateway.${home}`))).toEqual(fromPhones);
  });
});

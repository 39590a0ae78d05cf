/** `claviger keylog`: keys that opened packets, in forms that other programs open the same packets by. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { concat, fromHex, toHex, utf8 } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { keyLines, printedKey } from '../../src/cli/workbench/key-lines.ts';
import type { KeyFormat } from '../../src/cli/workbench/key-lines.ts';
import type { ObservedKey } from '../../src/entities/lemf/group.ts';
import { encodeRtp } from '../../src/media/rtp.ts';
import { shownKey, StreamDecryptor } from '../../src/media/srtp/stream-decryptor.ts';
import { SRTP_SUITE, suiteByName } from '../../src/media/srtp/suites.ts';
import type { SrtpSuite } from '../../src/media/srtp/suites.ts';
import { SrtpTransform } from '../../src/media/srtp/transform.ts';
import { Capture } from '../../src/lab/capture/capture.ts';
import { parseCryptoAttribute, usableSdesKeys } from '../../src/sip/sdes.ts';
import { delivered, InterceptedCall } from '../entities/lemf/call.ts';
import type { CallOptions } from '../entities/lemf/call.ts';
import { missingTool, strict } from '../support/shared.ts';
import { claviger } from './in-process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-keylog-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const call = (options: CallOptions = {}): InterceptedCall =>
  new InterceptedCall('exchange-1.json', { packets: 10, ...options });

function files(
  name: string,
  { signalling, keys }: InterceptedCall,
  content: InterceptedCall['content'],
): string[] {
  const [hi2, hi3] = ['hi2', 'hi3'].map((kind) => path.join(folder, `${name}.${kind}`)) as [string, string];
  writeFileSync(hi2, concat(...delivered([...signalling, ...keys])));
  writeFileSync(hi3, concat(...delivered(content)));
  return ['keylog', '--hi2', hi2, '--hi3', hi3];
}

const lines = (text: string): string[] =>
  text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

describe('claviger keylog', () => {
  const first = call();
  const [one, other] = first.vector.keys.cryptoSessions as [KeyOf, KeyOf];
  type KeyOf = InterceptedCall['vector']['keys']['cryptoSessions'][number];
  const ssrc = (of: KeyOf): string => of.ssrc.toString(16).padStart(8, '0');

  it('R-20: prints each key that opened packets as a line that opens them again, below whose it is', async () => {
    const { status, out } = await claviger(...files('sdes', first, first.content), '--format', 'sdes');
    expect(status).toBe(0);
    expect(out).toMatch(
      new RegExp(`^# LIID LIID-1, CIN 1\n# SSRC ${ssrc(one)}, fromTarget, [^\n]*CS ID 1, 10 packets\n`),
    );
    const read = lines(out).map((line) => parseCryptoAttribute(line.slice(2))!);
    expect(read).toHaveLength(2);
    for (const [at, { records }] of first.streams.entries()) {
      const { suite, keys } = usableSdesKeys(read[at]!, suiteByName)!;
      const decryptor = new StreamDecryptor(
        keys.map((key) => shownKey(suite, key.keyAndSalt, key.mkiLength)),
      );
      expect(records.filter(({ content }, number) => decryptor.open(content, 7 + number) === null)).toEqual(
        [],
      );
    }
  });

  it('prints them for libsrtp and Wireshark, and writes a file that nobody else reads', async () => {
    const asked = files('forms', first, first.content);
    const { out: decoder } = await claviger(...asked, '--format', 'libsrtp');
    const mki = [one.mki.slice(0, 8), one.mki.slice(8)];
    expect(lines(decoder)[0]).toBe(
      `rtp_decoder -e 128 -t 18 -k ${one.tek}${one.salt} -f 'udp[16:4]=0x${ssrc(one)} and udp[udp[4:2]-18:4]=0x${mki[0]} and udp[udp[4:2]-14:4]=0x${mki[1]}'`,
    );
    const file = path.join(folder, 'keys.txt');
    const { status, out } = await claviger(...asked, '--format', 'wireshark', '--out', file);
    expect([status, out, statSync(file).mode & 0o777]).toEqual([0, '', 0o600]);
    expect(lines(readFileSync(file, 'utf8'))).toEqual(
      [one, other].map((of) => `SRTP ${ssrc(of)} AES_CM_128_HMAC_SHA1_80 ${of.mki} ${of.tek}${of.salt} 0`),
    );
  });

  it('prints them as JSON, each with its line', async () => {
    const asked = files('json', first, first.content);
    const { out } = await claviger(...asked, '--format', 'sdes', '--json');
    const { out: text } = await claviger(...asked, '--format', 'sdes');
    const keys = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { line: string });
    expect(keys.map(({ line }) => line)).toEqual(lines(text));
    expect(keys[0]).toMatchObject({
      ...{ liid: 'LIID-1', cin: 1, ssrc: ssrc(one), direction: 'fromTarget', csId: 1, mki: one.mki },
      ...{ suite: 'AES_CM_128_HMAC_SHA1_80', roc: 0, packets: 10 },
    });
  });

  it('R-20: prints nothing of a call that is withheld, and leaves no audio anywhere', async () => {
    const before = new Set(readdirSync(tmpdir()));
    const right = call({ packets: 60 });
    const wrong = call({ packets: 60, keying: { tek: '00'.repeat(16), salt: '00'.repeat(14), mki: '' } });
    const asked = files('withheld', right, [...right.streams[0]!.records, ...wrong.streams[1]!.records]);
    const refused = await claviger(...asked, '--format', 'sdes');
    expect([refused.status, refused.out, refused.err]).toEqual([
      1,
      '',
      expect.stringContaining('1 calls are withheld'),
    ]);
    const partial = await claviger(...asked, '--format', 'sdes', '--partial');
    expect([partial.status, lines(partial.out).length]).toEqual([0, 1]);
    expect(
      readdirSync(tmpdir()).filter((name) => name.startsWith('claviger-keylog-') && !before.has(name)),
    ).toEqual([]);
  });

  it('says that files without an encrypted call have no key', async () => {
    const { status, err } = await claviger(...files('none', first, []), '--format', 'sdes');
    expect([status, err]).toEqual([1, expect.stringContaining('no key of the files opens a packet')]);
  });
});

/** Packets of one source under one key, and the key as recovery has it. */
interface Protected {
  readonly name: string;
  readonly packets: readonly Uint8Array[];
  readonly payloads: readonly string[];
  readonly key: ObservedKey;
}

/** @param at of the first packet, which the counter of the last but one goes over */
function protectedBy(suite: SrtpSuite, mki: string, ssrc: number, roc: number): Protected {
  const octets = (length: number, from: number) =>
    Uint8Array.from({ length }, (_, at) => (from + 7 * at) % 256);
  const [masterKey, masterSalt] = [
    Secret.of(octets(suite.keyLength, ssrc)),
    Secret.of(octets(suite.saltLength, ssrc + 1)),
  ];
  const transform = SrtpTransform.of({ suite, masterKey, masterSalt });
  const first = 0xfffd;
  const plain = Array.from({ length: 5 }, (_, at) => {
    const header = { payloadType: 8, sequenceNumber: (first + at) % 0x1_0000, timestamp: 160 * at, ssrc };
    return encodeRtp({
      ...header,
      marker: false,
      csrc: [],
      extension: null,
      payload: octets(20 + 13 * at, at),
    });
  });
  return {
    name: `${suite.name} ${mki === '' ? 'without MKI' : `with ${mki.length / 2} octets of MKI`}`,
    packets: plain.map((packet, at) =>
      transform.protectRtp(packet, roc + (first + at > 0xffff ? 1 : 0), fromHex(mki)),
    ),
    payloads: plain.map((packet) => toHex(packet.subarray(12))),
    key: {
      ...{ ssrc, direction: 'fromTarget', path: null },
      use: {
        ...{ csId: 1, suite, mki, packets: plain.length, firstIndex: roc * 0x1_0000 + first },
        key: { csId: 1, suite, key: masterKey, salt: masterSalt, roc, mkiLength: mki.length / 2 },
      },
    },
  };
}

const cases = Object.values<SrtpSuite>(SRTP_SUITE).flatMap((suite, at) => [
  protectedBy(suite, '', 0x100 + at, 0),
  protectedBy(suite, `01020304050607${at}8`, 0xdead_0000 + at, at % 2 === 0 ? 0 : 2),
]);

function linesFor(format: KeyFormat, of: readonly Protected[]): string {
  return of.map(({ key }, at) => keyLines(printedKey(format, key, at + 1))).join('');
}

describe('the lines of keys', () => {
  it.skipIf(missingTool('python3') || missingLibrary())(
    'open packets by libsrtp with what rtp_decoder is told, of every cipher, but for those that it cannot open',
    () => {
      const asked = cases.map((each) => {
        const line = linesFor('libsrtp', [each]).split('\n')[1] ?? '';
        const isOpened = !line.startsWith('#');
        expect(isOpened, each.name).toBe(
          each.key.use.firstIndex < 0x1_0000 &&
            (each.key.use.mki === '' || each.key.use.suite.cipher === 'aes-cm'),
        );
        const [, options = ''] = /rtp_decoder (.*) -f '[^']+'$/.exec(line) ?? [];
        return { options: options.split(' '), isOpened, packets: each.packets.map(toHex) };
      });
      const run = spawnSync('python3', [path.join(import.meta.dirname, 'rtp-decoder.py')], {
        input: JSON.stringify(asked.filter(({ isOpened }) => isOpened)),
        encoding: 'utf8',
      });
      expect(run.stderr).toBe('');
      const opened = cases.filter((_, at) => asked[at]?.isOpened);
      expect(opened).toHaveLength(8);
      expect(JSON.parse(run.stdout)).toEqual(opened.map(({ payloads }) => payloads));
    },
  );

  it.skipIf(missingTool('tshark'))(
    'open packets in Wireshark, of every cipher, with and without MKI, over a turn of the counter; none that was changed',
    () => {
      let now = Date.UTC(2030, 0, 1);
      const capture = new Capture(() => now++);
      const at = (port: number) => ({ address: '127.0.0.1', port });
      const changed = { ...protectedBy(SRTP_SUITE.aesCm128HmacSha1Tag80, '', 0x999, 0), name: 'changed' };
      const changedGcm = { ...protectedBy(SRTP_SUITE.aeadAes256Gcm, 'aabb', 0x998, 0), name: 'changed' };
      for (const { name, packets } of [...cases, changed, changedGcm])
        for (const packet of packets) {
          const octets = packet.slice();
          if (name === 'changed') octets[14]! ^= 1;
          capture.media({ from: at(40_000), to: at(40_002), octets });
        }
      const [file, keys] = ['srtp.pcap', 'srtp.keys'].map((name) => path.join(folder, name)) as [
        string,
        string,
      ];
      writeFileSync(file, capture.toFile());
      writeFileSync(keys, linesFor('wireshark', [...cases, changed, changedGcm]));
      const script = path.resolve(import.meta.dirname, '../../tools/wireshark/claviger-srtp.lua');
      const fields = ['payload', 'unopened'].flatMap((name) => ['-e', `claviger_srtp.${name}`]);
      const run = spawnSync(
        'tshark',
        [
          ...[
            '-X',
            `lua_script:${script}`,
            '-o',
            `claviger_srtp.keylog:${keys}`,
            '-d',
            'udp.port==40002,rtp',
          ],
          ...['-r', file, '-2', '-Y', 'claviger_srtp', '-T', 'fields', ...fields],
        ],
        { encoding: 'utf8' },
      );
      expect(run.stderr).not.toMatch(/lua|assert|error/i);
      const rows = run.stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t'));
      const expected = cases.flatMap(({ payloads }) => payloads.map((payload) => [payload, '']));
      const unopened = [...changed.packets, ...changedGcm.packets].map((): unknown[] => [
        '',
        expect.stringMatching(/^(1|True)$/),
      ]);
      expect(rows).toEqual([...expected, ...unopened]);
    },
  );

  it('are of one line each, whatever is in them', () => {
    for (const format of ['sdes', 'libsrtp', 'wireshark'] as const)
      expect(utf8(linesFor(format, cases)).filter((octet) => octet === 10)).toHaveLength(2 * cases.length);
  });
});

function missingLibrary(): boolean {
  if (strict) return false;
  const load = 'import ctypes; ctypes.CDLL("libsrtp2.so.1")';
  const isMissing = spawnSync('python3', ['-c', load]).status !== 0;
  if (isMissing) console.warn('skipped: libsrtp2 is not installed');
  return isMissing;
}

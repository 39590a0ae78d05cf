/** Each call as a folder: what Wireshark plays, what people read, what a spreadsheet takes; and nothing that is withheld. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { concat, toHex } from '../../src/bytes/octets.ts';
import { csvRow } from '../../src/cli/workbench/csv.ts';
import { WavSamples } from '../../src/cli/workbench/wav-samples.ts';
import { mixWav } from '../../src/cli/workbench/mix-wav.ts';
import { decodeRtpHeader } from '../../src/media/rtp.ts';
import { shownKey, StreamDecryptor } from '../../src/media/srtp/stream-decryptor.ts';
import { suiteByName } from '../../src/media/srtp/suites.ts';
import { parseCryptoAttribute, usableSdesKeys } from '../../src/sip/sdes.ts';
import { decodeWav, encodeWav } from '../../src/media/wav.ts';
import { spectrogramDrawing } from '../../src/views/spectrogram.ts';
import { waveformDrawing } from '../../src/views/waveform.ts';
import { delivered, InterceptedCall } from '../entities/lemf/call.ts';
import type { CallOptions } from '../entities/lemf/call.ts';
import { missingTool } from '../support/shared.ts';
import { claviger } from './in-process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-export-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function exported(name: string, calls: readonly InterceptedCall[], ...options: string[]) {
  const out = path.join(folder, name);
  const [hi2, hi3] = ['hi2', 'hi3'].map((kind) => path.join(folder, `${name}.${kind}`)) as [string, string];
  writeFileSync(hi2, concat(...calls.flatMap((call) => delivered([...call.signalling, ...call.keys]))));
  writeFileSync(hi3, concat(...calls.flatMap((call) => delivered(call.content))));
  return {
    out,
    ...(await claviger('lemf', 'export', '--hi2', hi2, '--hi3', hi3, '--out', out, ...options).then(
      ({ out: printed, ...rest }) => ({ printed, ...rest }),
    )),
  };
}

const call = (options: CallOptions = {}): InterceptedCall =>
  new InterceptedCall('exchange-1.json', { packets: 10, ...options });

const hex = (ssrc: number): string => ssrc.toString(16).padStart(8, '0');

describe('claviger lemf export', () => {
  it('R-20: writes records, ladder, mixed audio and a capture of each call, for nobody else to read', async () => {
    const first = call();
    const { out, status, printed } = await exported('two', [first, call({ cin: 2, liid: 'LIID=2/..' })]);
    expect([status, printed.match(/^\S.*packets$/gm)?.length]).toEqual([0, 2]);
    const told = (await exported('told', [first], '--json')).printed;
    expect(JSON.parse(told)).toMatchObject({ liid: 'LIID-1', cin: 1, recovered: true });
    expect(readdirSync(out).filter((name) => name.startsWith('call-'))).toEqual([
      'call-LIID_1-cin1',
      'call-LIID_2___-cin2',
    ]);
    const at = path.join(out, 'call-LIID_1-cin1');
    expect(readdirSync(at).sort()).toEqual([
      'call.pcapng',
      'ladder.svg',
      'ladder.txt',
      'mixed.wav',
      'records.csv',
      'spectrogram.svg',
      'waveform.svg',
    ]);
    for (const name of readdirSync(at)) expect(statSync(path.join(at, name)).mode & 0o077, name).toBe(0);

    const rows = readFileSync(path.join(at, 'records.csv'), 'utf8').split('\r\n');
    expect(rows).toHaveLength(10);
    expect(rows[0]).toBe('number,time,direction,event,message,MIKEY,keys,failure');
    expect(rows[1]).toMatch(
      /^0,2030-01-01T00:00:00\.000Z,fromTarget,unfilteredSIPmessage,INVITE \S+ SIP\/2\.0,"I_MESSAGE_1, \d+ octets",,$/,
    );
    expect(rows[7]).toMatch(/^6,[^,]+,,decryptionKeysAvailable,,,CS 1,$/);

    const ladder = readFileSync(path.join(at, 'ladder.txt'), 'utf8');
    expect(ladder).toMatch(
      /INVITE [^\n]*\n[^\n]*->[^]*183 Session[^\n]*\n[^\n]*<-[^]*\* key of CS 1\n?[^]*\* key of CS 2/,
    );
    expect(readFileSync(path.join(at, 'ladder.svg'), 'utf8')).toContain('BYE sip:alice@home1.example');

    const mixed = decodeWav(readFileSync(path.join(at, 'mixed.wav')));
    const [a, b] = first.streams.map(({ spoken }) => spoken);
    expect([...mixed]).toEqual(
      [...a!].map((sample, i) => Math.max(-32_768, Math.min(32_767, sample + b![i]!))),
    );
  });

  it('R-20: draws the audio of each direction as it was spoken, with the place of each key', async () => {
    const spoken = call({ packets: 60 });
    const { out } = await exported('drawn', [spoken]);
    const [waveform, spectrogram] = ['waveform', 'spectrogram'].map((name) =>
      readFileSync(path.join(out, 'call-LIID_1-cin1', `${name}.svg`), 'utf8'),
    ) as [string, string];
    const samples = spoken.streams.map((stream) => stream.spoken);
    const ssrcs = spoken.vector.keys.cryptoSessions.map(({ ssrc }) => ssrc);
    for (const drawing of [waveform, spectrogram]) {
      expect(drawing).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" [^]*<\/svg>\n$/);
      expect(drawing).toContain(`data-seconds="${samples[0]!.length / 8000}"`);
      expect(drawing).not.toMatch(/href|<script|<style/);
    }
    const labels = [...waveform.matchAll(/class="lane-label"[^>]*>([^<]*)</g)].map(([, label]) => label);
    expect(labels.map((label) => label?.replace(/:.*/, ''))).toEqual([
      `from the target, SSRC ${hex(ssrcs[0]!)}`,
      `to the target, SSRC ${hex(ssrcs[1]!)}`,
    ]);
    expect([...waveform.matchAll(/key 1 from 0\.00 s: CS ID (\d)/g)].map(([, csId]) => csId)).toContain('1');
    const lanes = samples.map((each, at) => ({ label: labels[at]!, samples: each }));
    const paths = (drawing: string) => [...drawing.matchAll(/ d="([^"]*)"/g)].map(([, d]) => d);
    expect(paths(waveform)).toEqual(paths(String(waveformDrawing({ title: '', lanes, rate: 8000 }))));
    expect(paths(spectrogram)).toEqual(paths(String(spectrogramDrawing({ title: '', lanes, rate: 8000 }))));
    expect(paths(spectrogram).length).toBeGreaterThan(2);
  });

  it.skipIf(missingTool('tshark'))(
    'R-20: the capture is SIP and RTP in the clear for Wireshark, packet by packet',
    async () => {
      const { out } = await exported('capture', [call()]);
      const { stdout, stderr } = spawnSync(
        'tshark',
        [
          '-r',
          path.join(out, 'call-LIID_1-cin1', 'call.pcapng'),
          '-T',
          'fields',
          ...['sip.Method', 'sip.Status-Code', 'rtp.ssrc', 'rtp.seq', 'rtp.payload', '_ws.malformed'].flatMap(
            (field) => ['-e', field],
          ),
        ],
        { encoding: 'utf8' },
      );
      const rows = stdout
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => line.split('\t'));
      expect(rows.map(([method = '', code = '']) => method || code).filter(Boolean), stderr).toEqual([
        'INVITE',
        '183',
        'PRACK',
        '200',
        '200',
        'BYE',
      ]);
      const rtp = rows.filter(([, , ssrc = '']) => ssrc !== '');
      expect(rtp).toHaveLength(20);
      expect(rtp.every(([, , , , payload = '']) => payload.length === 320)).toBe(true);
      expect(rtp.slice(0, 10).map(([, , , seq]) => seq)).toEqual(
        Array.from({ length: 10 }, (_, i) => String(7 + i)),
      );
    },
  );

  it('R-20: writes keys only where it is told to: those that opened packets, as lines that open them again', async () => {
    const { streams, vector } = call();
    const at = (name: string): string => path.join(folder, name, 'call-LIID_1-cin1', 'keys.txt');
    await exported('without-keys', [call()]);
    expect(existsSync(at('without-keys'))).toBe(false);
    const { printed } = await exported('keys', [call()], '--reveal-keys');
    expect(statSync(at('keys')).mode & 0o777).toBe(0o600);
    const text = readFileSync(at('keys'), 'utf8');
    const lines = text.split('\n').filter((line) => line.startsWith('a='));
    const { cryptoSessions } = vector.keys;
    expect(lines).toHaveLength(cryptoSessions.length);
    expect(text).toMatch(/^# SSRC [0-9a-f]{8}, fromTarget, [^\n]*CS ID 1, 10 packets$/m);
    for (const [index, { tek, salt, mki }] of cryptoSessions.entries()) {
      const read = parseCryptoAttribute(lines[index]!.slice(2));
      expect(read?.keys.map(({ keyAndSalt }) => toHex(keyAndSalt.expose()))).toEqual([tek + salt]);
      expect(lines[index]).toContain(`|${BigInt(`0x${mki}`)}:8`);
      const { suite, keys } = usableSdesKeys(read!, suiteByName)!;
      const decryptor = new StreamDecryptor(
        keys.map((key) => shownKey(suite, key.keyAndSalt, key.mkiLength)),
      );
      const packets = streams[index]!.records.map(({ content }) => content);
      expect(packets).toHaveLength(10);
      const numbers = packets.map((packet) => decodeRtpHeader(packet).header.sequenceNumber);
      expect(packets.filter((packet, number) => decryptor.open(packet, numbers[number]!) === null)).toEqual(
        [],
      );
    }
    expect(printed).not.toContain(cryptoSessions[0]!.tek);
  });

  it('R-20: a call that is withheld has neither RTP nor audio nor keys, also not of the stream that verifies', async () => {
    const right = call({ packets: 60 });
    const wrong = call({ packets: 60, keying: { tek: '00'.repeat(16), salt: '00'.repeat(14), mki: '' } });
    const hi2 = concat(...delivered([...right.signalling, ...right.keys]));
    const content = [...right.streams[0]!.records, ...wrong.streams[1]!.records];
    const [at2, at3, out] = ['w.hi2', 'w.hi3', 'withheld'].map((name) => path.join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(at2, hi2);
    writeFileSync(at3, concat(...delivered(content)));
    const run = await claviger('lemf', 'export', '--hi2', at2, '--hi3', at3, '--out', out, '--reveal-keys');
    expect([run.status, run.err]).toEqual([1, expect.stringContaining('1 of 1 calls not recovered')]);
    const at = path.join(out, 'call-LIID_1-cin1');
    for (const name of ['mixed.wav', 'waveform.svg', 'spectrogram.svg'])
      expect(existsSync(path.join(at, name)), name).toBe(false);
    expect(existsSync(path.join(at, 'keys.txt'))).toBe(false);
    const kept = statSync(path.join(at, 'call.pcapng')).size;
    const partial = await claviger('lemf', 'export', '--partial', '--hi2', at2, '--hi3', at3, '--out', out);
    expect(partial.status).toBe(1);
    expect(statSync(path.join(at, 'call.pcapng')).size).toBeGreaterThan(kept + 60 * 200);
    expect(existsSync(path.join(at, 'mixed.wav'))).toBe(true);
  });

  it('refuses files that are not there, and says of files without a call that they have none', async () => {
    const none = path.join(folder, 'none');
    const refused = await claviger(
      'lemf',
      'export',
      '--hi2',
      none,
      '--hi3',
      none,
      '--out',
      path.join(folder, 'x'),
    );
    expect([refused.status, refused.err]).toEqual([1, expect.stringMatching(/no such file/)]);
    expect(existsSync(path.join(folder, 'x'))).toBe(false);
    const { status, err } = await exported('empty', []);
    expect([status, err]).toEqual([1, expect.stringContaining('the files hold no call')]);
  });
});

describe('what the export writes', () => {
  it('draws what is in several files as one recording, whichever piece is asked for', () => {
    const files = [Int16Array.of(1, 2, 3), Int16Array.of(), Int16Array.of(-4, 5)].map((samples, at) => {
      const file = path.join(folder, `piece-${at}.wav`);
      writeFileSync(file, encodeWav(samples));
      return file;
    });
    const recording = new WavSamples(files);
    expect(recording.length).toBe(5);
    expect([...recording.subarray()]).toEqual([1, 2, 3, -4, 5]);
    expect([...recording.subarray(2, 4)]).toEqual([3, -4]);
    expect([...recording.subarray(4, 4)]).toEqual([]);
    recording.close();
    expect(() => new WavSamples([...files, path.join(folder, 'none.wav')])).toThrow('ENOENT');
  });

  it('is text for a spreadsheet: nothing is computed, no cell ends early', () => {
    expect(csvRow(['=1+1', '+1', '-1', '@x', 'a"b,c', ' d', null, 7])).toBe(
      `'=1+1,'+1,'-1,'@x,"a""b,c"," d",,7\r\n`,
    );
    expect(csvRow(['\r\n=2', '\t=3', '\u001b[2J'])).toBe('\ufffd\ufffd=2,\ufffd=3,\ufffd[2J\r\n');
  });

  it('adds recordings where they were spoken, in pieces too, and does not overflow', () => {
    const files = [Int16Array.of(30_000, 1), Int16Array.of(2, 3), Int16Array.of(10_000, -5)].map(
      (samples, at) => {
        const file = path.join(folder, `${at}.wav`);
        writeFileSync(file, encodeWav(samples));
        return file;
      },
    ) as [string, string, string];
    const out = path.join(folder, 'mix.wav');
    expect(
      mixWav(out, [
        { files: [files[0], files[1]], from: 1000 },
        { files: [files[2]], from: 1000 },
      ]),
    ).toBe(4);
    expect([...decodeWav(readFileSync(out))]).toEqual([32_767, -4, 2, 3]);
    expect(
      mixWav(out, [
        { files: [files[1]], from: 1001 },
        { files: [files[0]], from: 1000 },
      ]),
    ).toBe(10);
    expect([...decodeWav(readFileSync(out))]).toEqual([30_000, 1, 0, 0, 0, 0, 0, 0, 2, 3]);
  });
});

/** A run's capture as Wireshark reads it, and where it may go. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { concat, toHex, utf8 } from '../../../src/bytes/octets.ts';
import { Capture } from '../../../src/lab/capture/capture.ts';
import { CaptureFile, checkCapture } from '../../../src/lab/capture/capture-file.ts';
import { encodePcap, isPcap } from '../../../src/lab/capture/pcap.ts';
import { encodePsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import { encodePdu, keepalivePdu, PDU_TYPE } from '../../../src/wire/x2x3/pdu.ts';
import { missingTool } from '../../support/shared.ts';
import { samples } from '../../wire/hi/samples.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-capture-'));
afterAll(() => rmSync(folder, { recursive: true }));

const at = (port: number, address = '127.0.0.1'): { address: string; port: number } => ({ address, port });
const psPdus = samples.slice(0, 4).map(([, pdu]) => encodePsPdu(pdu));
const pdus = [1, 2, 3].map((number) => encodePdu(keepalivePdu(PDU_TYPE.keepalive, number)));
const acknowledgement = encodePdu(keepalivePdu(PDU_TYPE.keepaliveAck, 3));
const sdp = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 21000 RTP/AVP 0',
  '',
];
const body = sdp.join('\r\n');
const invite = utf8(
  [
    'INVITE sip:bob@home2.example SIP/2.0',
    'Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bKa',
    'Max-Forwards: 70',
    'From: <sip:alice@home1.example>;tag=a',
    'To: <sip:bob@home2.example>',
    'Call-ID: c',
    'CSeq: 1 INVITE',
    'Content-Type: application/sdp',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n'),
);
const rtp = Uint8Array.from([0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, ...Array<number>(160).fill(0x7f)]);

/** A stream that comes in pieces: two octets of what follows at the end of each. */
function inPieces(all: Uint8Array): Uint8Array[] {
  const middle = Math.floor(all.length / 2);
  return [all.subarray(0, middle), all.subarray(middle, middle + 1), all.subarray(middle + 1)];
}

function captured(address: string): Capture {
  let now = Date.UTC(2030, 0, 1);
  const capture = new Capture(() => now++);
  const end = (port: number): { address: string; port: number } => at(port, address);
  const seen = { local: end(6514), remote: end(40_000) };
  capture.sip({ protocol: 'TCP', from: end(5080), to: end(5060), octets: invite });
  capture.media({ from: end(22_000), to: end(21_000), octets: rtp });
  for (const octets of inPieces(concat(...pdus)))
    capture.stream({ stream: 'X2/X3', direction: 'received', ...seen, octets });
  capture.stream({ stream: 'X2/X3', direction: 'sent', ...seen, octets: acknowledgement });
  for (const octets of inPieces(concat(...psPdus)))
    capture.stream({ stream: 'HI', direction: 'received', ...seen, local: end(7512), octets });
  return capture;
}

function tshark(file: string, fields: readonly string[], more: readonly string[] = []): string[][] {
  const { stdout, stderr, status } = spawnSync(
    'tshark',
    ['-r', file, '-T', 'fields', ...more, ...fields.flatMap((field) => ['-e', field])],
    { encoding: 'utf8' },
  );
  expect(status, stderr).toBe(0);
  return stdout
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.split('\t'));
}

describe('a capture', () => {
  it.skipIf(missingTool('tshark')).each(['127.0.0.1', '::1'])(
    'R-93: of %s is packets whose sums are right and streams that are whole, one PDU a segment, says tshark',
    (address) => {
      const file = path.join(folder, `${address.replaceAll(':', '')}.pcap`);
      writeFileSync(file, captured(address).toFile());
      const rows = tshark(
        file,
        ['tcp.dstport', 'tcp.payload', 'sip.Method', 'rtp.seq', 'tcp.analysis.flags', '_ws.expert.message'],
        [
          ...['-o', 'tcp.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE'],
          ...['-o', 'ip.check_checksum:TRUE', '-d', 'tcp.port==7512,data', '-d', 'tcp.port==6514,data'],
        ],
      );
      const to = (port: string): string[] =>
        rows.flatMap(([to, payload = '']) => (to === port && payload !== '' ? [payload] : []));
      expect(to('6514')).toEqual(pdus.map(toHex));
      expect(to('40000')).toEqual([toHex(acknowledgement)]);
      expect(to('7512')).toEqual(psPdus.map(toHex));
      expect(rows.flatMap(([, , method = '']) => (method === '' ? [] : [method]))).toEqual(['INVITE']);
      expect(rows.flatMap(([, , , number = '']) => (number === '' ? [] : [number]))).toHaveLength(
        address === '::1' ? 0 : 1,
      );
      expect(rows.flatMap(([, , , , flags = '']) => (flags === '' ? [] : [flags]))).toEqual([]);
      expect(rows.flatMap((row) => (/checksum|malformed/i.test(row[5] ?? '') ? [row[5]] : []))).toEqual([]);
      expect(rows.length).toBeGreaterThan(20);
    },
  );

  it('goes on with what comes where a stream cannot be cut into PDUs any more', () => {
    const capture = new Capture(() => 0);
    const sight = { stream: 'HI', direction: 'received', local: at(1), remote: at(2) } as const;
    for (let nth = 0; nth < 2; nth++) capture.stream({ ...sight, octets: Uint8Array.of(0xff, 1, 2) });
    // Handshake, then a segment each.
    expect(capture.packets).toBe(5);
  });
});

describe('where a capture goes', () => {
  const out = path.join(folder, 'out');
  const refused = (file: string): void =>
    expect(() => checkCapture(file, out)).toThrow(expect.objectContaining({ code: 'options' }));

  it('R-93: is not where something else is, and nothing is touched', () => {
    const notes = path.join(folder, 'notes.txt');
    writeFileSync(notes, 'notes');
    symlinkSync(notes, path.join(folder, 'link.pcap'));
    mkdirSync(path.join(folder, 'folder'));
    for (const file of [notes, path.join(folder, 'link.pcap'), path.join(folder, 'folder'), '/dev/null'])
      refused(file);
    refused(path.join(folder, 'none', 'call.pcap'));
    refused(path.join(out, 'report.json'));
    refused(path.join(out, 'home1', 'capture.pcap'));
    expect(readFileSync(notes, 'utf8')).toBe('notes');
  });

  it('is in place of an earlier capture, or in the folder of the run by its name there', () => {
    const file = path.join(folder, 'call.pcap');
    checkCapture(path.join(out, 'capture.pcap'), out);
    checkCapture(file, out);
    const capture = new CaptureFile(file, () => 0);
    expect(toHex(readFileSync(file))).toBe(toHex(encodePcap([])));
    capture.packets.media({ from: at(1), to: at(2), octets: rtp });
    capture.write();
    expect(isPcap(readFileSync(file))).toBe(true);
    expect(readFileSync(file).length).toBe(24 + 16 + 28 + rtp.length);
    checkCapture(file, out);
  });
});

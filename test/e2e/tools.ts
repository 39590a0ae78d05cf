/** What independent tools make of a run: libxml2's xmllint, Wireshark's tshark. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { toHex } from '../../src/bytes/octets.ts';
import { decodeMessage } from '../../src/mikey/message.ts';
import { sharedPath } from '../support/shared.ts';

export interface Verdict {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function ran(command: string, args: readonly string[]): Verdict {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  return { status, stdout, stderr };
}

export function xmllint(files: readonly string[]): Verdict {
  return ran('xmllint', ['--noout', '--nonet', '--schema', sharedPath('xsd/all.xsd'), ...files]);
}

/** Whether there is a tshark, and it knows a protocol by that name. */
export function tsharkKnows(protocol: string): boolean {
  const { stdout } = spawnSync('tshark', ['-G', 'protocols'], { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (typeof stdout !== 'string') return false;
  return stdout.split('\n').some((line) => line.split('\t')[2] === protocol);
}

/**
 * The values of `fields` in each packet, repeated ones joined by `|`. Each packet goes in a segment or datagram of its
 * own, on port 7777 (or 5060 for `sip`).
 */
export function dissect(
  packets: readonly Uint8Array[],
  as: 'sip-tcp' | 'sip-udp' | '5gli',
  fields: readonly string[],
): Record<string, string>[] {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-tshark-'));
  try {
    const [hex, pcap] = [path.join(folder, 'packets.txt'), path.join(folder, 'packets.pcap')];
    writeFileSync(hex, packets.map(hexDump).join('\n'));
    const port = as === '5gli' ? 7777 : 5060;
    const made = ran('text2pcap', ['-q', as === 'sip-udp' ? '-u' : '-T', `${port},${port}`, hex, pcap]);
    if (made.status !== 0) throw new Error(made.stderr);
    const names = [...fields, '_ws.malformed', '_ws.col.Protocol'];
    const { stdout } = ran('tshark', [
      ...['-r', pcap, '-T', 'fields', '-E', 'separator=/t', '-E', 'aggregator=|'],
      ...(as === '5gli' ? ['-d', 'tcp.port==7777,5gli'] : []),
      ...names.flatMap((field) => ['-e', field]),
    ]);
    return stdout
      .replace(/\n$/, '')
      .split('\n')
      .map((line) => line.split('\t'))
      .map((values) => Object.fromEntries(names.map((name, at) => [name, values[at] ?? ''])));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What `dissect` shows of a MIKEY message, by tshark's names. */
export function mikeyFields(octets: Uint8Array): Record<string, string> {
  const { header, payloads } = decodeMessage(octets);
  const entries = header.csIdMap.kind === 'srtp-id' ? header.csIdMap.entries : [];
  const identities = payloads.flatMap((payload) =>
    payload.kind === 'idr' ? [Buffer.from(payload.data).toString()] : [],
  );
  return {
    'mikey.version': '1',
    'mikey.type': String(header.dataType),
    'mikey.csb_id': hex32(header.csbId),
    'mikey.cs_count': String(header.csCount),
    'mikey.prf_func': String(header.prfFunc),
    'mikey.srtp_id.ssrc': entries.map(({ ssrc }) => hex32(ssrc)).join('|'),
    'mikey.id.data': identities.join('|'),
    'mikey.rand.data': payloads.flatMap((p) => (p.kind === 'rand' ? [toHex(p.rand)] : [])).join('|'),
  };
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

function hexDump(octets: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < octets.length; at += 16) {
    const row = Buffer.from(octets.subarray(at, at + 16))
      .toString('hex')
      .replace(/../g, '$& ');
    lines.push(`${at.toString(16).padStart(6, '0')} ${row}`);
  }
  return `${lines.join('\n')}\n`;
}

const CAPTURE_FIELDS = [
  ...['rtp.ssrc', 'x2x3.xid', 'x2x3.malformed', 'li_ps.payload', 'li_ps.malformed', 'mikey_ibake.type'],
  ...['mikey_ibake.malformed', 'claviger_srtp.ssrc', 'claviger_srtp.payload', 'claviger_srtp.unopened'],
];

/** What the dissectors of tools/wireshark see in a capture: the values of each field, in order. @param keys of SRTP */
export function dissectCapture(capture: string, keys: string): Readonly<Record<string, readonly string[]>> {
  const scripts = ['claviger', 'claviger-hi', 'claviger-srtp'].flatMap((name) => [
    '-X',
    `lua_script:${path.resolve(import.meta.dirname, `../../tools/wireshark/${name}.lua`)}`,
  ]);
  const { stdout, stderr } = ran('tshark', [
    ...[...scripts, '-o', `claviger_srtp.keylog:${keys}`, '-r', capture],
    ...['-T', 'fields', '-E', 'separator=/t', '-E', 'aggregator=|'],
    ...CAPTURE_FIELDS.flatMap((field) => ['-e', field]),
  ]);
  if (/lua|assert/i.test(stderr)) throw new Error(stderr);
  const rows = stdout.split('\n').map((line) => line.split('\t'));
  return Object.fromEntries(
    CAPTURE_FIELDS.map((field, at) => [
      field,
      rows.flatMap((values) => (values[at] ?? '').split('|').filter((value) => value !== '')),
    ]),
  );
}

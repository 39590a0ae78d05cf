/** The dissectors of tools/wireshark, run by tshark on captures that the product's own encoders make. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concat, fromBase64, fromHex, toHex } from '../../src/bytes/octets.ts';
import { Capture } from '../../src/lab/capture/capture.ts';
import { encodePsPdu } from '../../src/wire/hi/ps-pdu.ts';
import { encodePdu, keepalivePdu, PAYLOAD_FORMAT, PDU_TYPE } from '../../src/wire/x2x3/pdu.ts';
import { fences, page } from '../docs/support.ts';
import { delivered, InterceptedCall } from '../entities/lemf/call.ts';
import { missingTool } from '../support/shared.ts';
import { samples } from '../wire/hi/samples.ts';
import { samplePdu, XID } from '../wire/x2x3/support.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-wireshark-'));
afterAll(() => rmSync(folder, { recursive: true }));
const tools = path.resolve(import.meta.dirname, '../../tools/wireshark');

const at = (port: number): { address: string; port: number } => ({ address: '127.0.0.1', port });
const call = new InterceptedCall('exchange-1.json', { packets: 2 });
const messages = Object.entries(call.vector.messages).map(
  ([name, { message }]) => [name, fromBase64(message)] as const,
);
const sip = call.signalling.flatMap((record) => (record.kind === 'sip-message' ? [record.sip] : []));
const psPdus = [
  ...delivered([...call.signalling, ...call.keys, call.failure, ...call.content]),
  ...samples.map(([, pdu]) => encodePsPdu(pdu)),
];
const x2 = [
  ...sip.map((payload) => encodePdu({ ...samplePdu(), payload })),
  ...call.content.map(({ content: payload }) =>
    encodePdu({ ...samplePdu(), type: PDU_TYPE.x3, payloadFormat: PAYLOAD_FORMAT.rtp, payload }),
  ),
  encodePdu(keepalivePdu(PDU_TYPE.keepalive, 7)),
];

/** A segment of TCP as it is, from one port to another. */
function send(capture: Capture, port: number, octets: Uint8Array): void {
  capture.sip({ protocol: 'TCP', from: at(30_000 + port), to: at(port), octets });
}

function fileOf(name: string, fill: (capture: Capture) => void): string {
  let now = Date.UTC(2030, 0, 1);
  const capture = new Capture(() => now++);
  fill(capture);
  const file = path.join(folder, name);
  writeFileSync(file, capture.toFile());
  return file;
}

function tshark(file: string, ...args: string[]): string {
  const scripts = ['claviger.lua', 'claviger-hi.lua'].flatMap((name) => [
    '-X',
    `lua_script:${path.join(tools, name)}`,
  ]);
  const run = spawnSync('tshark', [...scripts, '-r', file, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 27,
  });
  expect(run.status, run.stderr).toBe(0);
  expect(run.stderr).not.toMatch(/lua|assert|error/i);
  return run.stdout;
}

const FIELDS = [
  ...['frame.protocols', '_ws.col.Info', '_ws.malformed', 'sip.Method', 'rtp.ssrc', 'rtp.seq'],
  ...['type', 'csb_id', 'idr.data', 'cs.ssrc', 'mac', 'malformed'].map((name) => `mikey_ibake.${name}`),
  ...['recipient', 'prefix', 'nonce'].map((name) => `mikey_ibake.cms.${name}`),
  ...['payload', 'seq', 'liid', 'key.cs_id', 'tri', 'hi1', 'malformed'].map((name) => `li_ps.${name}`),
  ...['version', 'xid', 'target', 'attribute.time', 'malformed'].map((name) => `x2x3.${name}`),
];

/** The fields of a frame by name, each with all its occurrences. */
type Frame = (field: string) => string[];

/** All frames in one run: tshark takes long to start. */
function framesOf(file: string): Frame[] {
  const fields = FIELDS.flatMap((field) => ['-e', field]);
  const lines = tshark(file, '-T', 'fields', '-E', 'aggregator=|', ...fields)
    .split('\n')
    .slice(0, -1);
  return lines.map((line) => {
    const values = line.split('\t');
    return (field) => (values[FIELDS.indexOf(field)] ?? '').split('|').filter((value) => value !== '');
  });
}

describe.skipIf(missingTool('tshark'))('the dissectors for Wireshark', () => {
  const whole = fileOf('whole.pcap', (capture) => {
    for (const [, octets] of messages) capture.media({ from: at(40_000), to: at(2269), octets });
    for (const octets of sip) send(capture, 5060, octets);
    for (const octets of x2) send(capture, 6514, octets);
    // In pieces that do not end where PDUs do.
    const all = concat(...psPdus);
    for (let from = 0; from < all.length; from += 700) send(capture, 7512, all.subarray(from, from + 700));
  });

  let frames: readonly Frame[] = [];
  beforeAll(() => {
    frames = framesOf(whole);
  });
  const having = (field: string): Frame[] => frames.filter((frame) => frame(field).length > 0);
  const all = (field: string): string[] => frames.flatMap((frame) => frame(field));

  it('name the messages of RFC 6267 on UDP, in SDP, in X2 and in HI2, with all that is in the clear', () => {
    const seen = having('mikey_ibake.type');
    const carriers = seen.map((frame) => /x2x3|li_ps|sdp|udp/.exec(frame('frame.protocols')[0] ?? '')?.[0]);
    expect(carriers).toEqual(
      ['udp', 'sdp', 'x2x3', 'li_ps'].flatMap((carrier) => Array<string>(4).fill(carrier)),
    );
    for (const [at, frame] of seen.entries()) {
      const [name, octets] = messages[at % 4]!;
      expect(new Set(frame('mikey_ibake.type'))).toEqual(new Set([String(22 + (at % 4))]));
      expect(frame('_ws.col.Info').join('|')).toContain(name);
      expect(frame('mikey_ibake.csb_id')[0]).toBe(`0x${toHex(octets.subarray(4, 8))}`);
      expect(frame('mikey_ibake.idr.data').slice(0, 2)).toEqual([call.vector.uri.i, call.vector.uri.r]);
      expect(frame('mikey_ibake.cs.ssrc').slice(0, 2)).toHaveLength(2);
    }
    const [first, , , last] = seen;
    expect(first!('mikey_ibake.cms.recipient')).toEqual([call.vector.uri.r]);
    for (const [field, length] of [
      ['mikey_ibake.cms.prefix', 64],
      ['mikey_ibake.cms.nonce', 24],
    ] as const) {
      const [value = ''] = first!(field);
      expect(value).toHaveLength(length);
      expect(toHex(messages[0]![1])).toContain(value);
    }
    expect(last!('mikey_ibake.mac')).toEqual([toHex(messages[3]![1].subarray(-32))]);
  });

  it('read HI2 and HI3 across segments, and hand SIP and RTP to Wireshark’s own dissectors', () => {
    expect(all('li_ps.payload')).toHaveLength(psPdus.length);
    expect(new Set(all('li_ps.payload'))).toEqual(new Set(['IRI', 'CC', 'TRI', 'HI1']));
    expect(all('li_ps.liid').filter((liid) => liid === call.liid)).toHaveLength(13);
    const within = having('li_ps.payload');
    const methods = within.flatMap((frame) => frame('sip.Method'));
    expect(methods.slice(0, 3)).toEqual(['INVITE', 'PRACK', 'BYE']);
    for (const { ssrc } of call.vector.keys.cryptoSessions) {
      const text = `0x${ssrc.toString(16).padStart(8, '0')}`;
      expect(within.flatMap((frame) => frame('rtp.ssrc')).filter((each) => each === text)).toHaveLength(2);
    }
    expect(all('li_ps.key.cs_id').slice(0, 2)).toEqual(['01', '02']);
    expect(all('li_ps.tri')).toContain('13');
    expect(all('li_ps.hi1')).toContain('4');
    expect(all('_ws.col.Info').join('|')).toContain(
      'IRI LIID-1 CIN 1 #6: decryptionKeysAvailable, key of CS 01',
    );
  });

  it('read header and attributes of X2 and X3, and complain of nothing that is whole', () => {
    const seen = having('x2x3.version');
    expect(seen).toHaveLength(x2.length);
    const [first] = seen;
    expect(first!('x2x3.xid')).toEqual([XID]);
    expect(first!('x2x3.target')).toEqual(['<sipUri>sip:alice@home1.example</sipUri>']);
    expect(first!('x2x3.attribute.time')[0]).toContain('2027');
    expect(first!('_ws.col.Info').join('|')).toMatch(/^X2 from target, SIP \| ?Request: INVITE/);
    expect(seen.flatMap((frame) => frame('rtp.seq'))).toEqual(['7', '8', '7', '8']);
    expect(seen.at(-1)!('_ws.col.Info')).toEqual(['Keepalive']);
    for (const field of ['mikey_ibake.malformed', 'li_ps.malformed', 'x2x3.malformed', '_ws.malformed'])
      expect(all(field), field).toEqual([]);
  });

  it('show a message and a record of keys as the workbench’s page has them', () => {
    const shown = fileOf('figures.pcap', (capture) => {
      capture.media({ from: at(40_000), to: at(2269), octets: messages[1]![1] });
      send(capture, 7512, concat(...delivered(call.keys.slice(0, 1))));
    });
    const text = tshark(shown, '-O', 'mikey_ibake,li_ps', '-Y', 'mikey_ibake.type || li_ps.key.cs_id');
    // The tree of each frame's last protocol.
    const trees = text
      .trimEnd()
      .split('\n\n')
      .map((frame) => frame.split('\n'))
      .map((lines) => lines.slice(lines.findLastIndex((line) => !line.startsWith(' '))));
    const figures = fences(page('docs/workbench.md')).filter(({ language }) => language === 'tshark');
    expect(figures.map(({ lines }) => lines)).toEqual(trees);
  });

  it('survive ends that are cut off, lengths that nothing has, and octets that were changed, and say so', () => {
    const [, message] = messages[2]!;
    const huge = '3084ffffffff';
    const hostile = fileOf('hostile.pcap', (capture) => {
      for (let end = 2; end < message.length; end += 37)
        capture.media({ from: at(40_000), to: at(2269), octets: message.subarray(0, end) });
      for (let place = 2; place < message.length; place += 11) {
        const octets = message.slice();
        octets[place]! ^= 0xff;
        capture.media({ from: at(40_001), to: at(2269), octets });
      }
      let port = 8000;
      const psPdu = psPdus[0]!;
      for (let place = 0; place < 120; place += 2) {
        const octets = psPdu.slice();
        octets[place]! ^= 0xff;
        send(capture, port++, concat(psPdu, octets));
      }
      for (const octets of [
        huge,
        '3080'.repeat(60),
        '30ffffffffffffffffff',
        `1f${'ff'.repeat(20)}`,
        '00'.repeat(40),
      ])
        send(capture, port++, concat(psPdu, fromHex(octets), psPdu));
      for (let place = 0; place < 60; place++) {
        const octets = x2[0]!.slice();
        octets[place]! ^= 0xff;
        send(capture, port++, concat(x2[0]!, octets));
      }
      send(capture, port++, concat(x2.at(-1)!, fromHex('00050001fffffff0fffffff0')));
    });
    const text = tshark(hostile, '-V');
    expect(text).not.toMatch(/Lua Error|\.lua:/);
    const count = (filter: string): number => (text.match(new RegExp(filter, 'g')) ?? []).length;
    // A message that is cut off, or whose lengths were changed, is marked: nearly all of them.
    expect(count('MIKEY-IBAKE: I_MESSAGE_2')).toBeGreaterThan(50);
    expect(count('octets expected at')).toBeGreaterThan(20);
    expect(count('an element of 4294967295 octets')).toBeGreaterThan(0);
    expect(count('nested too deeply')).toBeGreaterThan(0);
    expect(count('lengths that no PDU has')).toBeGreaterThan(2);
    expect(count('not a PS-PDU')).toBeGreaterThan(1);
  });
});

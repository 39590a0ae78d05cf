/** MIKEY messages as an independent dissector sees them: Wireshark's, on UDP port 2269. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../src/bytes/octets.ts';
import type { CommonHeader } from '../../src/mikey/header.ts';
import { decodeMessage, encodeMessage, payloadsOf } from '../../src/mikey/message.ts';
import { ntpFromUnixMs, unixMsFromNtp } from '../../src/mikey/ntp.ts';
import { missingTool } from '../support/shared.ts';
import { exchange, FILES, messagesOf } from './vectors.ts';

const isMissing = missingTool('tshark') || missingTool('text2pcap');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-mikey-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The values of `fields` in the dissection of one message: comma-separated where they repeat. */
function dissect(octets: Uint8Array, fields: readonly string[]): Record<string, string> {
  const hex = path.join(folder, 'message.txt');
  const pcap = path.join(folder, 'message.pcap');
  writeFileSync(hex, `0000 ${toHex(octets).replace(/../g, '$& ')}\n`);
  expect(spawnSync('text2pcap', ['-q', '-u', '2269,2269', hex, pcap]).status).toBe(0);
  const options = ['-r', pcap, '-T', 'fields', '-E', 'separator=/t', '-E', 'aggregator=|'];
  const names = [...fields, '_ws.malformed'];
  const run = spawnSync('tshark', [...options, ...names.flatMap((field) => ['-e', field])], {
    encoding: 'utf8',
  });
  const values = run.stdout.replace(/\n$/, '').split('\t');
  const seen = Object.fromEntries(names.map((field, i) => [field, values[i] ?? '']));
  expect(seen['_ws.malformed'], run.stderr).toBe('');
  return seen;
}

const HEADER = [
  'mikey.version',
  'mikey.type',
  'mikey.v.set',
  'mikey.prf_func',
  'mikey.csb_id',
  'mikey.cs_count',
];
const hex32 = (value: number) => `0x${value.toString(16).padStart(8, '0')}`;

/** Wireshark's text of an NTP timestamp. */
function ntpText(value: Uint8Array): string {
  return new Date(Math.floor(unixMsFromNtp(value))).toISOString().slice(11, 19);
}

describe.skipIf(isMissing)('dissected by tshark', () => {
  describe.each(FILES)('%s', (file) => {
    it.each(messagesOf(exchange(file)))('%s: header, map, T, RAND, identities, SP, EXT, V', (_, octets) => {
      const { header, payloads } = decodeMessage(octets);
      const seen = dissect(encodeMessage({ header, payloads }), [
        ...HEADER,
        'mikey.srtp_id.ssrc',
        'mikey.t.ntp',
        'mikey.rand.data',
        'mikey.id.role',
        'mikey.id.data',
        'mikey.sp.param.type',
        'mikey.ext.value',
        'mikey.v.auth_alg',
        'mikey.v.ver_data',
      ]);
      const located = { payloads };
      const entries = header.csIdMap.kind === 'srtp-id' ? header.csIdMap.entries : [];
      expect(seen).toMatchObject({
        'mikey.version': '1',
        'mikey.type': String(header.dataType),
        'mikey.v.set': header.v ? '1' : '0',
        'mikey.prf_func': String(header.prfFunc),
        'mikey.csb_id': hex32(header.csbId),
        'mikey.srtp_id.ssrc': entries.map(({ ssrc }) => hex32(ssrc)).join('|'),
        'mikey.rand.data': payloadsOf(located, 'rand')
          .map(({ rand }) => toHex(rand))
          .join('|'),
        'mikey.id.role': payloadsOf(located, 'idr')
          .map(({ role }) => role)
          .join('|'),
        'mikey.id.data': payloadsOf(located, 'idr')
          .map(({ data }) => Buffer.from(data).toString())
          .join('|'),
        'mikey.ext.value': payloadsOf(located, 'ext')
          .map(({ data }) => Buffer.from(data).toString())
          .join('|'),
        'mikey.v.auth_alg': payloadsOf(located, 'v')
          .map(({ authAlg }) => authAlg)
          .join('|'),
      });
      for (const { value } of payloadsOf(located, 't')) expect(seen['mikey.t.ntp']).toContain(ntpText(value));
      const params = payloadsOf(located, 'sp').flatMap((sp) => sp.params);
      expect(seen['mikey.sp.param.type']).toBe(params.map(({ type }) => type).join('|'));
    });
  });

  const header: CommonHeader = {
    version: 1,
    dataType: 2,
    v: true,
    prfFunc: 0,
    csbId: 0xfeedbeef,
    csCount: 1,
    csIdMapType: 0,
    csIdMap: { kind: 'srtp-id', entries: [{ policyNo: 3, ssrc: 0xcafe, roc: 9 }] },
  };
  const t = { kind: 't' as const, tsType: 0, value: ntpFromUnixMs(1_805_440_640_500) };
  const rand = { kind: 'rand' as const, rand: new Uint8Array(16).fill(0xa5) };
  const sign = { kind: 'sign' as const, type: 1, signature: new Uint8Array(128).fill(0x51) };

  // Wireshark 4.0 takes CERT's length from one octet too early, does not know CHASH, and expects no KV data in DH.
  it('a public-key message of RFC 3830', () => {
    const octets = encodeMessage({
      header,
      payloads: [
        t,
        rand,
        { kind: 'id', type: 0, data: utf8('alice@home1.example') },
        {
          kind: 'sp',
          policyNo: 3,
          protType: 0,
          params: [
            { type: 0, value: Uint8Array.of(1) },
            { type: 11, value: Uint8Array.of(10) },
          ],
        },
        {
          kind: 'kemac',
          encrAlg: 1,
          encrData: new Uint8Array(24).fill(0xee),
          macAlg: 1,
          mac: new Uint8Array(20).fill(0xac),
        },
        { kind: 'pke', cache: 2, data: new Uint8Array(300).fill(0x77) },
        sign,
      ],
    });
    expect(
      dissect(octets, [
        ...HEADER,
        'mikey.srtp_id.policy_no',
        'mikey.srtp_id.roc',
        'mikey.id.data',
        'mikey.sp.no',
        'mikey.sp.auth_tag_len',
        'mikey.kemac.encr_alg',
        'mikey.kemac.key_data_len',
        'mikey.kemac.mac_alg',
        'mikey.kemac.mac',
        'mikey.pke.c',
        'mikey.pke.len',
        'mikey.sign.type',
        'mikey.sign.len',
        'mikey.sign.data',
      ]),
    ).toMatchObject({
      'mikey.type': '2',
      'mikey.csb_id': '0xfeedbeef',
      'mikey.srtp_id.policy_no': '3',
      'mikey.srtp_id.roc': '0x00000009',
      'mikey.id.data': 'alice@home1.example',
      'mikey.sp.no': '3',
      'mikey.sp.auth_tag_len': '10',
      'mikey.kemac.encr_alg': '1',
      'mikey.kemac.key_data_len': '24',
      'mikey.kemac.mac_alg': '1',
      'mikey.kemac.mac': 'ac'.repeat(20),
      'mikey.pke.c': '2',
      'mikey.pke.len': '300',
      'mikey.sign.type': '1',
      'mikey.sign.len': '128',
      'mikey.sign.data': '51'.repeat(128),
    });
  });

  it('a Diffie–Hellman message, and an error message', () => {
    const value = new Uint8Array(192).fill(0x3c);
    const kv = { kind: 'null' as const };
    const dh = encodeMessage({
      header: { ...header, dataType: 4 },
      payloads: [t, rand, { kind: 'dh', group: 0, value, reserved: 0, kv }, sign],
    });
    expect(dissect(dh, ['mikey.dh.group', 'mikey.dh.value', 'mikey.dh.kv', 'mikey.sign.len'])).toMatchObject({
      'mikey.dh.group': '0',
      'mikey.dh.value': '3c'.repeat(192),
      'mikey.dh.kv': '0',
      'mikey.sign.len': '128',
    });
    const error = encodeMessage({
      header: { ...header, dataType: 6, csCount: 0, csIdMap: { kind: 'srtp-id', entries: [] } },
      payloads: [t, { kind: 'err', errorNo: 7, reserved: 0 }],
    });
    expect(dissect(error, ['mikey.type', 'mikey.err.no'])).toMatchObject({
      'mikey.type': '6',
      'mikey.err.no': '7',
    });
  });
});

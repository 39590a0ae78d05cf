import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { concat, toHex } from '../../../src/bytes/octets.ts';
import { ATTRIBUTE } from '../../../src/wire/x2x3/attributes.ts';
import { encodePdu, keepalivePdu, PAYLOAD_FORMAT, PDU_TYPE } from '../../../src/wire/x2x3/pdu.ts';
import { missingTool } from '../../support/shared.ts';
import { samplePdu, XID } from './support.ts';

const PORT = 41221;

describe.skipIf(missingTool('tshark') || missingTool('text2pcap'))(
  'An independent dissector (tshark)',
  () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'claviger-x2x3-'));
    afterAll(() => rmSync(folder, { recursive: true }));

    /** One TCP segment with the octets, dissected. The first occurrence by default: tshark shows attributes twice. */
    function dissect(octets: Uint8Array, fields: readonly string[], occurrence: 'f' | 'a' = 'f'): string[] {
      const hex = toHex(octets).match(/../g) ?? [];
      writeFileSync(path.join(folder, 'in.txt'), `000000 ${hex.join(' ')}\n`);
      const pcap = path.join(folder, 'out.pcap');
      execFileSync('text2pcap', ['-q', '-T', `50000,${PORT}`, path.join(folder, 'in.txt'), pcap], {
        stdio: 'pipe',
      });
      const args = [
        '-r',
        pcap,
        '-d',
        `tcp.port==${PORT},5gli`,
        '-T',
        'fields',
        '-E',
        'aggregator=|',
        '-E',
        `occurrence=${occurrence}`,
      ];
      const output = execFileSync('tshark', [...args, ...fields.flatMap((field) => ['-e', field])], {
        stdio: 'pipe',
      });
      return output.toString().replace(/\n$/, '').split('\t');
    }

    it('decodes an X2 PDU as it was made', () => {
      const fields = [
        'li5g.ver',
        'li5g.type',
        'li5g.hl',
        'li5g.pl',
        'li5g.pf',
        'li5g.pd',
        'li5g.xid',
        'li5g.cid',
        'li5g.sq',
        'li5g.srcip',
        'li5g.dstip',
        'li5g.srcport',
        'li5g.dstport',
        'li5g.ipproto',
        'li5g.mti',
        'sip.Method',
      ];
      const pdu = samplePdu();
      const octets = encodePdu(pdu);
      const mti = toHex(new TextEncoder().encode('<sipUri>sip:alice@home1.example</sipUri>'));
      expect(dissect(octets, fields)).toEqual([
        '5',
        '1',
        String(octets.length - pdu.payload.length),
        String(pdu.payload.length),
        '9',
        '3',
        XID,
        '0102030405060708',
        '7',
        '127.0.0.1',
        '127.0.0.2',
        '5060',
        '5080',
        '6',
        mti,
        'OPTIONS',
      ]);
    });

    it('decodes X3 with RTP and IPv6 addresses, and no expert complaint', () => {
      const rtp = Uint8Array.of(0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, ...new Uint8Array(160).fill(0x55));
      const pdu = samplePdu({
        type: PDU_TYPE.x3,
        payloadFormat: PAYLOAD_FORMAT.rtp,
        attributes: [
          { kind: 'number', type: ATTRIBUTE.sequenceNumber, value: 0 },
          { kind: 'text', type: ATTRIBUTE.sourceIpv6, value: '2001:db8::1' },
          { kind: 'text', type: ATTRIBUTE.destinationIpv6, value: '::1' },
        ],
        payload: rtp,
      });
      expect(
        dissect(encodePdu(pdu), ['li5g.type', 'li5g.srcipv6', 'li5g.dstipv6', 'rtp.ssrc', '_ws.malformed']),
      ).toEqual(['2', '2001:db8::1', '::1', '0x01020304', '']);
    });

    it('finds every PDU of one segment', () => {
      const segment = concat(encodePdu(samplePdu()), encodePdu(keepalivePdu(3, 0)), encodePdu(samplePdu()));
      expect(dissect(segment, ['li5g.type'], 'a')).toEqual(['1|3|1']);
    });
  },
);

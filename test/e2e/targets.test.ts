/** The demo with its responder as target, and with both ends: what every reference point carried, and who can read it. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBase64, toHex } from '../../src/bytes/octets.ts';
import { compareSamples, spoken } from '../../src/lab/scenarios/call.ts';
import { HOMES } from '../../src/lab/network/home.ts';
import type { HomeName } from '../../src/lab/network/home.ts';
import type { DemoReport } from '../../src/lab/scenarios/report.ts';
import type { RecoveryReport } from '../../src/entities/lemf/recover.ts';
import { IMS_EVENT } from '../../src/wire/hi/eps-iri.ts';
import { decodeGetKeysRequest } from '../../src/wire/xk/get-keys.ts';
import { ATTRIBUTE } from '../../src/wire/x2x3/attributes.ts';
import { DIRECTION, numberAttribute, textAttribute } from '../../src/wire/x2x3/pdu.ts';
import { encodeG711 } from '../../src/media/g711.ts';
import { decodeWav } from '../../src/media/wav.ts';
import { decodeMessage } from '../../src/mikey/message.ts';
import { askOracle, compileOracle, TIME_TO_COMPILE, withoutOracle } from '../support/asn1-oracle.ts';
import { buildOnce } from '../support/cli.ts';
import { noticesOf, transportOf } from '../support/handed-over.ts';
import { HAS_IPV6 } from '../support/loopback.ts';
import { missingShared, missingTool } from '../support/shared.ts';
import {
  claviger,
  failures,
  filesBelow,
  pduFrames,
  numbersByGroup,
  octetsOf,
  pdusOf,
  psPdus,
  recordsOf,
  sequenceNumbers,
  shortDemo,
  shortRecordings,
  signallingOf,
  temporaryFolder,
} from './support.ts';
import { dissect, dissectCapture, mikeyFields, tsharkKnows, xmllint } from './tools.ts';

const folder = temporaryFolder();
const out = { bob: folder.at('bob'), both: folder.at('both') };
/** What the run with both targets sent, for Wireshark. */
const capture = folder.at('call.pcap');
const reports: Record<keyof typeof out, DemoReport | null> = { bob: null, both: null };

beforeAll(async () => {
  await buildOnce();
  const revealSecrets = true;
  [reports.both, reports.bob] = await Promise.all([
    shortDemo(out.both, { target: 'both', revealSecrets, pcap: capture }),
    // SIP over TLS, and on ::1 where the machine has it: the same checks, with another IP on every reference point.
    shortDemo(out.bob, { target: 'bob', revealSecrets, ipv6: HAS_IPV6, sipTls: true }),
  ]);
}, 180_000);
afterAll(() => folder.remove());

function reportOf(run: keyof typeof out): DemoReport {
  const report = reports[run];
  if (report === null) throw new Error(`there was no run ${run}`);
  return report;
}

const wav = (...names: string[]): Int16Array => decodeWav(octetsOf(...names));

interface XkFile {
  readonly request: Record<string, unknown>;
  readonly status: number;
  readonly response: {
    readonly cryptoSessions: readonly { sessionKey: string; csId: number; ssrc: number }[];
  };
}

function xkOf(run: keyof typeof out, home: HomeName): XkFile[] {
  const files = filesBelow(path.join(out[run], home)).filter((file) =>
    file.includes(`${path.sep}xk${path.sep}`),
  );
  return files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as XkFile);
}

describe.each(['bob', 'both'] as const)('with target %s', (run) => {
  it('R-1 R-3 R-13 R-20: every check of the report passes', () => {
    const report = reportOf(run);
    expect(failures(report)).toEqual([]);
    expect(report.passed).toBe(true);
    const { calls, checks, passed } = JSON.parse(
      readFileSync(path.join(out[run], 'report.json'), 'utf8'),
    ) as DemoReport;
    expect({ calls, checks, passed }).toEqual({
      calls: report.calls,
      checks: report.checks,
      passed: report.passed,
    });
    expect(checks.every(({ detail }) => /\w/.test(detail))).toBe(true);
  });

  it('R-13 R-20: recovered is spoken, sample by sample', () => {
    const recordings = shortRecordings();
    for (const speaker of ['alice', 'bob'] as const) {
      const said = wav(out[run], `spoken-${speaker}.wav`);
      expect(compareSamples(said, spoken(recordings[speaker])).equal).toBe(true);
      expect(compareSamples(wav(out[run], `recovered-${speaker}.wav`), said)).toMatchObject({ equal: true });
    }
  });

  it('the report tells of the call', () => {
    const { calls } = reportOf(run);
    const all = [
      { target: 'sip:alice@home1.example', role: 'initiator' },
      { target: 'sip:bob@home2.example', role: 'responder' },
    ];
    expect(calls.map(({ target, role }) => ({ target, role }))).toEqual(run === 'both' ? all : all.slice(1));
    const [invite] = signallingOf(out[run]).filter(({ text }) => text.startsWith('INVITE '));
    for (const call of calls) {
      expect(invite?.text).toContain(`Call-ID: ${call.callId}\r\n`);
      expect(call.icid).toMatch(/\S/);
      const { dialled, established, ended } = call.times;
      expect(dialled).toBeLessThan(established);
      expect(established).toBeLessThan(ended);
      expect(call.cryptoSessions.map(({ csId, packets }) => [csId, packets > 50])).toEqual([
        [1, true],
        [2, true],
      ]);
      expect(call.millisecondsToKeyRecord).toBeGreaterThanOrEqual(0);
    }
  });
});

describe('what the reference points carried', () => {
  it('R-1 R-31: X2 has every SIP message of the call between target and CSCF, octet for octet', () => {
    for (const [user, home] of [
      ['alice', 'home1'],
      ['bob', 'home2'],
    ] as const) {
      const ofCall = signallingOf(out.both).filter(
        ({ from, to, text }) => [from, to].includes(user) && !/^CSeq: \d+ REGISTER/im.test(text),
      );
      const carried = pdusOf(out.both, home, 'x2').map(({ payload }) => toHex(payload));
      // On a busy machine a phone repeats its 183 (RFC 3262 section 3): sent again, and reported once.
      const distinct = new Set(ofCall.map(({ octets }) => toHex(octets)));
      expect(carried).toHaveLength(distinct.size);
      expect(new Set(carried)).toEqual(distinct);
      const told = recordsOf(out.both, home, 'hi2.ber').flatMap(({ sipMessage }) => sipMessage ?? []);
      expect(told.map((octets) => toHex(octets))).toEqual(carried);
    }
  });

  it('R-2 R-4 R-9: get_keys has the identity, the task and the three messages as intercepted', () => {
    for (const [target, home] of [
      ['alice@home1.example', 'home1'],
      ['bob@home2.example', 'home2'],
    ] as const) {
      const exchanges = xkOf('both', home);
      expect(exchanges.length).toBeGreaterThan(0);
      const sent = signallingOf(out.both).map(({ text }) => /^a=key-mgmt:mikey (\S+)/m.exec(text)?.[1]);
      const [xid] = new Set(pdusOf(out.both, home, 'x2').map((pdu) => pdu.xid));
      for (const { request, status } of exchanges) {
        expect(status).toBe(200);
        const question = decodeGetKeysRequest(request);
        expect(question).toMatchObject({ targetKmsIdentity: `sip:${target}`, xid });
        const messages = [question.iMessage1, question.rMessage1, question.iMessage2];
        const types = messages.map((octets) =>
          octets === null ? null : decodeMessage(octets).header.dataType,
        );
        expect(types).toEqual([22, 23, 24]);
        for (const name of ['iMessage1', 'rMessage1', 'iMessage2']) expect(sent).toContain(request[name]);
      }
    }
  });

  it('R-6 R-7 R-8 R-31 R-32: one key record a stream, with LIID, identities, correlation and event', () => {
    for (const [user, home] of [
      ['alice', 'home1'],
      ['bob', 'home2'],
    ] as const) {
      const records = recordsOf(out.both, home, 'hi2.ber');
      const keys = records.filter((record) => record.keys !== undefined);
      expect(keys.flatMap((record) => (record.keys ?? []).map(({ csId }) => [...csId]))).toEqual([[1], [2]]);
      const given = xkOf('both', home)[0]?.response.cryptoSessions.map(({ sessionKey }) =>
        toHex(fromBase64(sessionKey)),
      );
      expect(keys.flatMap((record) => (record.keys ?? []).map(({ key }) => toHex(key.expose())))).toEqual(
        given,
      );
      for (const record of records) {
        expect(record.liid).toBe(`LIID-${user.toUpperCase()}`);
        expect(record.time).toBeGreaterThan(0);
        expect(record.networkIdentifier).toBeDefined();
        expect(record.correlation).toBeDefined();
        expect(JSON.stringify(record.parties)).toContain(`sip:${user}@${home}.example`);
        expect(record.imsEvent).toBe(
          record.keys === undefined ? IMS_EVENT.unfilteredSIPmessage : IMS_EVENT.decryptionKeysAvailable,
        );
      }
    }
  });

  it('the correlation ID is that of the ICID, on X2 and X3 alike', () => {
    for (const [at, home] of HOMES.entries()) {
      const icid = reportOf('both').calls[at]?.icid ?? '';
      const expected = createHash('sha256').update(icid).digest('hex').slice(0, 16);
      const all = [...pdusOf(out.both, home, 'x2'), ...pdusOf(out.both, home, 'x3')];
      expect(new Set(all.map(({ correlation }) => toHex(correlation)))).toEqual(new Set([expected]));
    }
  });

  it('R-20 R-36: sequence numbers are 0…n−1 for each LIID and CIN, and n is what X2 and X3 carried', () => {
    for (const home of HOMES) {
      const x2 = pdusOf(out.both, home, 'x2').length;
      const x3 = pdusOf(out.both, home, 'x3').length;
      const [hi2 = [], ...moreHi2] = Object.values(sequenceNumbers(out.both, home, 'hi2.ber'));
      const [hi3 = [], ...moreHi3] = Object.values(sequenceNumbers(out.both, home, 'hi3.ber'));
      expect([moreHi2, moreHi3]).toEqual([[], []]);
      const keys = recordsOf(out.both, home, 'hi2.ber').filter((record) => record.keys !== undefined).length;
      expect(hi2).toEqual([...Array(x2 + keys).keys()]);
      expect(hi3).toEqual([...Array(x3).keys()]);
      expect(x3).toBe(
        reportOf('both').calls[0]?.cryptoSessions.reduce((sum, { packets }) => sum + packets, 0),
      );
    }
  });

  it('the files of the LEMF are all that it received: PDUs of the transport too, outside every warrant’s numbers', () => {
    for (const home of HOMES) {
      for (const name of ['hi2.ber', 'hi3.ber']) {
        const told = transportOf(path.join(out.both, home, name));
        expect(told.slice(0, 2)).toEqual(['optionRequest', 'optionComplete']);
        expect(told).toContain('pduAcknowledgementRequest');
        const groups = numbersByGroup(psPdus(out.both, home, name));
        const liid = `LIID-${home === 'home1' ? 'ALICE' : 'BOB'}`;
        const ofWarrant = name === 'hi2.ber' ? [`${liid} -`] : [];
        expect(Object.keys(groups).sort()).toEqual([...ofWarrant, `${liid} 1`, 'transport -']);
        for (const numbers of Object.values(groups)) expect(numbers).toEqual([...numbers.keys()]);
      }
    }
  });

  it('R-91: the LEMF was told when the warrant began, before anything else of it, and when it ended', () => {
    for (const home of HOMES) {
      const file = path.join(out.both, home, 'hi2.ber');
      expect(noticesOf(file).map(({ kind }) => kind)).toEqual(['liActivated', 'liDeactivated']);
      const [first] = psPdus(file).filter(({ payload }) => payload.kind !== 'tri');
      expect(first?.payload.kind).toBe('hi1');
    }
  });

  it('R-13: content is handed over encrypted, as it was intercepted', () => {
    for (const home of HOMES) {
      const intercepted = pdusOf(out.both, home, 'x3').map(({ payload }) => toHex(payload));
      const handed = psPdus(out.both, home, 'hi3.ber').flatMap(({ payload }) =>
        payload.kind === 'cc'
          ? payload.packets.flatMap(({ contents }) =>
              contents.kind === 'ipmm' ? [toHex(contents.cc.packet)] : [],
            )
          : [],
      );
      expect(handed).toEqual(intercepted);
    }
  });

  it('both directions of the content are told apart', () => {
    for (const [home, own] of [
      ['home1', 0],
      ['home2', 1],
    ] as const) {
      const ssrcOf = (direction: number): Set<number> =>
        new Set(
          pdusOf(out.both, home, 'x3')
            .filter((pdu) => pdu.direction === direction)
            .map(({ payload }) => new DataView(payload.buffer, payload.byteOffset).getUint32(8)),
        );
      const ssrcs = reportOf('both').calls[0]?.cryptoSessions.map(({ ssrc }) => ssrc) ?? [];
      expect(ssrcOf(DIRECTION.fromTarget)).toEqual(new Set([ssrcs[own]]));
      expect(ssrcOf(DIRECTION.toTarget)).toEqual(new Set([ssrcs[1 - own]]));
    }
  });

  it('R-9 R-26: nothing of home2 reaches home1’s interception, nor the other way round', () => {
    expect(pdusOf(out.bob, 'home1', 'x2')).toEqual([]);
    expect(pdusOf(out.bob, 'home1', 'x3')).toEqual([]);
    for (const name of ['hi2.ber', 'hi3.ber']) expect(octetsOf(out.bob, 'home1', name)).toHaveLength(0);
    expect(xkOf('bob', 'home1')).toEqual([]);
    expect(filesBelow(out.bob).filter((file) => file.includes(`home1${path.sep}x1${path.sep}`))).toEqual([]);
  });
});

describe('seen by independent tools', () => {
  describe.skipIf(withoutOracle())('asn1-oracle', () => {
    beforeAll(compileOracle, TIME_TO_COMPILE);

    it.each(HOMES)('accepts every PS-PDU of %s', (home) => {
      for (const name of ['hi2.ber', 'hi3.ber']) {
        const { status, stderr, pdus } = askOracle(path.join(out.both, home, name));
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        expect(pdus).toHaveLength(psPdus(out.both, home, name).length);
      }
    });
  });

  describe.skipIf(missingShared('xsd/all.xsd') || missingTool('xmllint'))('xmllint', () => {
    it('finds every X1 document valid', () => {
      const files = HOMES.flatMap((home) => filesBelow(path.join(out.both, home, 'x1')));
      expect(files.length).toBeGreaterThan(40);
      expect(files.every((file) => /^\d{3}-[a-z]+-[a-z]+\.xml$/.test(path.basename(file)))).toBe(true);
      const { status, stderr } = xmllint(files);
      expect(status, stderr).toBe(0);
    });
  });

  describe.skipIf(missingTool('tshark') || missingTool('text2pcap'))('tshark', () => {
    it.each(['sip-tcp', 'sip-udp'] as const)('R-40: decodes the MIKEY messages in SDP (%s)', (as) => {
      const sent = signallingOf(out.both);
      const fields = ['sip.Call-ID', 'mikey.version', 'mikey.type', 'mikey.csb_id', 'mikey.cs_count'];
      const more = ['mikey.srtp_id.ssrc', 'mikey.id.data', 'mikey.rand.data', 'mikey.prf_func'];
      const seen = dissect(
        sent.map(({ octets }) => octets),
        as,
        [...fields, ...more],
      );
      expect(seen).toHaveLength(sent.length);
      let messages = 0;
      for (const [at, { text, name }] of sent.entries()) {
        expect(seen[at]?.['_ws.malformed'], name).toBe('');
        expect(seen[at]?.['sip.Call-ID']).toBe(/^Call-ID: (\S+)/m.exec(text)?.[1]);
        const encoded = /^a=key-mgmt:mikey (\S+)/m.exec(text)?.[1];
        if (encoded === undefined) continue;
        messages++;
        expect(seen[at]).toMatchObject(mikeyFields(fromBase64(encoded)));
      }
      expect(messages).toBe(12);
    });

    it('R-93 R-20: reads the capture by the dissectors of tools/wireshark, and opens each packet of SRTP by claviger keylog', async () => {
      const keys = folder.at('keys.txt');
      const printed: string[] = [];
      for (const home of HOMES) {
        const [hi2, hi3] = ['hi2', 'hi3'].map((name) => path.join(out.both, home, `${name}.ber`)) as [
          string,
          string,
        ];
        const run = await claviger('keylog', '--hi2', hi2, '--hi3', hi3, '--format', 'wireshark');
        expect(run.status, run.stderr).toBe(0);
        printed.push(run.stdout);
      }
      writeFileSync(keys, printed.join(''));
      const seen = dissectCapture(capture, keys);
      const x2x3 = HOMES.flatMap((home) =>
        (['x2', 'x3'] as const).flatMap((of) => pdusOf(out.both, home, of)),
      );
      const handed = HOMES.flatMap((home) =>
        ['hi2', 'hi3'].flatMap((of) => psPdus(out.both, home, `${of}.ber`)),
      );
      expect(seen['x2x3.xid']?.filter((xid) => !/^0{8}-/.test(xid))).toHaveLength(x2x3.length);
      const cc = (kind: string): number => handed.filter(({ payload }) => payload.kind === kind).length;
      const ofKind = (name: string): number =>
        seen['li_ps.payload']?.filter((kind) => kind === name).length ?? 0;
      expect([ofKind('IRI'), ofKind('CC')]).toEqual([cc('iri'), cc('cc')]);
      for (const name of [
        'x2x3.malformed',
        'li_ps.malformed',
        'mikey_ibake.malformed',
        'claviger_srtp.unopened',
      ])
        expect(seen[name], name).toEqual([]);
      // On three legs each, in X3 and in HI3, of either home.
      expect(seen['claviger_srtp.ssrc']?.length).toBe(seen['rtp.ssrc']?.length);
      expect(seen['claviger_srtp.payload']?.length).toBe(seen['rtp.ssrc']?.length);
      const said = toHex(encodeG711(wav(out.both, 'spoken-alice.wav').subarray(1600, 1760), 'pcma'));
      expect(seen['claviger_srtp.payload']?.filter((payload) => payload === said).length).toBeGreaterThan(3);
    });

    it.skipIf(!tsharkKnows('5gli'))('decodes the PDUs of X2 and X3', () => {
      for (const home of HOMES) {
        for (const reference of ['x2', 'x3'] as const) {
          const pdus = pdusOf(out.both, home, reference);
          const frames = pduFrames(octetsOf(out.both, home, `${reference}.bin`));
          const fields = ['type', 'pf', 'pd', 'xid', 'cid', 'sq', 'nfid', 'pl'].map((name) => `li5g.${name}`);
          const seen = dissect(frames, '5gli', fields);
          expect(seen).toHaveLength(pdus.length);
          pdus.forEach((pdu, at) => {
            const nfid = Buffer.from(textAttribute(pdu, ATTRIBUTE.nfid) ?? '').toString('hex');
            // This dissector gives an attribute's value twice: in its tree, and in the summary of it.
            const once = Object.entries(seen[at] ?? {}).map(([name, value]) => [name, value.split('|')[0]]);
            expect(Object.fromEntries(once)).toMatchObject({
              '_ws.malformed': '',
              'li5g.type': reference === 'x2' ? '1' : '2',
              'li5g.pf': String(pdu.payloadFormat),
              'li5g.pd': String(pdu.direction),
              'li5g.xid': pdu.xid,
              'li5g.sq': String(numberAttribute(pdu, ATTRIBUTE.sequenceNumber)),
              'li5g.nfid': nfid,
              'li5g.pl': String(pdu.payload.length),
            });
            expect(seen[at]?.['li5g.cid']).toContain(toHex(pdu.correlation));
          });
        }
      }
    });
  });
});

describe('recovery from the two files alone', () => {
  const recoverFrom = (hi2: string, hi3: string, into: string) =>
    claviger('lemf', 'recover', '--hi2', hi2, '--hi3', hi3, '--out', into);

  it('R-13 R-20: a new process yields the same audio, octet for octet', async () => {
    for (const home of HOMES) {
      const own = folder.at(`audio-${home}`);
      const { status, stderr } = await recoverFrom(
        path.join(out.both, home, 'hi2.ber'),
        path.join(out.both, home, 'hi3.ber'),
        own,
      );
      expect(status, stderr).toBe(0);
      const liid = home === 'home1' ? 'LIID-ALICE' : 'LIID-BOB';
      for (const speaker of ['alice', 'bob']) {
        expect(toHex(octetsOf(own, `recovered-${liid}-cin1-${speaker}.wav`))).toBe(
          toHex(octetsOf(out.both, `recovered-${speaker}.wav`)),
        );
      }
    }
  });

  it('one bit of a key altered: nothing is recovered, and the report says why', async () => {
    const keys = xkOf('both', 'home1')[0]?.response.cryptoSessions ?? [];
    expect(keys).toHaveLength(2);
    for (const [at, { sessionKey }] of keys.entries()) {
      const hi2 = Buffer.from(octetsOf(out.both, 'home1', 'hi2.ber'));
      const place = hi2.indexOf(Buffer.from(sessionKey, 'base64'));
      expect(place).toBeGreaterThan(0);
      hi2[place + 7 * at] = (hi2[place + 7 * at] ?? 0) ^ 0x10;
      const altered = folder.at(`altered-${at}.ber`);
      writeFileSync(altered, hi2);
      const into = folder.at(`altered-${at}`);
      const copy = folder.at('hi3-copy.ber');
      copyFileSync(path.join(out.both, 'home1', 'hi3.ber'), copy);
      const { status, stdout, stderr } = await recoverFrom(altered, copy, into);
      expect(status).toBe(1);
      expect(filesBelow(into).map((file) => path.basename(file))).toEqual(['recover.json']);
      const report = JSON.parse(readFileSync(path.join(into, 'recover.json'), 'utf8')) as RecoveryReport;
      expect(report.calls.map(({ recovered, reason }) => ({ recovered, reason }))).toEqual([
        { recovered: false, reason: 'key-does-not-verify' },
      ]);
      expect(stdout).toContain(report.calls[0]?.explanation);
      expect(stderr).toContain('not recovered');
    }
  });
});

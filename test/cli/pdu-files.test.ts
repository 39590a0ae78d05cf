/** What files of HI2, HI3, X2 and X3 hold, as the command line shows it: whole, and nothing that speaks to a terminal. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { concat, fromHex, utf8 } from '../../src/bytes/octets.ts';
import { encodePsPdu } from '../../src/wire/hi/ps-pdu.ts';
import { ATTRIBUTE } from '../../src/wire/x2x3/attributes.ts';
import { encodePdu, keepalivePdu, PAYLOAD_FORMAT, PDU_TYPE } from '../../src/wire/x2x3/pdu.ts';
import { delivered, InterceptedCall, notified } from '../entities/lemf/call.ts';
import { header, samples } from '../wire/hi/samples.ts';
import { samplePdu, XID } from '../wire/x2x3/support.ts';
import { claviger } from './in-process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-pdus-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, ...pdus: readonly Uint8Array[]): string {
  const file = path.join(folder, name);
  writeFileSync(file, concat(...pdus));
  return file;
}

/** What a terminal must not be told: control characters, and those that turn text around. */
const SPEAKS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/;
const HOSTILE = '\u001b]0;owned\u0007\u009b31m\u202e\r<script>alert(1)</script>\u2028';

const call = new InterceptedCall('exchange-1.json', { packets: 3 });
const ssrc = `0x${call.vector.keys.cryptoSessions[0]!.ssrc.toString(16).padStart(8, '0')}`;
const pdus = delivered([...call.signalling, ...call.keys, call.failure, ...call.content]);
const all = fileOf('call.ber', ...pdus);

describe('claviger lemf inspect', () => {
  it('prints each PDU as a tree, numbers and times by name, MIKEY by message, RTP by header, and no key', async () => {
    const { status, out } = await claviger('lemf', 'inspect', all);
    expect(status).toBe(0);
    const lines = out.split('\n').map((line) => line.trim());
    for (const line of [
      'liid: LIID-1',
      'timeStampQualifier: timeOfInterception',
      'imsEvent: unfilteredSIPmessage',
      '| INVITE sip:bob@home2.example SIP/2.0',
      'imsEvent: decryptionKeysAvailable',
      'key: secret, 16 octets',
      'frameType: rtpFrame',
      'direction: toTarget',
    ])
      expect(lines).toContain(line);
    expect(out).toMatch(/time: 2030-01-01T00:00:00\.000000Z\n/);
    expect(out).toMatch(/mikey:\n +- I_MESSAGE_1, \d+ octets\n/);
    expect(out).toMatch(new RegExp(`rtp:\\n +ssrc: ${ssrc}\\n +payloadType: 8\\n +sequenceNumber: 7\\n`));
    for (const { tek, salt } of call.vector.keys.cryptoSessions)
      for (const secret of [tek, salt]) expect(out).not.toContain(secret.slice(0, 12));
  });

  it('lists them, one a line; as JSON; those of one LIID or communication alone', async () => {
    const file = fileOf(
      'two.ber',
      ...pdus,
      ...delivered([...new InterceptedCall('exchange-1.json', { liid: 'LIID-2', cin: 9 }).keys]),
    );
    const lines = (await claviger('lemf', 'inspect', '--list', file)).out.trim().split('\n');
    expect(lines).toHaveLength(pdus.length + 2);
    expect(lines[0]).toMatch(
      /^1 {2}octet 0, \d+ octets: LIID LIID-1, CIN 1, number 0: IRI, unfilteredSIPmessage, INVITE sip:bob@home2/,
    );
    expect(lines).toContainEqual(expect.stringMatching(/: IRI, decryptionKeysAvailable, 1 key$/));
    expect(lines).toContainEqual(expect.stringMatching(/: IRI, media security failure$/));
    expect(lines).toContainEqual(expect.stringMatching(/: CC, 1 packet fromTarget$/));
    for (const [option, value] of [
      ['--liid', 'LIID-2'],
      ['--cin', '9'],
    ] as const) {
      const { out } = await claviger('lemf', 'inspect', '--json', option, value, file);
      const shown = out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as object);
      expect(shown).toMatchObject([
        { number: pdus.length + 1, pdu: { header: { liid: 'LIID-2', cin: 9 } } },
        { number: pdus.length + 2 },
      ]);
    }
    expect((await claviger('lemf', 'inspect', '--liid', 'LIID-3', file)).out).toBe('');
  });

  it('shows every kind of PDU that there is, those of others tag by tag', async () => {
    const element = fromHex('ab0ba003800101a1048102cafe');
    const other = encodePsPdu({ header, payload: { kind: 'other', tag: 11, element } });
    const file = fileOf('samples.ber', ...samples.map(([, pdu]) => encodePsPdu(pdu)), other);
    const { status, out } = await claviger('lemf', 'inspect', file);
    expect([status, out.match(/^\d+ {2}octet /gm)?.length]).toEqual([0, samples.length + 1]);
    expect(out).toMatch(
      /tag: \[11\]\n +value:\n +-\n +tag: \[0\]\n +value:\n +-\n +tag: \[0\]\n +value: 0x01\n/,
    );
    expect(out).toMatch(/tag: \[1\]\n +value: 0xcafe\n/);
  });

  it('gives nothing of a stranger’s to the terminal but text', async () => {
    const bob = 'sip:bob@home2.example';
    const sip = call.sip(`INVITE ${bob}${HOSTILE} SIP/2.0`, 'INVITE', 'fromTarget', `x=${HOSTILE}`);
    const notice = {
      kind: 'notice',
      liid: call.liid,
      time: 0,
      event: 'alarm',
      text: `A ${HOSTILE}`,
    } as never;
    let notices: Uint8Array[] = [];
    try {
      notices = notified([notice]);
    } catch {
      // The delivery function may refuse what is not text; then there is nothing to show.
    }
    const hostile = encodePsPdu({
      header: { ...header, liid: '\u001b[2J\u009b', operatorIdentifier: '\u0007\u0000' },
      payload: { kind: 'cc', packets: [] },
    });
    const file = fileOf(`hostile.ber`, ...delivered([sip]), ...notices, hostile);
    for (const options of [[], ['--list'], ['--json']]) {
      const { out } = await claviger('lemf', 'inspect', ...options, file);
      expect(out.replaceAll('\\u', '')).not.toMatch(
        options[0] === '--json' ? /[\u0000-\u0009\u000b-\u001f]/ : SPEAKS,
      );
      expect(out).toContain('owned');
    }
  });

  it('shows what stands before an end that is cut off, or octets that are not a PDU, and ends with 1', async () => {
    const [first, second] = pdus;
    const cut = fileOf('cut.ber', first!, second!.subarray(0, 100));
    expect(await claviger('lemf', 'inspect', '--list', cut)).toMatchObject({
      status: 1,
      out: expect.stringMatching(/^1 [^\n]*\n$/) as string,
      err: expect.stringContaining('the last 100 octets are a part of a PDU') as string,
    });
    const damaged = fileOf('damaged.ber', first!, utf8('\u001b[2Jnot a PDU'), second!);
    expect(await claviger('lemf', 'inspect', '--list', damaged)).toMatchObject({
      status: 1,
      out: expect.stringMatching(/^1 [^\n]*\n$/) as string,
      err: expect.stringContaining(`nothing is read from octet ${first!.length} on`) as string,
    });
    // A length that no PDU has: nothing is kept for it.
    const huge = fileOf('huge.ber', first!, fromHex('3084ffffffff'));
    expect((await claviger('lemf', 'inspect', '--list', huge)).err).toMatch(/octets are too many/);
    const unread = fileOf('unread.ber', fromHex('30023000'), first!);
    const { status, out } = await claviger('lemf', 'inspect', '--list', unread);
    expect([status, out.split('\n')[0]]).toEqual([1, expect.stringMatching(/unreadable: PS-PDU/)]);
    expect(out.split('\n')).toHaveLength(3);
  });

  it.each([
    [['--cin', '-1'], 2, /--cin is not a number/],
    [['--cin', '4294967296'], 2, /--cin is not a number/],
    [['--list', '--json'], 2, /cannot be used with/],
  ])('refuses %s', async (options, status, message) => {
    const refused = await claviger('lemf', 'inspect', ...options, all);
    expect([refused.status, refused.out]).toEqual([status, '']);
    if (!options.includes('--list')) expect(refused.err).toMatch(message);
  });

  it('refuses a folder and what is not there, and says of an empty file that it is', async () => {
    expect((await claviger('lemf', 'inspect', folder)).err).toMatch(/it is a folder\n {2}hint: /);
    expect((await claviger('lemf', 'inspect', path.join(folder, 'none'))).err).toMatch(
      /there is no such file/,
    );
    expect(await claviger('lemf', 'inspect', fileOf('empty.ber'))).toMatchObject({ status: 0, out: '' });
  });

  it('never throws for what a file holds: each octet of a PDU changed, and every end cut off', async () => {
    const [pdu] = delivered(call.keys);
    for (let at = 0; at < pdu!.length; at += 11) {
      const changed = pdu!.slice();
      changed[at]! ^= 0x81;
      const shown = await claviger('lemf', 'inspect', fileOf('changed.ber', changed));
      expect(shown.err).not.toContain('unexpected');
      const file = fileOf('short.ber', pdu!.subarray(0, at));
      expect((await claviger('lemf', 'inspect', '--json', file)).err).not.toContain('unexpected');
    }
  });
});

describe('claviger x2 show', () => {
  const sip = samplePdu();
  const [cc] = call.content;
  const rtp = encodePdu({
    ...sip,
    type: PDU_TYPE.x3,
    payloadFormat: PAYLOAD_FORMAT.rtp,
    payload: cc!.content,
  });
  const mikey = encodePdu({
    ...sip,
    attributes: [{ kind: 'text', type: ATTRIBUTE.nfid, value: `n ${HOSTILE}` }],
    payload: utf8(`INVITE sip:b@h SIP/2.0\r\nSubject: ${HOSTILE}\r\n\r\n${call.sdp('I_MESSAGE_1')}`),
  });
  const keepalive = encodePdu(keepalivePdu(PDU_TYPE.keepalive, 77));
  const file = fileOf('x.bin', encodePdu(sip), rtp, mikey, keepalive);

  it('prints header, attributes, payload and what it is', async () => {
    const { status, out } = await claviger('x2', 'show', file);
    expect(status).toBe(0);
    for (const text of [
      `  xid: ${XID}`,
      '  payloadFormat: sip',
      '  payloadFormat: rtp',
      '    | OPTIONS ',
      `ssrc: ${ssrc}`,
    ])
      expect(out).toContain(text);
    expect(out).toMatch(/ {2}mikey:\n {4}- I_MESSAGE_1, \d+ octets\n/);
    expect(out).not.toMatch(SPEAKS);
    const list = (await claviger('x2', 'show', '--list', file)).out.trim().split('\n');
    expect(list).toHaveLength(4);
    expect(list[0]).toMatch(
      new RegExp(`^1 {2}octet 0, \\d+ octets: x2 of ${XID}, number 7: sip fromTarget, `),
    );
    expect(list[3]).toMatch(/: keepalive, number 77$/);
    expect(
      (await claviger('x2', 'show', '--list', '--xid', XID.toUpperCase(), file)).out.split('\n'),
    ).toHaveLength(4);
  });

  it('shows what stands before a header that claims what none has, and ends with 1', async () => {
    const bad = fromHex('00050001fffffff000000000');
    const refused = await claviger('x2', 'show', '--list', fileOf('bad.bin', keepalive, bad, keepalive));
    expect(refused).toMatchObject({
      status: 1,
      out: expect.stringMatching(/^1 [^\n]*\n$/) as string,
      err: expect.stringMatching(/nothing is read from octet 48 on: header of 4294967280 octets/) as string,
    });
    const cut = await claviger('x2', 'show', '--json', fileOf('short.bin', keepalive.subarray(0, 47)));
    expect(cut).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringMatching(/the last 47 octets/) as string,
    });
  });

  it('says which command reads files of HI2 and HI3', async () => {
    expect((await claviger('x2', 'show', all)).err).toMatch(/HI2 and HI3: claviger lemf inspect/);
    expect((await claviger('lemf', 'inspect', file)).err).toMatch(/X2 and X3: claviger x2 show/);
  });
});

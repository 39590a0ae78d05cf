/** What becomes of a PDU with values that cannot be read: octets of an encoded sample are exchanged for as many others. */
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex, utf8 } from '../../../src/bytes/octets.ts';
import { encodePsPdu, decodePsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import type { PsPdu, ReceivedPsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import { EPS_IRIS_CONTENT } from '../../../src/wire/hi/eps-iri.ts';
import type { EpsIri } from '../../../src/wire/hi/eps-iri.ts';
import { FRAME_TYPE, IPMM_CC_OBJECT } from '../../../src/wire/hi/ipmm-cc.ts';
import { constructed } from '../../../src/wire/hi/ber.ts';
import { derSequence } from '../../../src/bytes/der.ts';
import { PS_HEADER } from '../../../src/wire/hi/header.ts';
import { header, samples } from './samples.ts';

function sample(name: string): PsPdu {
  const found = samples.find(([each]) => each === name);
  if (found === undefined) throw new Error(`no sample ${name}`);
  return found[1];
}

/** The octets of a PDU with `from` (which occurs once or more; the first) put for `to`. */
function altered(pdu: PsPdu, from: Uint8Array, to: Uint8Array): Uint8Array {
  expect(to).toHaveLength(from.length);
  const octets = Buffer.from(encodePsPdu(pdu));
  const at = octets.indexOf(from);
  expect(at).toBeGreaterThan(0);
  return new Uint8Array(Buffer.concat([octets.subarray(0, at), to, octets.subarray(at + from.length)]));
}

function recordOf({ payload }: ReceivedPsPdu): EpsIri {
  const [first] = payload.kind === 'iri' ? payload.records : [];
  if (first?.contents.kind !== 'eps') throw new Error('no record');
  return first.contents.record;
}

const NOT_UTF8 = fromHex('ff');

describe('R-64: a value that cannot be read', () => {
  it('leaves the other values of a record, and is named', () => {
    const pdu = sample('SIP message');
    const read = decodePsPdu(altered(pdu, utf8('sip:alice'), concat(NOT_UTF8, utf8('ip:alice'))));
    const whole = recordOf(decodePsPdu(encodePsPdu(pdu)));
    const [first, ...rest] = whole.parties;
    expect(recordOf(read)).toEqual({ ...whole, parties: [{ qualifier: first?.qualifier }, ...rest] });
    expect(read.header).toEqual(header);
    expect(read.unread).toEqual([expect.stringMatching(/partyIdentity\.sip-uri: not UTF-8$/)]);
  });

  it.each([
    [
      'a reason of other characters',
      'content unavailable',
      'gateway lost',
      'gateway\u0007lost',
      'ccUnavailableReason',
    ],
    ['an access type', 'SIP message without its content', '3GPP-E', '\u00ffGPP-', 'access-Type'],
    ['a country in the header', 'an RTP packet', 'DE', 'D_', 'authorizationCountryCode'],
  ])('%s', (_, name, from, to, path) => {
    const pdu = sample(name);
    const octets = altered(pdu, utf8(from), new Uint8Array(Buffer.from(to.padEnd(from.length), 'latin1')));
    const read = decodePsPdu(octets);
    expect(read.unread).toEqual([expect.stringContaining(path)]);
    expect(read.payload.kind).toBe(pdu.payload.kind);
    expect(read.header.sequenceNumber).toBe(header.sequenceNumber);
  });

  it('of one crypto session leaves the keys of the other', () => {
    const pdu = sample('session encryption keys available');
    // The CS ID of the first, whose tag becomes that of nothing.
    const read = decodePsPdu(altered(pdu, fromHex('8101018210'), fromHex('8101018710')));
    expect(recordOf(read).keys?.map(({ csId }) => toHex(csId))).toEqual(['02']);
    expect(read.unread).toEqual([expect.stringMatching(/mediaDecryption-info: \[3\] after \[7\]$/)]);
    expect(JSON.stringify(read.unread)).not.toContain('01'.repeat(8));
  });

  it('that is the only one of its list is taken for an absent list', () => {
    const eps = recordOf(sample('SIP message'));
    const record = { ...eps, parties: [{ qualifier: 3, sipUri: 'sip:a@b' }] };
    const pdu: PsPdu = {
      header,
      payload: { kind: 'iri', records: [{ contents: { kind: 'eps', record } }] },
    };
    const read = decodePsPdu(altered(pdu, fromHex('800103a1'), fromHex('800203a1')));
    expect(recordOf(read).parties).toEqual([]);
    expect(recordOf(read).sipMessage).toEqual(eps.sipMessage);
    expect(read.unread).toHaveLength(1);
  });

  it('of one record leaves the records beside it in an epsIRISequence', () => {
    const record = recordOf(sample('SIP message'));
    const good = EPS_IRIS_CONTENT.contents([record], 'good');
    const bad = good.slice();
    bad[Buffer.from(bad).indexOf(fromHex('80'))] = 0x87;
    const sequence = constructed(
      2,
      constructed(0, derSequence(constructed(2, constructed(15, constructed(1, derSequence(bad, good)))))),
    );
    const octets = derSequence(constructed(1, PS_HEADER.contents(header, 'pSHeader')), sequence);
    const read = decodePsPdu(octets);
    expect(read.payload).toMatchObject({ records: [{ contents: { kind: 'eps' } }] });
    expect(recordOf(read)).toEqual(record);
    expect(read.unread).toHaveLength(1);
  });

  it('without which a record cannot be leaves its octets', () => {
    const pdu = sample('SIP message');
    const octets = altered(
      pdu,
      fromHex('810e' + toHex(utf8(header.liid)) + 'a3'),
      fromHex('820e' + toHex(utf8(header.liid)) + 'a3'),
    );
    const read = decodePsPdu(octets);
    expect(read.payload).toMatchObject({ records: [{ contents: { kind: 'other', tag: 15 } }] });
    expect(read.unread).toEqual([expect.stringContaining('no component [2]')]);
    expect(encodePsPdu(read)).toEqual(octets);
  });

  it('a frame type that cannot be read is not guessed: the packet is carried along undecoded', () => {
    const contents = {
      kind: 'ipmm' as const,
      cc: { objectId: IPMM_CC_OBJECT, packet: fromHex('80'), frameType: FRAME_TYPE.rtpFrame },
    };
    const pdu: PsPdu = { header, payload: { kind: 'cc', packets: [{ contents }] } };
    const octets = altered(pdu, fromHex('810180820102'), fromHex('81018082018f'));
    const read = decodePsPdu(octets);
    expect(read.payload).toMatchObject({ packets: [{ contents: { kind: 'other', tag: 12 } }] });
    expect(read.unread).toEqual([expect.stringMatching(/frameType: -113 is not within/)]);
    expect(encodePsPdu(read)).toEqual(octets);
  });

  it('is told of in a bounded number of words, and counted beyond', () => {
    const eps = recordOf(sample('SIP message'));
    const imsVoip = Array.from({ length: 100 }, () => ({ imsIri: fromHex('01') }));
    const record = { ...eps, imsVoip: [...imsVoip, { imsIri: fromHex('02') }] };
    const pdu: PsPdu = {
      header,
      payload: { kind: 'iri', records: [{ contents: { kind: 'eps', record } }] },
    };
    const octets = Buffer.from(encodePsPdu(pdu));
    for (
      let at = octets.indexOf(fromHex('3003800101'));
      at >= 0;
      at = octets.indexOf(fromHex('3003800101'), at)
    ) {
      octets[at + 2] = 0x83;
    }
    const read = decodePsPdu(new Uint8Array(octets));
    expect(recordOf(read).imsVoip).toEqual([{ imsIri: fromHex('02') }]);
    expect(read.unread).toHaveLength(33);
    expect(read.unread?.at(-1)).toBe('68 more');
  });

  it('a PDU of which every value can be read says nothing of the kind', () => {
    for (const [name, pdu] of samples)
      expect(decodePsPdu(encodePsPdu(pdu)), name).not.toHaveProperty('unread');
  });

  it('in the header, the number without which nothing can be told apart, refuses the PDU', () => {
    const octets = altered(sample('an RTP packet'), fromHex('840500ffffffff'), fromHex('840501ffffffff'));
    expect(() => decodePsPdu(octets)).toThrow(/sequenceNumber/);
  });
});

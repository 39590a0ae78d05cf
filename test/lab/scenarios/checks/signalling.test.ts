/** The demo's comparison of X2 with the SIP messages on the wire: what it must notice. */
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../../src/bytes/octets.ts';
import type { SentMessage } from '../../../../src/lab/network/signalling.ts';
import { compareSignalling } from '../../../../src/lab/scenarios/checks/signalling.ts';
import { DIRECTION, PAYLOAD_FORMAT, PDU_TYPE, X2X3_VERSION } from '../../../../src/wire/x2x3/pdu.ts';
import type { Pdu } from '../../../../src/wire/x2x3/pdu.ts';

const cscf = 'cscf.home1';
const sip = (start: string): Uint8Array => utf8(`${start}\r\nCSeq: 1 INVITE\r\n\r\n`);
const sent = (from: string, to: string, start: string): SentMessage => ({ from, to, octets: sip(start) });

const WIRE: readonly SentMessage[] = [
  sent('alice', cscf, 'INVITE sip:bob@home2.example SIP/2.0'),
  sent(cscf, 'alice', 'SIP/2.0 100 Trying'),
  sent(cscf, 'cscf.home2', 'INVITE sip:bob@home2.example SIP/2.0 on'),
  sent(cscf, 'alice', 'SIP/2.0 180 Ringing'),
  sent(cscf, 'alice', 'SIP/2.0 200 OK'),
  sent('alice', cscf, 'ACK sip:bob@home2.example SIP/2.0'),
];
/** Those of alice's side, as the point of interception tells them. */
const REPORTED = WIRE.filter(({ from, to }) => [from, to].includes('alice')).map(pduOf);

function pduOf({ from, octets }: SentMessage): Pdu {
  return {
    version: X2X3_VERSION,
    type: PDU_TYPE.x2,
    direction: from === 'alice' ? DIRECTION.fromTarget : DIRECTION.toTarget,
    payloadFormat: PAYLOAD_FORMAT.sip,
    xid: '29f28e1c-f230-486a-a860-f5a784ab9172',
    correlation: new Uint8Array(8),
    attributes: [],
    payload: octets,
  };
}

const judged = (pdus: readonly Pdu[], wire = WIRE): { passed: boolean; detail: string } =>
  compareSignalling('alice', 'home1', wire, pdus);

describe('R-1: X2 against the SIP messages on the wire', () => {
  it('everything on the target’s side, and nothing else: passes', () => {
    expect(judged(REPORTED)).toMatchObject({
      passed: true,
      detail: '5 messages on the wire, 5 on X2; all equal',
    });
  });

  it('messages that cross on their way have no order among each other', () => {
    const [invite, trying, ringing, ok, ack] = REPORTED as [Pdu, Pdu, Pdu, Pdu, Pdu];
    expect(judged([invite, trying, ringing, ack, ok]).passed).toBe(true);
  });

  it('a message that is sent again is reported once', () => {
    const again = WIRE.flatMap((message) => [message, message]);
    expect(judged(REPORTED, again).passed).toBe(true);
  });

  it.each([0, 1, 2, 3, 4])('message %d is never reported: fails', (missing) => {
    const { passed, detail } = judged(REPORTED.filter((_, at) => at !== missing));
    expect(passed).toBe(false);
    expect(detail).toMatch(/5 messages on the wire, 4 on X2; (from|to) alice, message \d: sent .+, X2 has /);
  });

  it.each<[string, (pdus: Pdu[]) => Pdu[]]>([
    [
      'one octet is another',
      ([first, ...rest]) => [{ ...first, payload: sip('INVITE sip:bob@home3') } as Pdu, ...rest],
    ],
    ['two are in the wrong order', ([a, b, c, ...rest]) => [a, c, b, ...rest] as Pdu[]],
    ['one is reported twice', (pdus) => [...pdus, ...pdus.slice(-1)]],
    ['one is from the other side', (pdus) => [...pdus, pduOf(WIRE[2] as SentMessage)]],
    [
      'one has the wrong direction',
      ([first, ...rest]) => [{ ...first, direction: DIRECTION.toTarget } as Pdu, ...rest],
    ],
    [
      'one has no direction',
      ([first, ...rest]) => [{ ...first, direction: DIRECTION.unknown } as Pdu, ...rest],
    ],
  ])('%s: fails', (_, change) => {
    expect(judged(change([...REPORTED])).passed).toBe(false);
  });

  it('nothing on the wire and nothing reported proves nothing: fails', () => {
    expect(judged([], []).passed).toBe(false);
  });
});

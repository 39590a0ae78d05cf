/** Calls that go otherwise than usual, as SIP lets them, under interception: no key is lost, none is handed over twice. */
import { describe, expect, it } from 'vitest';
import { fromBase64, toBase64 } from '../../../src/bytes/octets.ts';
import { DIRECTION } from '../../../src/wire/x2x3/pdu.ts';
import { kinds, start } from './delivery-function.ts';
import type { Leg, Place, Step } from './support.ts';
import { acknowledging, call, handedOver, LEG, reliable, sip, vector } from './support.ts';

const { I_MESSAGE_1, R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2 } = vector().messages;
const OK = 'SIP/2.0 200 OK';
const OTHER: Leg = { ...LEG, toTag: 'bob-2' };

const there = (
  line: string,
  mikey: string | readonly string[] | null,
  place: Place = {},
  leg = LEG,
): Step => [sip(line, leg, mikey, place), DIRECTION.fromTarget];
const back = (line: string, mikey: string | readonly string[] | null, place: Place = {}, leg = LEG): Step => [
  sip(line, leg, mikey, place),
  DIRECTION.toTarget,
];

const INVITE = there('INVITE sip:bob@home2.example SIP/2.0', I_MESSAGE_1.message, {}, { ...LEG, toTag: '' });
/** Without 100rel: I_MESSAGE_2 goes in an UPDATE. */
const answered = back(OK, R_MESSAGE_1.message);
const ack = there('ACK sip:bob@127.0.0.2 SIP/2.0', null);
const second = (number: number, status: string, rMessage2: string | null): Step[] => [
  there('UPDATE sip:bob@127.0.0.2 SIP/2.0', I_MESSAGE_2.message, { cseq: `${number} UPDATE` }),
  back(status, rMessage2, { cseq: `${number} UPDATE` }),
];
const refreshed = (number: number): Step[] => [
  there('UPDATE sip:bob@127.0.0.2 SIP/2.0', null, { cseq: `${number} UPDATE` }),
  back(OK, null, { cseq: `${number} UPDATE` }),
];
const early = (leg: Leg, rseq: number): Step[] => [
  back('SIP/2.0 183 Session Progress', R_MESSAGE_1.message, reliable(rseq), leg),
  there('PRACK sip:bob@127.0.0.2 SIP/2.0', I_MESSAGE_2.message, acknowledging(rseq), leg),
  back(OK, R_MESSAGE_2.message, { cseq: '2 PRACK' }, leg),
];
const bye = there('BYE sip:bob@127.0.0.2 SIP/2.0', null);

const FLOWS: readonly {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly dialogs?: number;
}[] = [
  {
    name: 'an UPDATE with I_MESSAGE_2 that crosses another offer',
    steps: [
      ...[INVITE, answered, ack],
      ...second(3, 'SIP/2.0 491 Request Pending', null),
      ...second(4, OK, R_MESSAGE_2.message),
    ],
  },
  {
    name: 'and crosses one again',
    steps: [
      ...[INVITE, answered, ack],
      ...second(3, 'SIP/2.0 491 Request Pending', null),
      ...second(4, 'SIP/2.0 491 Request Pending', null),
      ...second(5, OK, R_MESSAGE_2.message),
    ],
  },
  {
    name: 'an UPDATE with I_MESSAGE_2 that overtakes the ACK',
    steps: [...[INVITE, answered], ...second(3, OK, R_MESSAGE_2.message), ack],
  },
  {
    name: 'a session that is refreshed before it has keys',
    steps: [...[INVITE, answered, ack], ...refreshed(3), ...second(4, OK, R_MESSAGE_2.message)],
  },
  { name: 'an answer that the 200 repeats', steps: [...call(), back(OK, R_MESSAGE_1.message), ack] },
  { name: 'a 183 and a PRACK that are sent again', steps: [...call().slice(0, 3), ...call().slice(1)] },
  {
    name: 'MIKEY at session level and at that of the medium',
    steps: [
      there(
        'INVITE sip:bob@home2.example SIP/2.0',
        I_MESSAGE_1.message,
        {
          media: [`a=key-mgmt:mikey ${I_MESSAGE_1.message}`],
        },
        { ...LEG, toTag: '' },
      ),
      back('SIP/2.0 183 P', R_MESSAGE_1.message, {
        ...reliable(),
        media: [`a=key-mgmt:mikey ${R_MESSAGE_1.message}`],
      }),
      ...call().slice(2),
    ],
  },
  {
    name: 'a CANCEL that crosses the 200',
    steps: [
      ...call(),
      there('CANCEL sip:bob@home2.example SIP/2.0', null, { cseq: '1 CANCEL' }, { ...LEG, toTag: '' }),
      back(OK, null, { cseq: '1 CANCEL' }),
      ...[back(OK, null), ack, bye],
    ],
  },
  {
    name: 'a re-INVITE without a description',
    steps: [
      ...[...call(), back(OK, null), ack],
      there('INVITE sip:bob@127.0.0.2 SIP/2.0', null, { cseq: '7 INVITE' }),
      back(OK, null, { cseq: '7 INVITE' }),
      there('ACK sip:bob@127.0.0.2 SIP/2.0', null, { cseq: '7 ACK' }),
    ],
  },
  {
    name: 'several early dialogs, one of which ends with 199',
    steps: [
      INVITE,
      ...early(LEG, 1),
      ...early(OTHER, 9),
      back('SIP/2.0 199 Early Dialog Terminated', null, {}, OTHER),
      ...[back(OK, null), ack],
    ],
    dialogs: 2,
  },
];

describe('R-45: a call with', () => {
  it.each(FLOWS)(
    '$name: its keys are asked for, and each is handed over once',
    async ({ steps, dialogs = 1 }) => {
      const df = await start();
      for (const step of steps) await df.mediation.accept([df.poi.x2(step)]);
      await df.clock.pass(30_000);
      const records = await handedOver(df.store);
      expect(kinds(records).filter((kind) => kind !== 'sip-message')).toEqual([
        'keys-available',
        'keys-available',
      ]);
      expect(records.flatMap(({ keyInfo }) => keyInfo?.csId ?? []).toSorted()).toEqual([1, 2]);
      const asked = df.kms.asked.map(({ iMessage1, rMessage1, iMessage2 }) =>
        [iMessage1, rMessage1, iMessage2 ?? new Uint8Array()].map(toBase64),
      );
      const own = [I_MESSAGE_1, R_MESSAGE_1, I_MESSAGE_2].map(({ message }) => toBase64(fromBase64(message)));
      // Once more where R_MESSAGE_2 came after the first question.
      expect(new Set(asked.map((one) => JSON.stringify(one)))).toEqual(new Set([JSON.stringify(own)]));
      expect(asked.length).toBeLessThanOrEqual(2 * dialogs);
    },
  );
});

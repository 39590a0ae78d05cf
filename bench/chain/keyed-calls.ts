/** Calls with keys by their numbers, as a DF learns of them over X2. */
import { DIRECTION } from '../../src/wire/x2x3/pdu.ts';
import { call, LEG, sip } from '../../test/entities/df/support.ts';
import type { Step } from '../../test/entities/df/support.ts';

export const legOf = (n: number) => ({ ...LEG, callId: `call-${n}@home1.example` });

/** The key exchange, and that it was answered. */
export const setUp = (n: number): Step[] => [
  ...call(legOf(n)),
  [sip('SIP/2.0 200 OK', legOf(n), null), DIRECTION.toTarget],
];

export const hangUp = (n: number): Step[] => [
  [sip('BYE sip:bob@127.0.0.2 SIP/2.0', legOf(n), null), DIRECTION.fromTarget],
];

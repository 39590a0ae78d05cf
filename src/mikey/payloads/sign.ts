/**
 * SIGN, signature (RFC 3830 section 6.5): the one payload without a next-payload field, always the last.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! S type| Signature len         ! Signature                     ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { PAYLOAD_TYPE } from '../registry.ts';
import { countedByLead, lead, payload } from './fields.ts';
import type { PayloadOf } from './fields.ts';

export type SignPayload = PayloadOf<typeof sign>;

export const sign = {
  ...payload(PAYLOAD_TYPE.SIGN, 'sign', {
    /** S type. */
    type: lead(2, 4, 'SIGN S type and Signature len', ({ signature }) => (signature as Uint8Array).length),
    signature: countedByLead('SIGN Signature'),
  }),
  endsChain: true,
} as const;

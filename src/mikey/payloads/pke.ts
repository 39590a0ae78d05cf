/**
 * PKE, envelope data (RFC 3830 section 6.3).
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next Payload  ! C ! Data len                  ! Data          ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { PAYLOAD_TYPE } from '../registry.ts';
import { countedByLead, lead, payload } from './fields.ts';
import type { PayloadOf } from './fields.ts';

export type PkePayload = PayloadOf<typeof pke>;

export const pke = payload(PAYLOAD_TYPE.PKE, 'pke', {
  /** C: whether the envelope key is to be cached. */
  cache: lead(2, 2, 'PKE C and Data len', ({ data }) => (data as Uint8Array).length),
  /** The encrypted envelope key. */
  data: countedByLead('PKE Data'),
});

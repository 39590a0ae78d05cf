/**
 * IBAKE and ESK (RFC 6267 sections 6.1.1 and 6.1.2): two payloads of one form, each an encrypted container around a chain
 * of sub-payloads.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next payload  ! Encr data len                 !  Encr data    ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { PAYLOAD_TYPE } from '../registry.ts';
import { countedOctets, payload } from './fields.ts';
import type { PayloadOf } from './fields.ts';

export type IbakePayload = PayloadOf<typeof ibake>;
export type EskPayload = PayloadOf<typeof esk>;

export const ibake = payload(PAYLOAD_TYPE.IBAKE, 'ibake', {
  encrData: countedOctets(2, 'IBAKE Encr data len', 'IBAKE Encr data'),
});

export const esk = payload(PAYLOAD_TYPE.ESK, 'esk', {
  encrData: countedOctets(2, 'ESK Encr data len', 'ESK Encr data'),
});

/**
 * KEMAC, key data transport (RFC 3830 section 6.2).
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next payload  ! Encr alg      ! Encr data len                 !
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !                        Encr data                              ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Mac alg       !        MAC                                    ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { MAC_OCTETS, PAYLOAD_TYPE } from '../registry.ts';
import { countedOctets, number, payload, sizedBy } from './fields.ts';
import type { PayloadOf } from './fields.ts';

export type KemacPayload = PayloadOf<typeof kemac>;

export const kemac = payload(PAYLOAD_TYPE.KEMAC, 'kemac', {
  encrAlg: number(1, 'KEMAC Encr alg'),
  encrData: countedOctets(2, 'KEMAC Encr data len', 'KEMAC Encr data'),
  macAlg: number(1, 'KEMAC Mac alg'),
  /** Empty for NULL. */
  mac: sizedBy('macAlg', MAC_OCTETS, 'KEMAC MAC'),
});

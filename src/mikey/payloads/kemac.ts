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
import type { PayloadCodec } from '../codec.ts';
import { MAC_OCTETS, PAYLOAD_TYPE } from '../registry.ts';
import { fixedOctets } from './fields.ts';

export interface KemacPayload {
  readonly kind: 'kemac';
  readonly encrAlg: number;
  readonly encrData: Uint8Array;
  readonly macAlg: number;
  /** As long as the algorithm says; empty for NULL. */
  readonly mac: Uint8Array;
}

export const kemac: PayloadCodec<KemacPayload> = {
  type: PAYLOAD_TYPE.KEMAC,
  kind: 'kemac',
  decode(reader) {
    const encrAlg = reader.u8('KEMAC Encr alg');
    const encrData = reader.bytes(reader.u16('KEMAC Encr data len'), 'KEMAC Encr data');
    const macAlg = reader.u8('KEMAC Mac alg');
    const octets = MAC_OCTETS[macAlg];
    if (octets === undefined) return null;
    return { kind: 'kemac', encrAlg, encrData, macAlg, mac: reader.bytes(octets, 'KEMAC MAC') };
  },
  encode(writer, payload) {
    writer.u8(payload.encrAlg).u16(payload.encrData.length).bytes(payload.encrData).u8(payload.macAlg);
    writer.bytes(fixedOctets(payload.mac, MAC_OCTETS[payload.macAlg], 'KEMAC MAC'));
  },
};

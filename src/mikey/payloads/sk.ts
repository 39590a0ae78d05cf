/**
 * SK, secret key sub-payload (RFC 6267 section 6.1.5), found inside ESK.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !  Next Payload ! Type  ! KV    ! Key data len                  !
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !                         Key data                              ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !                        KV data (optional)                     ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { Secret } from '../../bytes/secret.ts';
import type { PayloadCodec } from '../codec.ts';
import { PAYLOAD_TYPE } from '../registry.ts';
import type { KeyValidity } from './fields.ts';
import { kvType, nibbles, readKeyValidity, writeKeyValidity } from './fields.ts';

export interface SkPayload {
  readonly kind: 'sk';
  /** 4 bits. */
  readonly type: number;
  readonly key: Secret;
  readonly kv: KeyValidity;
}

export const sk: PayloadCodec<SkPayload> = {
  type: PAYLOAD_TYPE.SK,
  kind: 'sk',
  decode(reader) {
    const lead = reader.u8('SK Type and KV');
    const key = Secret.of(reader.bytes(reader.u16('SK Key data len'), 'SK Key data'));
    const kv = readKeyValidity(reader, lead & 0x0f);
    return kv === null ? null : { kind: 'sk', type: lead >> 4, key, kv };
  },
  encode(writer, { type, key, kv }) {
    writer
      .u8(nibbles(type, kvType(kv), 'SK Type'))
      .u16(key.length)
      .bytes(key.expose());
    writeKeyValidity(writer, kv);
  },
};

/**
 * Key data sub-payload (RFC 3830 section 6.13), found inside KEMAC. K_PR is RFC 6267 6.1.3, the LI seed the profile's.
 * Whether a salt follows is said by the type; unregistered types have none.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !  Next Payload ! Type  ! KV    ! Key data len                  !
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !                         Key data                              ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Salt len (optional)           ! Salt data (optional)          ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !                        KV data (optional)                     ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { Secret } from '../../bytes/secret.ts';
import type { PayloadCodec } from '../codec.ts';
import { MikeyError } from '../errors.ts';
import { KEY_DATA_WITH_SALT, PAYLOAD_TYPE } from '../registry.ts';
import type { KeyValidity } from './fields.ts';
import { kvType, nibbles, readKeyValidity, writeKeyValidity } from './fields.ts';

export interface KeyDataPayload {
  readonly kind: 'key-data';
  /** 4 bits. */
  readonly type: number;
  readonly key: Secret;
  /** Present exactly for the types with salt. */
  readonly salt: Secret | null;
  readonly kv: KeyValidity;
}

export const keyData: PayloadCodec<KeyDataPayload> = {
  type: PAYLOAD_TYPE.KEY_DATA,
  kind: 'key-data',
  decode(reader) {
    const lead = reader.u8('Key data Type and KV');
    const type = lead >> 4;
    const key = Secret.of(reader.bytes(reader.u16('Key data len'), 'Key data'));
    const salt = KEY_DATA_WITH_SALT.has(type)
      ? Secret.of(reader.bytes(reader.u16('Salt len'), 'Salt data'))
      : null;
    const kv = readKeyValidity(reader, lead & 0x0f);
    return kv === null ? null : { kind: 'key-data', type, key, salt, kv };
  },
  encode(writer, { type, key, salt, kv }) {
    if ((salt !== null) !== KEY_DATA_WITH_SALT.has(type))
      throw new MikeyError(
        'unencodable',
        `Key data of type ${type}: salt present or absent against its type`,
      );
    writer
      .u8(nibbles(type, kvType(kv), 'Key data Type'))
      .u16(key.length)
      .bytes(key.expose());
    if (salt !== null) writer.u16(salt.length).bytes(salt.expose());
    writeKeyValidity(writer, kv);
  },
};

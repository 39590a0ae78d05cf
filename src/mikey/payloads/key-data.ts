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
import type { Secret } from '../../bytes/secret.ts';
import { MikeyError } from '../errors.ts';
import { KEY_DATA_WITH_SALT, PAYLOAD_TYPE } from '../registry.ts';
import { countedSecret, leadOfValidity, payload, VALIDITY } from './fields.ts';
import type { Field, PayloadOf } from './fields.ts';

export type KeyDataPayload = PayloadOf<typeof keyData>;

const SALT = countedSecret('Salt len', 'Salt data');

/** Present exactly for the types with salt. */
const saltOfType: Field<Secret | null> = {
  read: (reader, before) =>
    KEY_DATA_WITH_SALT.has(Number(before.values['type'])) ? SALT.read(reader, before) : null,
  write: (writer, salt, all) => {
    const type = Number(all['type']);
    if ((salt !== null) !== KEY_DATA_WITH_SALT.has(type))
      throw new MikeyError(
        'unencodable',
        `Key data of type ${type}: salt present or absent against its type`,
      );
    if (salt !== null) SALT.write(writer, salt, all);
  },
};

export const keyData = payload(PAYLOAD_TYPE.KEY_DATA, 'key-data', {
  type: leadOfValidity('Key data Type and KV'),
  key: countedSecret('Key data len', 'Key data'),
  salt: saltOfType,
  kv: VALIDITY,
});

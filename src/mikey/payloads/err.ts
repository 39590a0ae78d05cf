/**
 * ERR, error (RFC 3830 section 6.12).
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !  Next Payload ! Error no      !           Reserved            !
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { PAYLOAD_TYPE } from '../registry.ts';
import { number, payload } from './fields.ts';
import type { PayloadOf } from './fields.ts';

export type ErrPayload = PayloadOf<typeof err>;

export const err = payload(PAYLOAD_TYPE.ERR, 'err', {
  errorNo: number(1, 'ERR Error no'),
  /** 0 when sent. */
  reserved: number(2, 'ERR Reserved'),
});

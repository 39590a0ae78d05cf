/**
 * DH data (RFC 3830 section 6.4). The length of the value follows from the group.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !  Next Payload ! DH-Group      !  DH-value                     ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Reserv! KV    ! KV data (optional)                            ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { DH_VALUE_OCTETS, PAYLOAD_TYPE } from '../registry.ts';
import { leadOfValidity, number, payload, sizedBy, VALIDITY } from './fields.ts';
import type { PayloadOf } from './fields.ts';

export type DhPayload = PayloadOf<typeof dh>;

export const dh = payload(PAYLOAD_TYPE.DH, 'dh', {
  group: number(1, 'DH-Group'),
  value: sizedBy('group', DH_VALUE_OCTETS, 'DH-value'),
  /** 0 when sent. */
  reserved: leadOfValidity('DH KV'),
  kv: VALIDITY,
});

/**
 * ID, identity, and CERT, certificate (RFC 3830 section 6.7): two payloads of one form.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !  Next Payload ! ID/Cert Type  ! ID/Cert len                   !
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !                       ID/Certificate Data                     ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { PAYLOAD_TYPE } from '../registry.ts';
import { typedData } from './fields.ts';
import type { TypedData } from './fields.ts';

export type IdPayload = TypedData<'id'>;

export type CertPayload = TypedData<'cert'>;

export const id = typedData(PAYLOAD_TYPE.ID, 'id', { type: 'ID Type', length: 'ID len', data: 'ID Data' });

export const cert = typedData(PAYLOAD_TYPE.CERT, 'cert', {
  type: 'Cert Type',
  length: 'Cert len',
  data: 'Certificate Data',
});

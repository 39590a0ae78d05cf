/**
 * IDR, identity with role (RFC 6043 section 6.6).
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next Payload  !    ID Role    !    ID Type    !     ID len
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *       ID len (cont) !                    ID Data                    ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { PAYLOAD_TYPE } from '../registry.ts';
import { countedOctets, number, payload } from './fields.ts';
import type { PayloadOf } from './fields.ts';

export type IdrPayload = PayloadOf<typeof idr>;

export const idr = payload(PAYLOAD_TYPE.IDR, 'idr', {
  role: number(1, 'IDR ID Role'),
  type: number(1, 'IDR ID Type'),
  data: countedOctets(2, 'IDR ID len', 'IDR ID Data'),
});

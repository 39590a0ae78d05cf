/**
 * T, timestamp (RFC 3830 section 6.6), and TR, timestamp with role (RFC 6043 section 6.4). The length of the value
 * follows from the type.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next Payload  !   TS type     ! TS value                      ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next Payload  !    TS Role    !    TS Type    !    TS Value   ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { PAYLOAD_TYPE, TS_OCTETS } from '../registry.ts';
import { number, payload, sizedBy } from './fields.ts';
import type { PayloadOf } from './fields.ts';

export type TPayload = PayloadOf<typeof t>;
export type TrPayload = PayloadOf<typeof tr>;

export const t = payload(PAYLOAD_TYPE.T, 't', {
  tsType: number(1, 'T TS type'),
  value: sizedBy('tsType', TS_OCTETS, 'T TS value'),
});

export const tr = payload(PAYLOAD_TYPE.TR, 'tr', {
  role: number(1, 'TR TS Role'),
  tsType: number(1, 'TR TS Type'),
  value: sizedBy('tsType', TS_OCTETS, 'TR TS Value'),
});

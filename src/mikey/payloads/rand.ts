/**
 * RAND (RFC 3830 section 6.11), and RANDR, RAND with role (RFC 6043 section 6.8).
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next payload  ! RAND len      ! RAND                          ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next Payload  !    RAND Role  !  RAND length  !     RAND      ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { PAYLOAD_TYPE } from '../registry.ts';
import { countedOctets, number, payload } from './fields.ts';
import type { PayloadOf } from './fields.ts';

export type RandPayload = PayloadOf<typeof rand>;
export type RandrPayload = PayloadOf<typeof randr>;

export const rand = payload(PAYLOAD_TYPE.RAND, 'rand', { rand: countedOctets(1, 'RAND len', 'RAND') });

export const randr = payload(PAYLOAD_TYPE.RANDR, 'randr', {
  role: number(1, 'RANDR RAND Role'),
  rand: countedOctets(1, 'RANDR RAND length', 'RANDR RAND'),
});

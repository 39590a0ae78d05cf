/**
 * SP, security policy (RFC 3830 section 6.10).
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next payload  ! Policy no     ! Prot type     ! Policy param  ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ~ length (cont) ! Policy param                                  ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     Policy param:   ! Type          ! Length        ! Value         ~
 */
import { Writer } from '../../bytes/writer.ts';
import { PAYLOAD_TYPE } from '../registry.ts';
import { number, payload } from './fields.ts';
import type { Field, PayloadOf } from './fields.ts';

/** One Type/Length/Value of a policy. */
export interface PolicyParam {
  readonly type: number;
  readonly value: Uint8Array;
}

export type SpPayload = PayloadOf<typeof sp>;

const params: Field<readonly PolicyParam[]> = {
  read: (reader) => {
    const inner = reader.sub(reader.u16('SP Policy param length'), 'SP Policy param');
    const found: PolicyParam[] = [];
    while (inner.remaining > 0) {
      const type = inner.u8('SP param Type');
      found.push({ type, value: inner.bytes(inner.u8('SP param Length'), 'SP param Value') });
    }
    return found;
  },
  write: (writer, all) => {
    const inner = new Writer();
    for (const { type, value } of all) inner.u8(type).u8(value.length).bytes(value);
    writer.u16(inner.length).bytes(inner.finish());
  },
};

export const sp = payload(PAYLOAD_TYPE.SP, 'sp', {
  policyNo: number(1, 'SP Policy no'),
  protType: number(1, 'SP Prot type'),
  params,
});

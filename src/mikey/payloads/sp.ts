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
import type { PayloadCodec } from '../codec.ts';
import { PAYLOAD_TYPE } from '../registry.ts';

/** One Type/Length/Value of a policy. */
export interface PolicyParam {
  readonly type: number;
  readonly value: Uint8Array;
}

export interface SpPayload {
  readonly kind: 'sp';
  readonly policyNo: number;
  readonly protType: number;
  readonly params: readonly PolicyParam[];
}

export const sp: PayloadCodec<SpPayload> = {
  type: PAYLOAD_TYPE.SP,
  kind: 'sp',
  decode(reader) {
    const policyNo = reader.u8('SP Policy no');
    const protType = reader.u8('SP Prot type');
    const inner = reader.sub(reader.u16('SP Policy param length'), 'SP Policy param');
    const params: PolicyParam[] = [];
    while (inner.remaining > 0) {
      const type = inner.u8('SP param Type');
      params.push({ type, value: inner.bytes(inner.u8('SP param Length'), 'SP param Value') });
    }
    return { kind: 'sp', policyNo, protType, params };
  },
  encode(writer, { policyNo, protType, params }) {
    const inner = new Writer();
    for (const { type, value } of params) inner.u8(type).u8(value.length).bytes(value);
    writer.u8(policyNo).u8(protType).u16(inner.length).bytes(inner.finish());
  },
};

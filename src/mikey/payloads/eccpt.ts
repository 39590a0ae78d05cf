/**
 * ECCPT, EC Diffie–Hellman sub-payload (RFC 6267 section 6.1.4), found inside IBAKE.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next payload  ! ECC Curve     ! ECC Point                     ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Auth alg      ! TGK len                       ! Reserv! KV    !
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! KV data (optional)                                            ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * The RFC gives the point no length field: it is a SEC 1 octet string, whose length follows from the curve and its first
 * octet (00 infinity, 02/03 compressed, 04 uncompressed, 06/07 hybrid). Zero octets follow, until a 32-bit boundary
 * countedOctets from the sub-payload's first octet.
 */
import type { Reader } from '../../bytes/reader.ts';
import type { PayloadCodec } from '../codec.ts';
import { MikeyError } from '../errors.ts';
import { ECC_FIELD_OCTETS, PAYLOAD_TYPE } from '../registry.ts';
import type { KeyValidity } from './fields.ts';
import { kvType, nibbles, readKeyValidity, writeKeyValidity } from './fields.ts';

export interface EccptPayload {
  readonly kind: 'eccpt';
  readonly curve: number;
  /** SEC 1 octet string, without padding. */
  readonly point: Uint8Array;
  /** 0 when sent, ignored when received. */
  readonly authAlg: number;
  /** 0 when sent, ignored when received. */
  readonly tgkLen: number;
  /** 4 bits, 0 when sent. */
  readonly reserved: number;
  readonly kv: KeyValidity;
}

export const eccpt: PayloadCodec<EccptPayload> = {
  type: PAYLOAD_TYPE.ECCPT,
  kind: 'eccpt',
  decode(reader) {
    const curve = reader.u8('ECCPT ECC Curve');
    const field = ECC_FIELD_OCTETS[curve];
    if (field === undefined) return null;
    const point = reader.bytes(pointOctets(field, reader.peek()), 'ECCPT ECC Point');
    skipPadding(reader, point.length);
    const authAlg = reader.u8('ECCPT Auth alg');
    const tgkLen = reader.u16('ECCPT TGK len');
    const flags = reader.u8('ECCPT KV');
    const kv = readKeyValidity(reader, flags & 0x0f);
    if (kv === null) return null;
    return { kind: 'eccpt', curve, point, authAlg, tgkLen, reserved: flags >> 4, kv };
  },
  encode(writer, { curve, point, authAlg, tgkLen, reserved, kv }) {
    const field = ECC_FIELD_OCTETS[curve];
    if (field === undefined || point.length !== pointOctets(field, point[0] ?? null))
      throw new MikeyError('unencodable', 'ECCPT: point does not have the length of its curve and form');
    writer
      .u8(curve)
      .bytes(point)
      .bytes(new Uint8Array(paddingOctets(point.length)));
    writer
      .u8(authAlg)
      .u16(tgkLen)
      .u8(nibbles(reserved, kvType(kv), 'ECCPT KV'));
    writeKeyValidity(writer, kv);
  },
};

/** Length of a SEC 1 point with this first octet. */
function pointOctets(field: number, first: number | null): number {
  switch (first) {
    case 0x00:
      return 1;
    case 0x02:
    case 0x03:
      return 1 + field;
    case 0x04:
    case 0x06:
    case 0x07:
      return 1 + 2 * field;
    default:
      throw new MikeyError('malformed', 'ECCPT ECC Point: not a SEC 1 octet string');
  }
}

/** Octets from the point's end to the boundary; the point begins 2 octets into the sub-payload. */
function paddingOctets(point: number): number {
  return (4 - ((2 + point) % 4)) % 4;
}

function skipPadding(reader: Reader, point: number): void {
  const padding = reader.view(paddingOctets(point), 'ECCPT padding');
  if (padding.some((octet) => octet !== 0)) throw new MikeyError('malformed', 'ECCPT padding: not zero');
}

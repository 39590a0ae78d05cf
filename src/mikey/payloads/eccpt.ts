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
 * counted from the sub-payload's first octet.
 */
import { MikeyError } from '../errors.ts';
import { ECC_FIELD_OCTETS, PAYLOAD_TYPE } from '../registry.ts';
import { leadOfValidity, number, payload, VALIDITY } from './fields.ts';
import type { Field, PayloadOf } from './fields.ts';

export type EccptPayload = PayloadOf<typeof eccpt>;

/** SEC 1 octet string, without the padding that follows it. */
const point: Field<Uint8Array> = {
  read: (reader, { values }) => {
    const field = ECC_FIELD_OCTETS[Number(values['curve'])];
    if (field === undefined) return undefined;
    const octets = reader.bytes(pointOctets(field, reader.peek()), 'ECCPT ECC Point');
    const padding = reader.view(paddingOctets(octets.length), 'ECCPT padding');
    if (padding.some((octet) => octet !== 0)) throw new MikeyError('malformed', 'ECCPT padding: not zero');
    return octets;
  },
  write: (writer, octets, { curve }) => {
    const field = ECC_FIELD_OCTETS[Number(curve)];
    if (field === undefined || octets.length !== pointOctets(field, octets[0] ?? null))
      throw new MikeyError('unencodable', 'ECCPT: point does not have the length of its curve and form');
    writer.bytes(octets).bytes(new Uint8Array(paddingOctets(octets.length)));
  },
};

export const eccpt = payload(PAYLOAD_TYPE.ECCPT, 'eccpt', {
  curve: number(1, 'ECCPT ECC Curve'),
  point,
  /** 0 when sent, ignored when received, as are the next two. */
  authAlg: number(1, 'ECCPT Auth alg'),
  tgkLen: number(2, 'ECCPT TGK len'),
  reserved: leadOfValidity('ECCPT KV'),
  kv: VALIDITY,
});

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

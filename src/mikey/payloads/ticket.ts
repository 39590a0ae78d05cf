/**
 * TP, ticket policy, and TICKET (RFC 6043 section 6.10). What is below the double line is in TICKET only.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next Payload  !          Ticket Type          !    Subtype    !
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !    Version    !   PRF Func  !D!E!F!G!H!I!J!K!L!M!N!O!   Res   !
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !        TP Data length         !            TP Data            ~
 *     +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
 *     !      Ticket Data length       !          Ticket Data          ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     !     Initiator Data length     !   Initiator Data (OPTIONAL)   ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * TP Data and Initiator Data are chains led by an octet that names the first payload; they stay octets here
 * (`decodeChain` opens them), since tickets are carried, not issued.
 */
import type { Reader } from '../../bytes/reader.ts';
import type { Writer } from '../../bytes/writer.ts';
import type { PayloadCodec } from '../codec.ts';
import { MikeyError } from '../errors.ts';
import { PAYLOAD_TYPE } from '../registry.ts';

/** The policy part, common to both payloads. */
export interface TicketPolicy {
  readonly ticketType: number;
  readonly subtype: number;
  readonly version: number;
  /** 7 bits. */
  readonly prfFunc: number;
  /** D (most significant) to O, 12 bits. */
  readonly flags: number;
  /** 5 bits. */
  readonly reserved: number;
  readonly tpData: Uint8Array;
}

export interface TpPayload extends TicketPolicy {
  readonly kind: 'tp';
}

export interface TicketPayload extends TicketPolicy {
  readonly kind: 'ticket';
  readonly ticketData: Uint8Array;
  readonly initiatorData: Uint8Array;
}

export const tp: PayloadCodec<TpPayload> = {
  type: PAYLOAD_TYPE.TP,
  kind: 'tp',
  decode: (reader) => ({ kind: 'tp', ...readPolicy(reader) }),
  encode: writePolicy,
};

export const ticket: PayloadCodec<TicketPayload> = {
  type: PAYLOAD_TYPE.TICKET,
  kind: 'ticket',
  decode(reader) {
    const policy = readPolicy(reader);
    const ticketData = reader.bytes(reader.u16('Ticket Data length'), 'Ticket Data');
    const initiatorData = reader.bytes(reader.u16('Initiator Data length'), 'Initiator Data');
    return { kind: 'ticket', ...policy, ticketData, initiatorData };
  },
  encode(writer, payload) {
    writePolicy(writer, payload);
    writer.u16(payload.ticketData.length).bytes(payload.ticketData);
    writer.u16(payload.initiatorData.length).bytes(payload.initiatorData);
  },
};

function readPolicy(reader: Reader): TicketPolicy {
  const ticketType = reader.u16('Ticket Type');
  const subtype = reader.u8('Ticket Subtype');
  const version = reader.u8('Ticket Version');
  const bits = reader.uint(3, 'Ticket PRF Func and flags');
  const tpData = reader.bytes(reader.u16('TP Data length'), 'TP Data');
  return {
    ticketType,
    subtype,
    version,
    prfFunc: bits >> 17,
    flags: (bits >> 5) & 0x0fff,
    reserved: bits & 0x1f,
    tpData,
  };
}

function writePolicy(writer: Writer, policy: TicketPolicy): void {
  const { prfFunc, flags, reserved } = policy;
  if (prfFunc < 0 || prfFunc > 0x7f || flags < 0 || flags > 0x0fff || reserved < 0 || reserved > 0x1f)
    throw new MikeyError('unencodable', 'ticket policy: PRF Func has 7 bits, the flags 12, Res 5');
  writer.u16(policy.ticketType).u8(policy.subtype).u8(policy.version);
  writer.uint((prfFunc << 17) | (flags << 5) | reserved, 3);
  writer.u16(policy.tpData.length).bytes(policy.tpData);
}

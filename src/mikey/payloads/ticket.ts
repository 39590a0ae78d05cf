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
import { PAYLOAD_TYPE } from '../registry.ts';
import { countedOctets, lead, lowBits, number, payload } from './fields.ts';
import type { PayloadOf } from './fields.ts';

export type TpPayload = PayloadOf<typeof tp>;
export type TicketPayload = PayloadOf<typeof ticket>;

/** The policy part, common to both payloads. */
const POLICY = {
  ticketType: number(2, 'Ticket Type'),
  subtype: number(1, 'Ticket Subtype'),
  version: number(1, 'Ticket Version'),
  prfFunc: lead(
    3,
    7,
    'Ticket PRF Func and flags',
    (all) => (Number(all['flags']) << 5) | Number(all['reserved']),
  ),
  /** D (most significant) to O. */
  flags: lowBits(5, 12, 'Ticket flags'),
  reserved: lowBits(0, 5, 'Ticket Res'),
  tpData: countedOctets(2, 'TP Data length', 'TP Data'),
};

export const tp = payload(PAYLOAD_TYPE.TP, 'tp', POLICY);

export const ticket = payload(PAYLOAD_TYPE.TICKET, 'ticket', {
  ...POLICY,
  ticketData: countedOctets(2, 'Ticket Data length', 'Ticket Data'),
  initiatorData: countedOctets(2, 'Initiator Data length', 'Initiator Data'),
});

/**
 * "Start of interception with established IMS session" as a point of interception reports it on X2 (payload format 14,
 * TS 103 221-2; change request to TS 33.107, clause 7B.7.3): an EpsIRIsContent with iMSevent 4, and headers and session
 * descriptions of offer and answer as the CSCF kept them.
 *
 * A point of interception knows neither LIID nor the network's name towards law enforcement: the 16 octets of the XID
 * stand in the place of the first, which the module demands, and the second, which it leaves optional, is absent. The
 * delivery function puts its own in their place.
 */
import { berValue } from '../../bytes/ber.ts';
import { tlv } from '../../bytes/der.ts';
import { fromHex } from '../../bytes/octets.ts';
import { decoding, malformed } from './ber.ts';
import { HI2_EPS_DOMAIN, IMS_EVENT, IRI_TYPE, EPS_IRI_PARTS, EPS_IRI_ROOT } from './eps-iri.ts';
import { optionalComponent, sequence, Unread } from './fields.ts';
import { NETWORK_IDENTIFIER } from './party.ts';
import { latin1 } from './text.ts';

/** A message of the session's negotiation, taken apart. */
export interface Described {
  /** Start line and header fields, blank line included, octet for octet. */
  readonly head: Uint8Array;
  readonly sdp: Uint8Array;
}

export interface SessionStart {
  /** When interception began, Unix milliseconds. */
  readonly time: number;
  readonly offer: Described;
  readonly answer: Described;
}

const PARAMETERS = sequence(EPS_IRI_ROOT, 'skipped', {
  ...EPS_IRI_PARTS,
  networkIdentifier: optionalComponent(26, 'networkIdentifier', NETWORK_IDENTIFIER),
});

/** @param correlation 8 octets: the correlation ID of the session */
export function encodeSessionStart(
  { time, offer, answer }: SessionStart,
  xid: string,
  correlation: Uint8Array,
): Uint8Array {
  const parameters = {
    domainId: HI2_EPS_DOMAIN,
    liid: latin1(fromHex(xid.replaceAll('-', ''))),
    time,
    parties: [],
    imsEvent: IMS_EVENT.startOfInterceptionForIMSEstablishedSession,
    correlation: { iriToCc: { cc: [correlation] }, iriToIri: correlation },
    sipMessageHeaderOffer: offer.head,
    sipMessageHeaderAnswer: answer.head,
    sdpOffer: offer.sdp,
    sdpAnswer: answer.sdp,
  };
  return tlv('context', true, IRI_TYPE.report, PARAMETERS.contents(parameters, 'EpsIRI-Parameters'));
}

/** @throws HiError `malformed` if it is not such a report, or lacks a part of it */
export function decodeSessionStart(octets: Uint8Array): SessionStart {
  const what = 'EpsIRIsContent';
  return decoding(what, () => {
    const content = berValue(octets, what);
    if (content.tagClass !== 'context' || content.number !== IRI_TYPE.report)
      throw malformed(`${what}: no report`);
    const record = PARAMETERS.read(content, what, new Unread());
    if (record.imsEvent !== IMS_EVENT.startOfInterceptionForIMSEstablishedSession)
      throw malformed(`${what}: iMSevent ${record.imsEvent ?? 'absent'} is not the start of interception`);
    const { sipMessageHeaderOffer, sipMessageHeaderAnswer, sdpOffer, sdpAnswer, time } = record;
    if (
      sipMessageHeaderOffer === undefined ||
      sipMessageHeaderAnswer === undefined ||
      sdpOffer === undefined ||
      sdpAnswer === undefined
    )
      throw malformed(`${what}: offer or answer is missing`);
    return {
      time,
      offer: { head: sipMessageHeaderOffer, sdp: sdpOffer },
      answer: { head: sipMessageHeaderAnswer, sdp: sdpAnswer },
    };
  });
}

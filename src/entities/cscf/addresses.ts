/**
 * Where a session description leads media. What goes on past the CSCF names the gateway and nobody else:
 *
 *     c=, m=          rewritten at both levels; further c= lines go, a stream that is off has the address of the others
 *     a=rtcp          not true any more (RFC 3605)
 *     ICE             candidates, and all that speaks of them: the gateway does not do ICE (RFC 8839 section 5)
 *     a=altc, a=ccap, a=source-filter, a=path, …   by name: RFC 6947, 7006, 4570, 4975
 *     any other a=    that names an address in numbers, or in the form of c=; also as a capability (RFC 5939, `a=acap`)
 *
 * The o= line stays: it says who has made the description, and nobody sends there (RFC 8866 section 5.2).
 */
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { isIP } from 'node:net';
import { attributeValues, parseAttribute } from '../../sip/attributes.ts';
import { SipError } from '../../sip/errors.ts';
import type { Connection, Medium, SessionDescription } from '../../sip/sdp.ts';
import type { MediaAddress } from '../../wire/iq/sessions.ts';

const PAST_THE_GATEWAY = new Set([
  ...['rtcp', 'altc', 'alt', 'ccap', 'source-filter', 'path', 'msrp-cema', 'control'],
  ...['candidate', 'remote-candidates', 'end-of-candidates', 'ice-ufrag', 'ice-pwd', 'ice-options'],
  ...['ice-pacing', 'ice-lite', 'ice-mismatch', 'ice2'],
]);
/** RFC 3264 section 8.4: the address by which RFC 2543 put a party on hold. */
const NOWHERE = ['0.0.0.0', '::'];

/** Leads the media of a description to where the gateway listens, `null` for streams that are off. */
export function leadToGateway(sdp: SessionDescription, local: readonly (NetworkAddress | null)[]): void {
  const shared = connectionTo(local.find((each) => each !== null)?.address ?? '0.0.0.0');
  sdp.setConnection(shared);
  for (const [k, medium] of sdp.media.entries()) {
    const own = local[k] ?? null;
    if (medium.port > 0 && own === null) throw new SipError('state', `the gateway has no stream ${k}`);
    if (medium.port > 0 && own !== null) sdp.setMedium(k, own.port, connectionTo(own.address));
    else if (medium.connection !== null) sdp.setMedium(k, 0, shared);
  }
  sdp.dropAttributes(leadsPast);
}

/**
 * @throws SipError `syntax` where a stream is to go to a host by name, since only numbers can be told to the gateway, or
 * an m= line names an address itself
 */
export function checkAddresses(sdp: SessionDescription): void {
  for (const { media, port, protocol, formats, connection } of sdp.media) {
    if (port > 0 && connection !== null && isIP(connection.address) === 0)
      throw new SipError('syntax', 'SDP: c= names a host');
    if (port > 0 && connection !== null && connection.addressType !== typeOf(connection.address))
      throw new SipError('syntax', 'SDP: c= has an address of another type than it says');
    if ([media, protocol, ...formats].some(namesAddress))
      throw new SipError('syntax', 'SDP: m= names an address');
  }
}

/**
 * Where a party receives the media of an m= line; RTCP by `a=rtcp` (RFC 3605), or by `a=rtcp-mux` where `other`, the
 * same line of the other side, has it too (RFC 5761 section 5.1.1: an offer of it binds nobody).
 */
export function addressOf(medium: Medium | undefined, other: Medium | undefined): MediaAddress | null {
  const address = medium?.connection?.address;
  if (medium === undefined || address === undefined || medium.port === 0) return null;
  if (NOWHERE.includes(address)) return null;
  const own = { address, port: medium.port };
  if ([medium, other].every(offersMux)) return { ...own, rtcp: own };
  const [rtcp] = attributeValues(medium.attributes, 'rtcp').flatMap((value) => rtcpOf(value, address) ?? []);
  return rtcp === undefined ? own : { ...own, rtcp };
}

function offersMux(medium: Medium | undefined): boolean {
  return medium !== undefined && attributeValues(medium.attributes, 'rtcp-mux').length > 0;
}

function rtcpOf(value: string, address: string): NetworkAddress | null {
  const match = /^([0-9]{1,5})(?:[ \t]+IN[ \t]+IP[46][ \t]+(\S+))?$/i.exec(value);
  const [, port = '', host = address] = match ?? [];
  return Number(port) > 0 && Number(port) < 65536 && isIP(host) > 0 && !NOWHERE.includes(host)
    ? { address: host, port: Number(port) }
    : null;
}

function leadsPast(attribute: string): boolean {
  const { name, value } = parseAttribute(attribute);
  if (PAST_THE_GATEWAY.has(name)) return true;
  if (name === 'acap' && leadsPast((value ?? '').replace(/^[0-9]+[ \t]+/, ''))) return true;
  return /\bIN[ \t]+IP[46]\b/i.test(attribute) || [attribute, value ?? ''].some(namesAddress);
}

/** Also what holds an address without being one as a whole: `[c2001:db8::7]` is read by who takes what he can get. */
function namesAddress(text: string): boolean {
  return (
    /[0-9]{1,3}(?:\.[0-9]{1,3}){3}/.test(text) ||
    text.split(/[^0-9A-Fa-f:.]+/).some((word) => word.includes('::') || isIP(word) === 6)
  );
}

function connectionTo(address: string): Connection {
  return { addressType: typeOf(address), address };
}

function typeOf(address: string): Connection['addressType'] {
  return isIP(address) === 6 ? 'IP6' : 'IP4';
}

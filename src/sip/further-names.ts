/**
 * Names of a session that are neither in From nor in To: for whom it was meant before it was retargeted, and the devices
 * that take part.
 *
 *     History-Info: <sip:bob@home2.example?Reason=SIP%3Bcause%3D302>;index=1      (RFC 7044 section 5)
 *     Diversion: <tel:+4930123456>;reason=unconditional                            (RFC 5806)
 *     Contact: <sip:alice@192.0.2.1>;+sip.instance="<urn:gsma:imei:…>"             (RFC 5626 section 4.1, RFC 7254)
 *
 * What cannot be read costs the others nothing.
 */
import { readAddresses } from './asserted-identity.ts';
import type { SipMessage } from './head-and-body.ts';
import { paramOf, unquote } from './text.ts';

const DIVERTING = ['History-Info', 'Diversion'];

/** URIs of those for whom it was meant before. */
export function divertedNames(message: SipMessage): string[] {
  const names: string[] = [];
  for (const field of DIVERTING)
    for (const { uri } of readAddresses(message, field).addresses) names.push(uri.text);
  return names;
}

/** URNs of the devices in Contact. */
export function instanceNames(message: SipMessage): string[] {
  // Most have none, and a Contact need not be taken apart to see that.
  if (!message.all('Contact').some((value) => /\+sip\.instance/i.test(value))) return [];
  return readAddresses(message, 'Contact').addresses.flatMap(({ params }) => {
    const instance = paramOf(params, '+sip.instance');
    return instance === null ? [] : [unquote(instance).replace(/^<(.*)>$/, '$1')];
  });
}

/**
 * P-Asserted-Identity (RFC 3325): within the trust domain it says who the caller is, after digest or registration.
 * What user equipment claims is replaced; of several identities its P-Preferred-Identity chooses. A SIP identity and a
 * tel identity go together (RFC 3325 section 9.1). Towards user equipment the assertion goes only without
 * `Privacy: id`.
 */
import { ASSERTED_IDENTITY, readAddresses } from '../../sip/asserted-identity.ts';
import type { SipRequest, SipResponse } from '../../sip/message.ts';
import { addressOfRecord, parseUri } from '../../sip/uri.ts';
import { removeIcid } from './charging.ts';
import type { Subscriber } from './ports.ts';
import { publicIdentitiesOf } from './subscribers.ts';

/** Asserts that the request is the subscriber's. */
export function assertIdentity(request: SipRequest, subscriber: Subscriber): void {
  const identities = publicIdentitiesOf(subscriber);
  const preferred = preferredOf(request, identities) ?? subscriber.identity;
  const kind = parseUri(preferred).kind;
  const second = identities.find((identity) => parseUri(identity).kind !== kind);
  request.remove('P-Preferred-Identity');
  request.remove(ASSERTED_IDENTITY);
  for (const identity of second === undefined ? [preferred] : [preferred, second])
    request.append(ASSERTED_IDENTITY, `<${identity}>`);
}

/** Takes off an answer of user equipment what only the network may say. */
export function dropAssertions(response: SipResponse): void {
  response.remove(ASSERTED_IDENTITY);
  removeIcid(response);
}

/** Takes the assertion off where the caller asked for privacy and the request leaves the trust domain. */
export function hideIdentity(request: SipRequest): void {
  const privacy = request.all('Privacy').flatMap((value) => value.toLowerCase().split(/[;,]\s*/));
  if (privacy.includes('id')) request.remove(ASSERTED_IDENTITY);
}

function preferredOf(request: SipRequest, identities: readonly string[]): string | null {
  const preferred = readAddresses(request, 'P-Preferred-Identity').addresses;
  const [{ uri } = request.from] = preferred;
  const wanted = addressOfRecord(uri);
  return identities.find((identity) => addressOfRecord(parseUri(identity)) === wanted) ?? null;
}

/**
 * Calls that a subscriber has forwarded to somebody else, whoever is called in the first place (RFC 6267 section 3.2: who
 * answers then could not be keyed to): all of them, or those that it does not take. The Request-URI becomes whom they go
 * to, To stays, and History-Info says how it came about (RFC 7044), with the reason (RFC 3326) where there is one:
 *
 *     History-Info: <sip:bob@home2.example>;index=1
 *     History-Info: <sip:carol@home2.example>;index=1.1;mp=1
 *
 *     History-Info: <sip:bob@home2.example?Reason=SIP%3Bcause%3D486>;index=1
 *     History-Info: <sip:carol@home2.example>;index=1.1;mp=1
 *
 * What is for one device alone, by its GRUU, is forwarded too: it is the subscriber who wishes it.
 */
import { divertedNames } from '../../sip/further-names.ts';
import type { SipRequest } from '../../sip/message.ts';
import { addressOfRecord, parseUri } from '../../sip/uri.ts';
import type { Subscriber, Untaken } from './ports.ts';
import type { Route } from './routing.ts';
import type { Directory } from './subscribers.ts';

/** What becomes of a call that goes round. */
export const ENDLESS: Route = { kind: 'refused', status: 482 };

const FIELD = 'History-Info';

/** Subscribers of one home that forward a call one after the other; beyond, nobody is called. */
export const MOST_FORWARDINGS = 5;

/** Which answer says so (RFC 7044 section 5). */
const CAUSES: Readonly<Record<Untaken, number>> = { busy: 486, unanswered: 408, unavailable: 480 };

export type Forwarding =
  /** As it came. */
  | 'none'
  /** The request goes to somebody else than it came for. */
  | 'forwarded'
  /** It would go round, or on for too long: nobody is to be called (RFC 3261 section 16.3, 482). */
  | 'endless';

/**
 * Turns a first request to whom its callee wants it to go. Only calls are forwarded.
 * @param isReached whether a device of a subscriber is there that a URI leads to
 */
export function forward(
  request: SipRequest,
  directory: Directory,
  isReached: (subscriber: Subscriber, uri: string) => boolean = () => true,
): Forwarding {
  if (request.method !== 'INVITE' || request.routes.length > 0) return 'none';
  for (let hops = 0; hops <= MOST_FORWARDINGS; hops++) {
    const subscriber = directory.subscriber(parseUri(request.uri));
    if (subscriber === null) return hops === 0 ? 'none' : 'forwarded';
    const { forwardTo, forwards } = subscriber;
    const unavailable = forwards?.unavailable;
    if (forwardTo !== undefined) turn(request, forwardTo, null);
    else if (unavailable !== undefined && !isReached(subscriber, request.uri))
      turn(request, unavailable, 'unavailable');
    else return hops === 0 ? 'none' : 'forwarded';
  }
  return 'endless';
}

/** Turns a request to where it goes that was not taken; `false`: it has been there. */
export function forwardUntaken(request: SipRequest, to: string, why: Untaken): boolean {
  const been = [...divertedNames(request), request.uri].map((uri) => addressOfRecord(parseUri(uri)));
  if (been.includes(addressOfRecord(parseUri(to)))) return false;
  turn(request, to, why);
  return true;
}

/** Adds where the request was for, unless the last entry says so already, and where it goes. */
function turn(request: SipRequest, to: string, why: Untaken | null): void {
  const entries = request.list(FIELD);
  const index = /;\s*index\s*=\s*([0-9.]+)/i.exec(entries.at(-1) ?? '')?.[1] ?? null;
  if (index === null) request.append(FIELD, `<${request.uri}${reasonOf(why)}>;index=1`);
  else if (why !== null) {
    const last = (entries.pop() ?? '').replace(/>/, `${reasonOf(why)}>`);
    request.remove(FIELD);
    for (const entry of [...entries, last]) request.append(FIELD, entry);
  }
  request.append(FIELD, `<${to}>;index=${index ?? '1'}.1;mp=${index ?? '1'}`);
  request.uri = to;
}

function reasonOf(why: Untaken | null): string {
  return why === null ? '' : `?Reason=SIP%3Bcause%3D${CAUSES[why]}`;
}

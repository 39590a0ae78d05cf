/**
 * Calls that a subscriber has forwarded to somebody else, whoever is called in the first place (RFC 6267 section 3.2: who
 * answers then could not be keyed to). The Request-URI becomes whom they go to, To stays, and History-Info says how it
 * came about (RFC 7044):
 *
 *     History-Info: <sip:bob@home2.example>;index=1
 *     History-Info: <sip:carol@home2.example>;index=1.1;mp=1
 *
 * What is for one device alone, by its GRUU, is forwarded too: it is the subscriber who wishes it.
 */
import type { SipRequest } from '../../sip/message.ts';
import { parseUri } from '../../sip/uri.ts';
import type { Route } from './routing.ts';
import type { Directory } from './subscribers.ts';

/** What becomes of a call that goes round. */
export const ENDLESS: Route = { kind: 'refused', status: 482 };

const FIELD = 'History-Info';

/** Subscribers of one home that forward a call one after the other; beyond, nobody is called. */
const MOST = 5;

export type Forwarding =
  /** As it came. */
  | 'none'
  /** The request goes to somebody else than it came for. */
  | 'forwarded'
  /** It would go round, or on for too long: nobody is to be called (RFC 3261 section 16.3, 482). */
  | 'endless';

/** Turns a first request to whom its callee wants it to go. Only calls are forwarded. */
export function forward(request: SipRequest, directory: Directory): Forwarding {
  if (request.method !== 'INVITE' || request.routes.length > 0) return 'none';
  for (let hops = 0; hops <= MOST; hops++) {
    const { uri } = request;
    const to = directory.subscriber(parseUri(uri))?.forwardTo;
    if (to === undefined) return hops === 0 ? 'none' : 'forwarded';
    request.uri = to;
    note(request, uri, to);
  }
  return 'endless';
}

/** Adds where the request was for, unless the last entry says so already, and where it goes. */
function note(request: SipRequest, from: string, to: string): void {
  const entries = request.list(FIELD);
  const last = /;\s*index\s*=\s*([0-9.]+)/i.exec(entries.at(-1) ?? '')?.[1];
  if (last === undefined) request.append(FIELD, `<${from}>;index=1`);
  const index = last ?? '1';
  request.append(FIELD, `<${to}>;index=${index}.1;mp=${index}`);
}

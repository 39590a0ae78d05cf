/**
 * Responses made from requests (RFC 3261 section 8.2.6): Via, From, To, Call-ID and CSeq are copied as received,
 * Record-Route where a dialog may begin.
 */
import { SipResponse } from './message.ts';
import type { SipRequest } from './message.ts';
import { REASONS } from './verdict.ts';

export interface ResponseParts {
  /** Tag for To where the request has none; never on 100. */
  readonly toTag?: string;
  readonly contact?: string;
  /** Further fields, in order. */
  readonly fields?: readonly (readonly [string, string])[];
  readonly body?: { readonly type: string; readonly octets: Uint8Array };
  /** Whether Record-Route is copied: a response that makes a dialog. */
  readonly dialog?: boolean;
}

export function makeResponse(request: SipRequest, status: number, parts: ResponseParts = {}): SipResponse {
  const response = new SipResponse(status, REASONS[status] ?? 'Unknown');
  for (const via of request.all('Via')) response.append('Via', via);
  if (parts.dialog === true)
    for (const route of request.all('Record-Route')) response.append('Record-Route', route);
  for (const name of ['From', 'To', 'Call-ID', 'CSeq']) {
    const value = request.first(name);
    if (value !== null) response.append(name, value);
  }
  const to = response.first('To');
  if (to !== null && parts.toTag !== undefined && status !== 100 && !/;\s*tag\s*=/i.test(afterUri(to)))
    response.set('To', `${to};tag=${parts.toTag}`);
  if (parts.contact !== undefined) response.append('Contact', parts.contact);
  for (const [name, value] of parts.fields ?? []) response.append(name, value);
  if (parts.body !== undefined && parts.body.octets.length > 0)
    response.setBody(parts.body.type, parts.body.octets);
  else response.append('Content-Length', '0');
  return response;
}

/** What follows the closing bracket of a name-addr, or all of an addr-spec. */
function afterUri(value: string): string {
  return value.slice(value.lastIndexOf('>') + 1);
}

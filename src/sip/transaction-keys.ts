/** What messages are known by to belong to a transaction (RFC 3261 sections 17.1.3 and 17.2.3). */
import { branchOf, formatVia, sentBy } from './fields.ts';
import { MAGIC_COOKIE } from './identifiers.ts';
import type { SipRequest, SipResponse } from './message.ts';

/**
 * Section 8.2.6.2: a response repeats Call-ID, From tag and CSeq of its request. One that does not belongs to nothing
 * that anybody knows, and whoever goes by the Call-ID would not see it pass.
 */
export function echoes(response: SipResponse, request: SipRequest): boolean {
  return (
    response.callId === request.callId &&
    response.fromTag === request.fromTag &&
    response.cseq.number === request.cseq.number
  );
}

export function clientKey(branch: string, method: string): string {
  return `${branch} ${method}`;
}

export function serverKey(request: SipRequest, method: string): string {
  const via = request.topVia;
  const branch = branchOf(via);
  if (branch?.startsWith(MAGIC_COOKIE) === true) return `${branch} ${sentBy(via).toLowerCase()} ${method}`;
  const { number } = request.cseq;
  return ['2543', request.uri, request.fromTag ?? '', request.callId, number, formatVia(via), method].join(
    ' ',
  );
}

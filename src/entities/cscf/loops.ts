/**
 * Loop detection (RFC 3261 section 16.3 step 4, corrected by RFC 5393): the branch of this node ends in a mark of all
 * that decides where a request goes. If a Via of ours has the same mark as the request that comes back, it would go
 * the same way for ever: 482. A request that comes back changed is a spiral, and may pass.
 */
import { hash } from 'node:crypto';
import { branchOf, sentBy } from '../../sip/fields.ts';
import type { SipRequest } from '../../sip/message.ts';

/** What the branch of a request that is forwarded ends in. */
export function loopMark(request: SipRequest): string {
  const { number } = request.cseq;
  const parts = [
    request.uri,
    request.fromTag,
    request.toTag,
    request.callId,
    number,
    ...request.all('Route'),
  ];
  return `.${hash('sha256', parts.join('\0'), 'hex').slice(0, 16)}`;
}

/** Whether the request has been here, in this very form. @param own `host:port` of this node, over each transport */
export function marksLoop(request: SipRequest, own: readonly string[]): boolean {
  const been = request.vias.filter((via) => own.includes(sentBy(via)));
  if (been.length === 0) return false;
  const mark = loopMark(request);
  return been.some((via) => branchOf(via)?.endsWith(mark) === true);
}

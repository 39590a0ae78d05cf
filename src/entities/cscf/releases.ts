/**
 * Calls that this node ends itself (TS 24.229 clause 5.2.8 in spirit): where a description cannot go on in which one
 * side already believes, nothing can be refused any more, and both sides get a BYE.
 *
 * For that the node knows both ends of each dialog: towards the callee it speaks as the caller, towards the caller as
 * the callee, with their tags, targets and routes, and with a CSeq above any that either has used.
 */
import { otherSide } from '../../wire/iq/sessions.ts';
import type { Side } from '../../wire/iq/sessions.ts';
import { Dialog } from '../../sip/dialog.ts';
import type { SipMessage } from '../../sip/head-and-body.ts';
import type { SipRequest, SipResponse } from '../../sip/message.ts';
import type { TransactionLayer } from '../../sip/transactions.ts';
import { parseNameAddr } from '../../sip/fields.ts';
import { calleeTagOf, flowAt, sessionOf, sideOf, subscribersAt } from './calls.ts';
import type { Call } from './calls.ts';
import type { Router } from './routing.ts';
import type { Session } from './sessions.ts';
import { formatReason } from '../../sip/reason.ts';

/** Early dialogs of a call that are remembered; a 2xx always is. */
const MAX_DIALOGS = 64;
const TARGET_REFRESH = ['INVITE', 'UPDATE'];

/** The point of interception, told which session a request belongs to that this node sends. */
export interface Watch {
  follow(request: SipRequest, session: Session | null): void;
}

export class Releases {
  readonly #layer: TransactionLayer;
  readonly #router: Router;
  readonly #host: string;
  readonly #watch: Watch;

  /** @param host this node's name in Record-Route */
  constructor(layer: TransactionLayer, router: Router, host: string, watch: Watch) {
    this.#layer = layer;
    this.#router = router;
    this.#host = host;
    this.#watch = watch;
  }

  /** A response to a first INVITE, both as received: a dialog has begun, or is confirmed. */
  learn(call: Call, invite: SipRequest, response: SipResponse): void {
    const tag = response.toTag;
    if (tag === null || response.status >= 300) return;
    const known = call.ends.get(tag);
    if (known === undefined) {
      if (call.ends.size >= MAX_DIALOGS && response.status < 200) return;
      const routeSet = this.#beyond(response);
      call.ends.set(tag, {
        a: Dialog.atCallee(invite, tag),
        b: Dialog.atCaller(invite, response, routeSet),
        ended: new Set(),
      });
    } else if (response.status >= 200) known.b.refresh(response);
  }

  /** A message within a dialog has passed: its CSeq is used, its Contact may be another. */
  passed(call: Call, message: SipMessage, from: Side): void {
    const ends = call.ends.get(calleeTagOf(message, call) ?? '');
    if (ends === undefined) return;
    const { number, method } = message.cseq;
    if (message.kind === 'request') ends[otherSide(from)].used(number);
    if (TARGET_REFRESH.includes(method)) ends[from].refresh(message);
  }

  /** Accepts a 2xx to an INVITE in the caller's name, so that the callee does not send it again. */
  acknowledge(call: Call, response: SipResponse): void {
    const to = otherSide(sideOf(response, call));
    const ends = call.ends.get(calleeTagOf(response, call) ?? '');
    const tag = calleeTagOf(response, call) ?? '';
    if (ends !== undefined) this.#send(call, tag, to, ends[to].request('ACK', response.cseq.number));
  }

  /** Sends BYE to these sides of a dialog, once. */
  end(call: Call, calleeTag: string, sides: readonly Side[], cause: number): void {
    const ends = call.ends.get(calleeTag);
    if (ends === undefined) return;
    for (const side of sides) {
      if (ends.ended.has(side)) continue;
      ends.ended.add(side);
      const bye = ends[side].request('BYE');
      bye.append('Reason', formatReason(cause));
      this.#send(call, calleeTag, side, bye);
    }
  }

  #send(call: Call, calleeTag: string, to: Side, request: SipRequest): void {
    request.append('Content-Length', '0');
    const parties = subscribersAt(call, to, calleeTag);
    const route = this.#router.inDialog(request, parties, flowAt(call, to, calleeTag));
    const [target] = route.kind === 'targets' ? route.targets : [];
    if (target === undefined) return;
    request.uri = target.uri;
    this.#watch.follow(request, sessionOf(call, calleeTag));
    const { method, callId, cseq } = request;
    const branch = this.#layer.identifiers.branch(
      'release',
      method,
      callId,
      to,
      request.toTag ?? '',
      String(cseq.number),
    );
    if (method === 'ACK') this.#layer.sendAck(request, target.hop, branch);
    else
      this.#layer.send(request, target.hop, branch, { response: () => undefined, failed: () => undefined });
  }

  /** The Record-Route entries between this node and the callee, nearest first. */
  #beyond(response: SipResponse): string[] {
    const entries = response.list('Record-Route');
    const own = entries.findIndex((entry) => {
      const { uri } = parseNameAddr(entry, 'Record-Route');
      return uri.kind === 'sip' && uri.host.toLowerCase() === this.#host;
    });
    return entries.slice(0, Math.max(own, 0)).reverse();
  }
}

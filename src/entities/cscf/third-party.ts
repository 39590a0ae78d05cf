/**
 * Third-party registration (TS 24.229 clause 5.4.1.7): the mailbox of a subscriber is told when they have registered, so
 * that it can deliver what waits.
 *
 *     REGISTER sip:mailbox@192.0.2.9   To: the subscriber   From, Contact: this node   Expires: as granted
 */
import { SipRequest } from '../../sip/message.ts';
import type { TransactionLayer } from '../../sip/transactions.ts';
import type { Target } from './routing.ts';

export interface ThirdPartyRegistration {
  /** Who has registered. */
  readonly identity: string;
  /** Contacts of the mailbox. */
  readonly targets: readonly Target[];
  /** `host:port` of this node. */
  readonly node: string;
  /** Seconds. */
  readonly expires: number;
}

/** Nobody waits for the answers: a mailbox that misses this tries again later by itself. */
export function tellRegistered(layer: TransactionLayer, registration: ThirdPartyRegistration): void {
  const { identity, targets, node, expires } = registration;
  const { identifiers } = layer;
  for (const { uri, hop } of targets) {
    const callId = identifiers.fresh('third-party registration');
    const request = new SipRequest('REGISTER', uri);
    request.append('Max-Forwards', '70');
    request.append('From', `<sip:${node}>;tag=${identifiers.of('third-party tag', callId)}`);
    request.append('To', `<${identity}>`);
    request.append('Call-ID', callId);
    request.append('CSeq', '1 REGISTER');
    request.append('Contact', `<sip:${node}>`);
    request.append('Expires', String(expires));
    request.append('Content-Length', '0');
    layer.send(request, hop, identifiers.branch(callId), {
      response: () => undefined,
      failed: () => undefined,
    });
  }
}

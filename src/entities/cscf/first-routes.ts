/**
 * Where a first request goes, and where from there if nobody takes it: a call is forwarded as its callee wishes, or has a
 * mailbox to go to. Whom it is forwarded to may have wishes of its own, up to a bound.
 */
import type { NetworkAddress } from '../../bytes/network-address.ts';
import type { SipRequest } from '../../sip/message.ts';
import { parseUri } from '../../sip/uri.ts';
import { ENDLESS, forward, forwardUntaken, MOST_FORWARDINGS } from './forwarding.ts';
import type { Forwarding } from './forwarding.ts';
import type { Subscriber, Untaken } from './ports.ts';
import { grOf } from './registrar.ts';
import type { Registrar } from './registrar.ts';
import type { Route, Router, Target } from './routing.ts';
import type { Directory } from './subscribers.ts';

/** Where a call goes that nobody takes. */
export interface FallBack {
  /** Milliseconds until what only rings is given up; `null`: it rings on. */
  readonly afterMs: number | null;
  /** `null`: nowhere. */
  readonly next: (why: Untaken) => Onward | null;
}

/** A call on its way to somebody else. */
export interface Onward {
  readonly request: SipRequest;
  readonly targets: readonly Target[];
  /** Whom it goes to now, of this home; `null`: to a mailbox, or out of this home. */
  readonly callee: Subscriber | null;
  readonly fallBack: FallBack | null;
}

export interface FirstRoute {
  readonly route: Route;
  readonly forwarding: Forwarding;
  readonly fallBack: FallBack | null;
}

export class FirstRoutes {
  readonly #router: Router;
  readonly #directory: Directory;
  readonly #registrar: Registrar;

  constructor(router: Router, directory: Directory, registrar: Registrar) {
    this.#router = router;
    this.#directory = directory;
    this.#registrar = registrar;
  }

  /** Where a request goes that came in on `local`; turns it to whom its callee has forwarded it. */
  of(request: SipRequest, local: NetworkAddress, caller: Subscriber | null): FirstRoute {
    return this.#of(request, local, caller, 0);
  }

  #of(request: SipRequest, local: NetworkAddress, caller: Subscriber | null, times: number): FirstRoute {
    const reached = (subscriber: Subscriber, uri: string): boolean =>
      this.#registrar.bindings(subscriber, grOf(parseUri(uri))).length > 0;
    const forwarding = forward(request, this.#directory, reached);
    if (forwarding === 'endless') return { route: ENDLESS, forwarding, fallBack: null };
    const route = this.#router.initial(request, local);
    const callee = request.routes.length > 0 ? null : this.#directory.subscriber(parseUri(request.uri));
    if (request.method !== 'INVITE' || callee === null) return { route, forwarding, fallBack: null };
    const targets = this.#router.mailboxOf(callee, caller, request.uri);
    if (route.kind === 'refused') {
      const isAway = route.status === 480 && targets.length > 0;
      return { route: isAway ? { kind: 'targets', targets, callee } : route, forwarding, fallBack: null };
    }
    const forwarded = (to: string, why: Untaken): Onward | null => {
      const again = request.clone();
      if (times >= MOST_FORWARDINGS || !forwardUntaken(again, to, why)) return null;
      const next = this.#of(again, local, caller, times + 1);
      if (next.route.kind !== 'targets') return null;
      return { ...next.route, request: again, fallBack: next.fallBack };
    };
    return { route, forwarding, fallBack: fallBackOf(callee, request, targets, forwarded) };
  }
}

/** @param mailbox where the callee's mailbox is */
function fallBackOf(
  { forwards = {}, mailbox }: Subscriber,
  request: SipRequest,
  targets: readonly Target[],
  forwarded: (to: string, why: Untaken) => Onward | null,
): FallBack | null {
  const hasMailbox = mailbox !== undefined && targets.length > 0;
  if (Object.keys(forwards).length === 0 && !hasMailbox) return null;
  const { busy, unanswered, unavailable } = forwards;
  const to: Readonly<Record<Untaken, string | undefined>> = { busy, unanswered: unanswered?.to, unavailable };
  return {
    afterMs: unanswered?.afterMs ?? (hasMailbox ? mailbox.afterMs : null),
    next: (why) => {
      const next = to[why] === undefined ? null : forwarded(to[why], why);
      if (next !== null || !hasMailbox) return next;
      return { request, targets, callee: null, fallBack: null };
    },
  };
}

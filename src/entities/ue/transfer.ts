/**
 * Calls that are transferred (RFC 3515, RFC 5589), by either end, within their dialog:
 *
 *     transferor                                       transferee
 *     REFER  Refer-To: whom to call instead    →
 *                                              ←       202
 *                                              ←       NOTIFY 100, active              INVITE → target, keyed anew
 *                                              ←       NOTIFY 180, active              ← 180
 *                                              ←       NOTIFY 200, terminated          ← 200
 *     BYE                                      →
 *
 * The subscription is the REFER's own and ends with the outcome, or after three minutes. With `Refer-Sub: false` (RFC 4488)
 * there is none. One referral at a time in each direction; a call that came about by referrals is referred on five times
 * and no more, so that what goes round comes to an end. Whom a call leads to is said by its key exchange: the transferee
 * names the transferor in Referred-By as it has been authenticated, not as the REFER names it.
 */
import type { Clock, Logger } from '../../bytes/ports.ts';
import { SerialQueue } from '../../bytes/serial-queue.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import type { Leg, Reply } from '../../sip/agent-types.ts';
import { SipError } from '../../sip/errors.ts';
import type { SipRequest } from '../../sip/message.ts';
import {
  eventOf,
  formatReferTo,
  isTerminated,
  otherEnd,
  referralIn,
  statusFragment,
  statusIn,
} from '../../sip/referral.ts';
import type { Referral, Replacement } from '../../sip/referral.ts';
import { addressOfRecord, parseUri } from '../../sip/uri.ts';
import { REASONS } from '../../sip/verdict.ts';
import type { CallTransfer, PhoneCall } from './call.ts';
import { vouchedReplacement } from './replacement-proof.ts';

/** Seconds that a referral is told of, and that its outcome is waited for. */
const SUBSCRIPTION_S = 180;
/** Referrals that led to a call, at most. */
export const MAX_REFERRALS = 5;

/** A call that somebody is referred to. */
export interface ReferredCall {
  /** A SIP or tel URI. */
  readonly target: string;
  readonly replaces: Replacement | null;
  /** Address of record of who refers. */
  readonly by: string;
  /** Referrals that led to it. */
  readonly referrals: number;
}

/** What a phone does about referrals of others. */
export interface Referrals {
  /** Whether it would call a URI. */
  mayCall(target: string): boolean;
  /** @throws EndpointError */
  call(wish: ReferredCall): Promise<PhoneCall>;
}

export interface TransferParts {
  readonly leg: Leg;
  readonly call: PhoneCall;
  /** `null`: referrals of others are declined. */
  readonly referrals: Referrals | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A REFER of this end that waits for its outcome. */
class AskedReferral {
  /** CSeq number under which the REFER was taken, once it is known. */
  id: number | null = null;
  /** The final status that is told of. Rejects with `call-failed`. */
  readonly outcome: Promise<number>;
  #settle: { resolve: (status: number) => void; reject: (error: EndpointError) => void };

  constructor() {
    this.#settle = { resolve: () => undefined, reject: () => undefined };
    this.outcome = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.outcome.catch(() => undefined);
  }

  told(status: number): void {
    this.#settle.resolve(status);
  }

  failed(why: string): void {
    this.#settle.reject(new EndpointError('call-failed', `the transfer failed: ${why}`));
  }
}

export class Transfer implements CallTransfer {
  readonly #parts: TransferParts;
  readonly #notices = new SerialQueue();
  #asked: AskedReferral | null = null;
  #isFollowing = false;

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  /**
   * Has the other end call somebody instead; resolves when it has done so. @param by the user of this end
   * @throws EndpointError `state`; `call-failed` if it does not, or nobody answers there
   */
  async refer(target: string, by: string, replaces: Replacement | null = null): Promise<void> {
    if (this.#asked !== null) throw new EndpointError('state', 'a transfer is under way');
    const { leg, clock } = this.#parts;
    const asked = new AskedReferral();
    this.#asked = asked;
    const timer = clock.after(SUBSCRIPTION_S * 1000, () => asked.failed('nobody tells what became of it'));
    try {
      const fields = [
        ['Refer-To', formatReferTo(target, replaces)],
        ['Referred-By', `<${by}>`],
      ] as const;
      asked.id = (await leg.send('REFER', fields)).cseq.number;
      const status = await asked.outcome;
      if (status >= 300)
        throw new EndpointError(
          'call-failed',
          `the transfer failed: ${status} ${REASONS[status] ?? ''}`.trim(),
        );
    } catch (cause) {
      if (!(cause instanceof SipError)) throw cause;
      throw new EndpointError('call-failed', `the transfer was not taken: ${cause.message}`, { cause });
    } finally {
      timer.cancel();
      this.#asked = null;
    }
  }

  /** REFER and NOTIFY of the other end. */
  request(request: SipRequest): Reply {
    try {
      if (request.method === 'REFER') return this.#referred(request);
      if (request.method === 'NOTIFY') return this.#told(request);
    } catch (cause) {
      if (cause instanceof SipError && cause.code === 'syntax') return { status: 400 };
      throw cause;
    }
    return { status: 501 };
  }

  /** The call is over: what was asked for has no outcome that could be told of. */
  end(): void {
    this.#asked?.failed('the call ended before its outcome was known');
  }

  #told(request: SipRequest): Reply {
    const { name, id } = eventOf(request);
    const asked = this.#asked;
    if (name !== 'refer') return { status: 489 };
    if (asked === null || (id !== null && asked.id !== null && id !== asked.id)) return { status: 481 };
    const status = statusIn(request);
    if (status === null) return { status: request.contentType === 'message/sipfrag' ? 400 : 415 };
    if (status >= 200) asked.told(status);
    else if (isTerminated(request)) asked.failed('nothing more is told of it');
    return {};
  }

  #referred(request: SipRequest): Reply {
    const { call, referrals, clock } = this.#parts;
    const referral = referralIn(request);
    if (referral.uri.kind === 'other') return { status: 416 };
    const { peer } = call;
    if (referrals === null || call.state !== 'established' || peer === null) return { status: 603 };
    if (this.#isFollowing) return { status: 491 };
    const isTooFar = call.referrals >= MAX_REFERRALS;
    if (isTooFar || referral.method !== 'INVITE' || !referrals.mayCall(referral.uri.text))
      return { status: 603 };
    const isSilent = /^\s*false\b/i.test(request.first('Refer-Sub') ?? '');
    const by = addressOfRecord(parseUri(peer));
    const id = isSilent ? null : request.cseq.number;
    this.#isFollowing = true;
    // After the answer to this request, so that the far end learns the one before the other.
    clock.after(0, () => void this.#follow(referrals, referral, by, id));
    return { status: 202, fields: isSilent ? [['Refer-Sub', 'false']] : [] };
  }

  /** @param id of the subscription; `null`: there is none */
  async #follow(
    referrals: Referrals,
    { uri, replaces }: Referral,
    by: string,
    id: number | null,
  ): Promise<void> {
    const { call, clock, logger } = this.#parts;
    const tell = (status: number, state: string): void => {
      if (id !== null) void this.#notices.run(() => this.#notify(id, status, state));
    };
    const deadline = { isPast: false };
    const timer = clock.after(SUBSCRIPTION_S * 1000, () => {
      deadline.isPast = true;
      tell(100, 'terminated;reason=timeout');
    });
    const active = `active;expires=${SUBSCRIPTION_S}`;
    tell(100, active);
    let status = 503;
    try {
      const target = uri.text;
      const next = await referrals.call({ target, replaces, by, referrals: call.referrals + 1 });
      next.onEvent((event) => {
        if (event.kind === 'state' && event.state === 'ringing' && !deadline.isPast) tell(180, active);
      });
      call.transferred(next, target);
      const refused = async (): Promise<number> => (await next.ended).status ?? 503;
      status = await next.established.then(() => 200, refused);
    } catch (error) {
      logger.warn({ error }, 'nobody could be called that a call was transferred to');
    } finally {
      timer.cancel();
      this.#isFollowing = false;
      if (!deadline.isPast) tell(status, 'terminated;reason=noresource');
    }
  }

  async #notify(id: number, status: number, state: string): Promise<void> {
    const { leg, logger } = this.#parts;
    const fields = [
      ['Event', `refer;id=${id}`],
      ['Subscription-State', state],
    ] as const;
    try {
      await leg.send('NOTIFY', fields, statusFragment(status));
    } catch (error) {
      // Whoever has hung up, or wants to know no more, is told no more.
      if (!(error instanceof SipError)) throw error;
      logger.info({ error }, 'the outcome of a transfer could not be told');
    }
  }
}

/**
 * Has the other end of a call take this end's place in another, which ends then. @param by the user of this end
 * @throws EndpointError as `PhoneCall.transfer`: both calls go on
 */
export async function joinCalls(call: PhoneCall, other: PhoneCall, by: string): Promise<void> {
  const leg = other.legs.find(({ state }) => state === 'confirmed');
  const { peer, replacementKey } = other;
  if (leg === undefined || peer === null || replacementKey === null || call.peer === null || other === call)
    throw new EndpointError('state', 'there are not two calls to join');
  const transferee = addressOfRecord(parseUri(call.peer));
  await call.transfer(peer, by, vouchedReplacement(replacementKey, otherEnd(leg), transferee));
  await other.hangUp();
}

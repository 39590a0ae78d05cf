/**
 * The registrar (RFC 3261 section 10.3): contacts of subscribers, each with the flow that it registered over, which is
 * where requests to it go (RFC 5626 in spirit). Bindings expire, and are bounded in number.
 *
 * A phone that starts anew must not find its own old contacts in its way: the same instance, with the same `reg-id` if
 * there is one, replaces what it had (RFC 5626 section 6); a contact that nothing but its connection leads to goes with
 * the connection; and where one more does not fit, contacts whose connection is closed make room, the oldest first.
 * What is registered is kept over a restart (`RegistrationStore`).
 *
 * A contact with an instance gets a public GRUU when the client supports them (RFC 5627): `aor;gr=INSTANCE`; a request
 * to it reaches that device alone.
 */
import type { Clock, Timer } from '../../bytes/ports.ts';
import { formatNameAddr, parseNameAddr, preferenceOf } from '../../sip/fields.ts';
import type { NameAddr } from '../../sip/fields.ts';
import { DEFAULT_PORT, flowKey, isConnection } from '../../sip/flow.ts';
import type { Flow } from '../../sip/flow.ts';
import type { SipRequest, SipResponse } from '../../sip/message.ts';
import { makeResponse } from '../../sip/response.ts';
import { decimal, paramOf, quote, withoutParam, withParam } from '../../sip/text.ts';
import { addressOfRecord, parseUri, sameUri } from '../../sip/uri.ts';
import type { Uri } from '../../sip/uri.ts';
import type { CscfLimits, RegistrationStore, RestoredBinding, StoredBinding, Subscriber } from './ports.ts';
import { publicIdentitiesOf } from './subscribers.ts';

/** One contact of a subscriber. */
export interface Binding {
  readonly subscriber: Subscriber;
  readonly contact: NameAddr;
  readonly flow: Flow;
  /** Whether requests go back over the flow: always over a connection, over UDP if the client listens there (`rport`). */
  readonly reachable: boolean;
  readonly callId: string;
  readonly cseq: number;
  /** Unix milliseconds. */
  readonly expires: number;
  /** `gr` of its public GRUU; `null` without an instance. */
  readonly gr: string | null;
}

interface Entry {
  binding: Binding;
  timer: Timer;
}

interface Wanted {
  readonly contact: NameAddr;
  readonly seconds: number;
}

export class Registrar {
  readonly #clock: Clock;
  readonly #limits: CscfLimits;
  readonly #store: RegistrationStore | null;
  readonly #entries = new Map<Subscriber, Entry[]>();
  /** The same by `flowKey`. */
  readonly #byFlow = new Map<Flow | string, Set<Binding>>();

  constructor(clock: Clock, limits: CscfLimits, store: RegistrationStore | null = null) {
    this.#clock = clock;
    this.#limits = limits;
    this.#store = store;
  }

  /** Takes up what was registered before a restart. `flow`: that of the binding, closed if it was a connection. */
  restore(subscriber: Subscriber, kept: readonly RestoredBinding[]): void {
    for (const { flow, reachable, callId, cseq, expires, ...stored } of kept) {
      const contact = parseNameAddr(stored.contact, 'Contact');
      const gr = instanceOf(contact);
      const binding = { subscriber, contact, flow, reachable, callId, cseq, expires, gr };
      if (!leadsNowhere(binding)) this.#add(binding);
    }
  }

  /** A flow that broke. */
  closed(flow: Flow): void {
    const lost = this.#over(flow).filter(leadsNowhere);
    for (const binding of lost) this.#remove(binding);
  }

  /** Current contacts of a subscriber, those of highest preference first; with `gr`, of that device alone. */
  bindings(subscriber: Subscriber, gr: string | null = null): Binding[] {
    const bindings = (this.#entries.get(subscriber) ?? []).map((entry) => entry.binding);
    const wanted = bindings.filter((binding) => gr === null || binding.gr === gr);
    return wanted.sort((a, b) => preferenceOf(b.contact) - preferenceOf(a.contact));
  }

  /** The binding of a contact URI, or of a GRUU, among those of some subscribers; `null`: none. */
  byContact(uri: Uri, subscribers: Iterable<Subscriber>): Binding | null {
    const gr = grOf(uri);
    for (const subscriber of subscribers) {
      const found = this.bindings(subscriber).find(
        ({ contact, gr: own }) =>
          sameUri(contact.uri, uri) ||
          (gr !== null &&
            own === gr &&
            addressOfRecord(uri) === addressOfRecord(parseUri(subscriber.identity))),
      );
      if (found !== undefined) return found;
    }
    return null;
  }

  /** Who registered over this flow: over TCP the connection, over UDP the address and port that datagrams come from. */
  subscribersOf(flow: Flow): Subscriber[] {
    return [...new Set(this.#over(flow).map(({ subscriber }) => subscriber))];
  }

  /** Handles the REGISTER of an authenticated subscriber. */
  register(request: SipRequest, subscriber: Subscriber, flow: Flow, toTag: string): SipResponse {
    const contacts = request.contacts;
    if (request.list('Contact').includes('*')) return this.#clear(request, subscriber, toTag);
    const secured = flow.protocol === 'TLS';
    if (contacts.some(({ uri }) => uri.kind !== 'sip' || (uri.scheme === 'sips' && !secured)))
      return makeResponse(request, 400, { toTag });
    const wanted = contacts.map((contact) => ({ contact, seconds: this.#seconds(request, contact) }));
    const tooBrief = wanted.some(({ seconds }) => seconds > 0 && seconds < this.#limits.minExpires);
    if (tooBrief)
      return makeResponse(request, 423, {
        toTag,
        fields: [['Min-Expires', String(this.#limits.minExpires)]],
      });
    if (!this.#inOrder(request, subscriber, contacts)) return makeResponse(request, 500, { toTag });
    if (!this.#makeRoom(subscriber, wanted)) return makeResponse(request, 403, { toTag });
    for (const { contact, seconds } of wanted) this.#bind(request, subscriber, contact, seconds, flow);
    if (wanted.length > 0) this.#save(subscriber);
    return this.#answer(request, subscriber, toTag);
  }

  /**
   * A subscriber is none any more, or has other credentials: nothing of what it registered is kept over a restart. Until
   * it expires it leads to who is still in a call.
   */
  void(subscriber: Subscriber): void {
    this.#store?.save(subscriber.identity, [], this.#clock.now());
  }

  /** What a subscriber registered is that of another object from now on. */
  pass(from: Subscriber, to: Subscriber): void {
    for (const { binding } of this.#entries.get(from) ?? []) {
      this.#remove(binding);
      this.#add({ ...binding, subscriber: to });
    }
  }

  /** Drops all bindings and their timers; what is kept stays. */
  close(): void {
    for (const entry of [...this.#entries.values()].flat()) entry.timer.cancel();
    this.#entries.clear();
    this.#byFlow.clear();
  }

  #over(flow: Flow): Binding[] {
    return [...(this.#byFlow.get(flowKey(flow)) ?? [])];
  }

  #clear(request: SipRequest, subscriber: Subscriber, toTag: string): SipResponse {
    if (request.list('Contact').length > 1 || request.first('Expires') !== '0')
      return makeResponse(request, 400, { toTag });
    const bindings = this.bindings(subscriber);
    if (bindings.some((binding) => overtaken(request, binding))) return makeResponse(request, 500, { toTag });
    for (const binding of bindings) this.#remove(binding);
    this.#save(subscriber);
    return this.#answer(request, subscriber, toTag);
  }

  /** Seconds asked for: of the contact, else of the request, else an hour; beyond the most, the most. */
  #seconds(request: SipRequest, contact: NameAddr): number {
    const asked = paramOf(contact.params, 'expires') ?? request.first('Expires') ?? '3600';
    // RFC 4475 section 3.1.2.4: a value out of range counts as the default.
    return Math.min(decimal(asked, 2 ** 32) ?? 3600, this.#limits.maxExpires);
  }

  #inOrder(request: SipRequest, subscriber: Subscriber, contacts: readonly NameAddr[]): boolean {
    return contacts.every((contact) =>
      this.#known(subscriber, contact, 1).every(({ binding }) => !overtaken(request, binding)),
    );
  }

  /** Drops contacts whose connection is closed, the oldest first, as far as needed; `false`: that is not enough. */
  #makeRoom(subscriber: Subscriber, wanted: readonly Wanted[]): boolean {
    const replaced = new Set(
      wanted.flatMap(({ contact, seconds }) => this.#known(subscriber, contact, seconds)),
    );
    const left = (this.#entries.get(subscriber) ?? []).filter((entry) => !replaced.has(entry));
    const added = wanted.filter(({ seconds }) => seconds > 0).length;
    const excess = Math.max(0, left.length + added - this.#limits.contacts);
    const closed = left.filter(({ binding }) => !binding.flow.open);
    if (closed.length < excess) return false;
    for (const { binding } of closed.slice(0, excess)) this.#remove(binding);
    return true;
  }

  #bind(request: SipRequest, subscriber: Subscriber, contact: NameAddr, seconds: number, flow: Flow): void {
    for (const { binding } of this.#known(subscriber, contact, seconds)) this.#remove(binding);
    if (seconds === 0) return;
    this.#add({
      subscriber,
      contact: { ...contact, params: withoutParam(contact.params, 'expires') },
      flow,
      reachable: isConnection(flow.protocol) || paramOf(request.topVia.params, 'rport') !== null,
      callId: request.callId,
      cseq: request.cseq.number,
      expires: this.#clock.now() + seconds * 1000,
      gr: instanceOf(contact),
    });
  }

  #add(binding: Binding): void {
    const { subscriber, expires } = binding;
    const timer = this.#clock.after(Math.max(0, expires - this.#clock.now()), () => this.#remove(binding));
    this.#entries.set(subscriber, [...(this.#entries.get(subscriber) ?? []), { binding, timer }]);
    const key = flowKey(binding.flow);
    this.#byFlow.set(key, (this.#byFlow.get(key) ?? new Set()).add(binding));
  }

  /**
   * What a contact replaces, or with `seconds` 0 takes away: the same URI, and the same instance, of which a REGISTER
   * may name an old URI to take it away, and a new one.
   */
  #known(subscriber: Subscriber, contact: NameAddr, seconds: number): Entry[] {
    const entries = this.#entries.get(subscriber) ?? [];
    const known = new Set(entries.filter(({ binding }) => sameUri(binding.contact.uri, contact.uri)));
    const devices = seconds > 0 ? entries : [];
    for (const entry of devices) if (sameInstance(entry.binding.contact, contact)) known.add(entry);
    return [...known];
  }

  #save(subscriber: Subscriber): void {
    const entries = this.#entries.get(subscriber) ?? [];
    const kept = entries.map(({ binding }) => storedOf(binding));
    this.#store?.save(subscriber.identity, kept, this.#clock.now());
  }

  #remove(binding: Binding): void {
    const entries = this.#entries.get(binding.subscriber) ?? [];
    entries.find((entry) => entry.binding === binding)?.timer.cancel();
    const left = entries.filter((entry) => entry.binding !== binding);
    if (left.length > 0) this.#entries.set(binding.subscriber, left);
    else this.#entries.delete(binding.subscriber);
    const key = flowKey(binding.flow);
    const over = this.#byFlow.get(key);
    over?.delete(binding);
    if (over?.size === 0) this.#byFlow.delete(key);
  }

  #answer(request: SipRequest, subscriber: Subscriber, toTag: string): SipResponse {
    const gruus = request.lists('Supported', 'gruu');
    const contacts = this.bindings(subscriber).map(
      (binding) => ['Contact', this.#format(binding, gruus)] as const,
    );
    const associated = publicIdentitiesOf(subscriber).map((identity) => `<${identity}>`);
    return makeResponse(request, 200, {
      toTag,
      fields: [...contacts, ['P-Associated-URI', associated.join(', ')]],
    });
  }

  #format(binding: Binding, gruus: boolean): string {
    const left = Math.max(0, Math.round((binding.expires - this.#clock.now()) / 1000));
    let params = withParam(binding.contact.params, 'expires', String(left));
    if (gruus && binding.gr !== null)
      params = withParam(params, 'pub-gruu', quote(`${binding.subscriber.identity};gr=${binding.gr}`));
    return formatNameAddr({ ...binding.contact, params });
  }
}

function storedOf({ contact, flow, reachable, callId, cseq, expires }: Binding): StoredBinding {
  const { protocol, local, remote, source = null } = flow;
  const text = formatNameAddr(contact);
  return { contact: text, protocol, local, remote, source, reachable, callId, cseq, expires };
}

/**
 * Whether the connection is gone, and the contact names the port that it came from, where nobody listens; or it was one
 * of TLS, which nobody makes to a phone, since that has no certificate.
 */
function leadsNowhere({ flow, contact }: Binding): boolean {
  if (flow.open || contact.uri.kind !== 'sip') return false;
  if (flow.protocol === 'TLS') return true;
  return (
    paramOf(contact.params, 'reg-id') !== null || (contact.uri.port ?? DEFAULT_PORT) === flow.remote.port
  );
}

/** RFC 5626 section 6: one flow of one device. */
function sameInstance(a: NameAddr, b: NameAddr): boolean {
  if (paramOf(a.params, 'reg-id') !== paramOf(b.params, 'reg-id')) return false;
  const instance = instanceOf(a);
  return instance !== null && instance === instanceOf(b);
}

/** 10.3 steps 6 and 7: an older REGISTER of the same Call-ID must not undo a newer one. */
function overtaken(request: SipRequest, binding: Binding): boolean {
  return binding.callId === request.callId && binding.cseq >= request.cseq.number;
}

/** The `gr` of a GRUU; `null` for other URIs. */
export function grOf(uri: Uri): string | null {
  return uri.kind === 'sip' ? paramOf(uri.params, 'gr') : null;
}

function instanceOf(contact: NameAddr): string | null {
  const urn = /^<?([^<>\s;]+)>?$/.exec(paramOf(contact.params, '+sip.instance') ?? '')?.[1];
  if (urn === undefined) return null;
  const gr = urn.replace(/[^A-Za-z0-9\-_.!~*'():]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return parseUri(`sip:x@x;gr=${gr}`).kind === 'sip' ? gr : null;
}

/** The subscribers of this home by every identity that names them, and the homes that serve others. */
import { isDeepStrictEqual } from 'node:util';
import { addressOfRecord, parseUri } from '../../sip/uri.ts';
import type { Uri } from '../../sip/uri.ts';
import { paramOf } from '../../sip/text.ts';
import type { Peers } from './peers.ts';
import type { CscfSettings, PeerHome, Subscriber } from './ports.ts';

/** What has become of subscribers by new settings. */
export interface SubscriberChanges {
  /** Those that are gone, or have other credentials: what they registered is void. */
  readonly ended: readonly Subscriber[];
  /** Those of whom something else is new: from what they were to what they are. */
  readonly changed: ReadonlyMap<Subscriber, Subscriber>;
}

export class Directory {
  readonly #settings: CscfSettings;
  readonly #peers: Peers;
  readonly #all = new Map<string, Subscriber>();
  readonly #byIdentity = new Map<string, Subscriber>();
  readonly #byUsername = new Map<string, Subscriber>();

  constructor(settings: CscfSettings, peers: Peers) {
    this.#settings = settings;
    this.#peers = peers;
    this.replace(settings.subscribers);
  }

  /** Takes these in place of those that there were; one of whom nothing is new stays the same object. */
  replace(subscribers: readonly Subscriber[]): SubscriberChanges {
    const before = new Map(this.#all);
    for (const index of [this.#all, this.#byIdentity, this.#byUsername]) index.clear();
    const changed = new Map<Subscriber, Subscriber>();
    for (const given of subscribers) {
      const known = before.get(given.identity);
      const isSame = known !== undefined && hasSameCredentials(known, given);
      const subscriber = isSame && hasSameTerms(known, given) ? known : given;
      if (isSame) before.delete(given.identity);
      if (isSame && subscriber !== known) changed.set(known, subscriber);
      this.#add(subscriber);
    }
    return { ended: [...before.values()], changed };
  }

  /** Whether a subscriber is one of this home, as it is now. */
  has(subscriber: Subscriber): boolean {
    return this.#all.get(subscriber.identity) === subscriber;
  }

  /** Who was at the end of a call, and who is of that identity now. */
  generationsOf(subscriber: Subscriber): readonly Subscriber[] {
    const now = this.#all.get(subscriber.identity);
    return now === undefined || now === subscriber ? [subscriber] : [now, subscriber];
  }

  #add(subscriber: Subscriber): void {
    this.#all.set(subscriber.identity, subscriber);
    this.#byUsername.set(subscriber.username, subscriber);
    for (const identity of publicIdentitiesOf(subscriber))
      this.#byIdentity.set(addressOfRecord(parseUri(identity)), subscriber);
  }

  /** The subscriber that a URI names; `null`: none of this home. */
  subscriber(uri: Uri): Subscriber | null {
    const direct = this.#byIdentity.get(addressOfRecord(uri));
    if (direct !== undefined || uri.kind !== 'sip' || uri.user === null) return direct ?? null;
    // sip:+1…@home;user=phone is the number (RFC 3261 section 19.1.6).
    if (paramOf(uri.params, 'user')?.toLowerCase() !== 'phone' || !this.owns(uri)) return null;
    return this.#byIdentity.get(`tel:${uri.user.replace(/[-.()]/g, '').toLowerCase()}`) ?? null;
  }

  byUsername(username: string): Subscriber | null {
    return this.#byUsername.get(username) ?? null;
  }

  /** Whether the host of the URI is this home's domain or this node. */
  owns(uri: Uri): boolean {
    if (uri.kind !== 'sip') return false;
    const host = uri.host.toLowerCase();
    return host === this.#settings.domain || host === this.#settings.host;
  }

  /** The other home that serves a URI; `null`: none that is known. */
  peer(uri: Uri): PeerHome | null {
    if (uri.kind === 'sip') return this.#peers.byHost(uri.host.toLowerCase());
    if (uri.kind !== 'tel') return null;
    const number = addressOfRecord(uri).slice('tel:'.length);
    const prefixes = Object.keys(this.#settings.numbers).filter((prefix) => number.startsWith(prefix));
    const longest = prefixes.sort((a, b) => b.length - a.length)[0];
    return longest === undefined ? null : this.#peers.byHost(this.#settings.numbers[longest] ?? '');
  }
}

function hasSameCredentials(one: Subscriber, other: Subscriber): boolean {
  return one.username === other.username && one.password.equals(other.password);
}

/** A mailbox that is none of the subscribers, or has one itself; `null`: there is none. */
export function unknownMailbox(
  subscribers: readonly Pick<Subscriber, 'identity' | 'mailbox'>[],
): string | null {
  const plain = subscribers.filter(({ mailbox }) => mailbox === undefined);
  const known = new Set(plain.map(({ identity }) => addressOfRecord(parseUri(identity))));
  const wanted = subscribers.flatMap(({ mailbox }) => mailbox?.identity ?? []);
  return wanted.find((identity) => !known.has(addressOfRecord(parseUri(identity)))) ?? null;
}

function hasSameTerms(
  { aliases, algorithms = [], forwardTo, forwards, mailbox }: Subscriber,
  other: Subscriber,
): boolean {
  return (
    aliases.join('\n') === other.aliases.join('\n') &&
    algorithms.join() === (other.algorithms ?? []).join() &&
    forwardTo === other.forwardTo &&
    isDeepStrictEqual(forwards, other.forwards) &&
    mailbox?.identity === other.mailbox?.identity &&
    mailbox?.afterMs === other.mailbox?.afterMs
  );
}

/** An identity or user name that two subscribers have; `null`: there is none. */
export function sharedName(
  subscribers: readonly Pick<Subscriber, 'identity' | 'aliases' | 'username'>[],
): string | null {
  const holders = new Map<string, number>();
  for (const [at, { identity, aliases, username }] of subscribers.entries()) {
    const identities = [identity, ...aliases].map((each) => addressOfRecord(parseUri(each)));
    for (const name of [...identities, `user name ${username}`]) {
      const holder = holders.get(name);
      if (holder !== undefined && holder !== at) return name;
      holders.set(name, at);
    }
  }
  return null;
}

/** All public identities of a subscriber, the first being the one that is asserted. */
export function publicIdentitiesOf(subscriber: Subscriber): string[] {
  return [subscriber.identity, ...subscriber.aliases];
}

/** The subscribers of this home by every identity that names them, and the homes that serve others. */
import { addressOfRecord, parseUri } from '../../sip/uri.ts';
import type { Uri } from '../../sip/uri.ts';
import { paramOf } from '../../sip/text.ts';
import type { Peers } from './peers.ts';
import type { CscfSettings, PeerHome, Subscriber } from './ports.ts';

export class Directory {
  readonly #settings: CscfSettings;
  readonly #peers: Peers;
  readonly #byIdentity = new Map<string, Subscriber>();
  readonly #byUsername = new Map<string, Subscriber>();

  constructor(settings: CscfSettings, peers: Peers) {
    this.#settings = settings;
    this.#peers = peers;
    for (const subscriber of settings.subscribers) {
      this.#byUsername.set(subscriber.username, subscriber);
      for (const identity of publicIdentitiesOf(subscriber))
        this.#byIdentity.set(addressOfRecord(parseUri(identity)), subscriber);
    }
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

/** All public identities of a subscriber, the first being the one that is asserted. */
export function publicIdentitiesOf(subscriber: Subscriber): string[] {
  return [subscriber.identity, ...subscriber.aliases];
}

/**
 * One intercepted SRTP stream, decrypted without an endpoint's state: the key is the one under which a tag verifies.
 *
 * Candidates are the keys delivered for the crypto sessions that have this SSRC; where the maps do not know the SSRC,
 * all keys of the call. A candidate is taken up when a packet authenticates under it with some roll-over counter, tried
 * from the map's value upwards: interception may have begun long after the stream. From then on the packet index follows
 * RFC 3711 appendix A. After a change of keys (another MKI) the next candidate takes over, and the stream goes on, its
 * packet indices too: so a packet is tried, in this order, under
 *
 *     the key used last        or the one that was seen with its MKI
 *     keys not used so far     those delivered after the one used last first, at the index that follows in the stream
 *     all that may be          roll-over counters from the map's value upwards
 *
 * Whoever can send packets to the media gateway can make us try: the search is bounded for each stream and each packet.
 */
import { toHex } from '../../bytes/octets.ts';
import { BytesError } from '../../bytes/errors.ts';
import { MediaError } from '../errors.ts';
import { estimateIndex, packetIndex, rocOf } from './packet-index.ts';
import type { SrtpSuite } from './suites.ts';
import { Secret } from '../../bytes/secret.ts';
import { mkiOf, SrtpTransform } from './transform.ts';

/** Octets of the MKI in MIKEY-IBAKE: the SPI of the speaker's ECCPT. */
export const MKI_LENGTH = 8;

/** Roll-over counters tried above the map's: at 50 packets/s three and a half days of stream before interception. */
const ROC_TRIES = 256;

/** Packets for which all counters are tried; after that every so many-th. */
const FULL_SEARCHES = 32;
const SEARCH_EVERY = 100;

/** Keys of a call that are searched through for one packet: those that were not used, and one that has its MKI. */
const MOST_SEARCHED = 64;

export interface CandidateKey {
  /** Crypto session of a key exchange; `null` for a key from the SDP. */
  readonly csId: number | null;
  readonly suite: SrtpSuite;
  readonly key: Secret;
  readonly salt: Secret;
  /** Where to begin. */
  readonly roc: number;
  /** Octets of the MKI in each packet. */
  readonly mkiLength: number;
}

/** A packet that was authenticated, decrypted. */
export interface OpenedPacket {
  readonly packet: Uint8Array;
  readonly index: number;
  readonly key: CandidateKey;
}

/** A key that proved right. */
export interface KeyUse {
  readonly csId: number | null;
  readonly suite: SrtpSuite;
  readonly key: CandidateKey;
  readonly mki: string;
  readonly packets: number;
  /** Lowest packet index under it. */
  readonly firstIndex: number;
}

/** A key that stands in the open, cut into key and salt (RFC 4568). */
export function shownKey(suite: SrtpSuite, keyAndSalt: Secret, mkiLength: number): CandidateKey {
  const octets = keyAndSalt.expose();
  const key = Secret.of(octets.slice(0, suite.keyLength));
  const salt = Secret.of(octets.slice(suite.keyLength));
  return { csId: null, suite, key, salt, roc: 0, mkiLength };
}

export class StreamDecryptor {
  /** In the order of delivery. */
  readonly #candidates: Candidate[];
  readonly #byMki = new Map<string, Candidate>();
  /** Those used whose packets have no MKI. */
  readonly #unmarked = new Set<Candidate>();
  /** In the order of delivery. */
  readonly #unused: Set<Candidate>;
  #last: Candidate | null = null;
  /** Highest packet index of the stream that was right, whatever the key. */
  #highest: number | null = null;
  #failures = 0;
  #delivered: number;

  constructor(keys: readonly CandidateKey[]) {
    this.#candidates = keys.map((key, order) => new Candidate(key, order));
    this.#delivered = keys.length;
    this.#unused = new Set(this.#candidates);
  }

  /** One more key, delivered after those before. What failed without it is no reason not to search with it. */
  add(key: CandidateKey): void {
    const candidate = new Candidate(key, this.#delivered++);
    this.#candidates.push(candidate);
    this.#unused.add(candidate);
    this.#failures = 0;
  }

  /** Forgets a key. */
  drop(key: CandidateKey): void {
    const at = this.#candidates.findIndex((candidate) => candidate.key === key);
    const [candidate] = at < 0 ? [] : this.#candidates.splice(at, 1);
    if (candidate === undefined) return;
    this.#unused.delete(candidate);
    this.#unmarked.delete(candidate);
    if (this.#byMki.get(candidate.mki) === candidate) this.#byMki.delete(candidate.mki);
    if (this.#last === candidate) this.#last = null;
  }

  /** The keys that proved right, in the order of their delivery, each with the MKI seen with it. */
  get used(): KeyUse[] {
    return this.#candidates.flatMap((candidate) => candidate.usage ?? []);
  }

  /** The plain packet, or `null`: no key fits. */
  open(packet: Uint8Array, sequenceNumber: number): OpenedPacket | null {
    if (this.#candidates.length === 0) return null;
    const opened = this.#follow(packet, sequenceNumber) ?? this.#search(packet, sequenceNumber);
    if (opened === null) this.#failures++;
    else this.#highest = Math.max(this.#highest ?? 0, opened.index);
    return opened;
  }

  /** As `open`, of a compound RTCP packet (SRTCP), whose index stands in it. */
  openRtcp(packet: Uint8Array): Omit<OpenedPacket, 'index'> | null {
    for (const candidate of [...this.#marked(packet), ...this.#next()].slice(0, MOST_SEARCHED)) {
      const plain = candidate.openRtcp(packet);
      if (plain !== null) return { packet: plain, key: candidate.key };
    }
    return null;
  }

  #follow(packet: Uint8Array, sequenceNumber: number): OpenedPacket | null {
    const last = this.#last;
    if (last === null || this.#highest === null) return null;
    const roc = rocOf(estimateIndex(this.#highest, sequenceNumber));
    return (
      this.#first(this.#marked(packet), (candidate) => candidate.follow(packet, sequenceNumber)) ??
      this.#first(this.#next(), (candidate) => candidate.open(packet, roc, sequenceNumber))
    );
  }

  #search(packet: Uint8Array, sequenceNumber: number): OpenedPacket | null {
    const thorough = this.#failures < FULL_SEARCHES || this.#failures % SEARCH_EVERY === 0;
    const tries = thorough ? ROC_TRIES : 2;
    const all = [...this.#marked(packet), ...this.#next()];
    return (
      this.#first(all, (candidate) => candidate.search(packet, sequenceNumber, 1)) ??
      this.#first(all.slice(0, MOST_SEARCHED), (candidate) => candidate.search(packet, sequenceNumber, tries))
    );
  }

  /** Keys that were used and may be the packet's: the one with its MKI, and those without. */
  #marked(packet: Uint8Array): Candidate[] {
    const mki = this.#last?.mkiIn(packet) ?? '';
    const marked = this.#byMki.get(mki);
    return [...(marked === undefined ? [] : [marked]), ...this.#unmarked];
  }

  /** Keys that were not used, those delivered after the one used last first. */
  #next(): Candidate[] {
    const unused = [...this.#unused];
    const last = this.#last?.order ?? -1;
    const from = unused.findIndex(({ order }) => order > last);
    return from <= 0 ? unused : [...unused.slice(from), ...unused.slice(0, from)];
  }

  #first(
    candidates: readonly Candidate[],
    open: (candidate: Candidate) => OpenedPacket | null,
  ): OpenedPacket | null {
    for (const candidate of candidates) {
      const opened = open(candidate);
      if (opened === null) continue;
      this.#last = candidate;
      if (!this.#unused.delete(candidate)) return opened;
      if (candidate.mki === '') this.#unmarked.add(candidate);
      else this.#byMki.set(candidate.mki, candidate);
      return opened;
    }
    return null;
  }
}

class Candidate {
  readonly key: CandidateKey;
  readonly #transform: SrtpTransform;
  /** Highest packet index that was right. */
  #highest: number | null = null;
  #lowest = Infinity;
  #packets = 0;
  #mki = '';
  /** Place in the order of delivery. */
  readonly order: number;

  constructor(key: CandidateKey, order: number) {
    this.order = order;
    this.key = key;
    this.#transform = SrtpTransform.of({ suite: key.suite, masterKey: key.key, masterSalt: key.salt });
  }

  get usage(): KeyUse | null {
    if (this.#packets === 0) return null;
    const { csId, suite } = this.key;
    return {
      ...{ csId, suite, key: this.key, mki: this.#mki },
      ...{ packets: this.#packets, firstIndex: this.#lowest },
    };
  }

  /** The MKI of its packets; empty before the first. */
  get mki(): string {
    return this.#mki;
  }

  /** Under the index that follows from what was seen before. */
  follow(packet: Uint8Array, sequenceNumber: number): OpenedPacket | null {
    if (this.#highest === null) return null;
    return this.open(packet, rocOf(estimateIndex(this.#highest, sequenceNumber)), sequenceNumber);
  }

  search(packet: Uint8Array, sequenceNumber: number, tries: number): OpenedPacket | null {
    const first = this.#highest === null ? this.key.roc : rocOf(this.#highest);
    for (let roc = first; roc < first + tries; roc++) {
      const opened = this.open(packet, roc, sequenceNumber);
      if (opened !== null) return opened;
    }
    return null;
  }

  /** The MKI that a packet under this key has; of one too short for it, none. */
  mkiIn(packet: Uint8Array): string {
    const { suite, mkiLength } = this.key;
    try {
      return toHex(mkiOf(packet, suite, mkiLength));
    } catch (error) {
      if (error instanceof MediaError) return '';
      throw error;
    }
  }

  openRtcp(packet: Uint8Array): Uint8Array | null {
    try {
      return this.#transform.unprotectRtcp(packet, this.key.mkiLength)?.packet ?? null;
    } catch (error) {
      if (error instanceof MediaError || error instanceof BytesError) return null;
      throw error;
    }
  }

  open(packet: Uint8Array, roc: number, sequenceNumber: number): OpenedPacket | null {
    try {
      const plain = this.#transform.unprotectRtp(packet, roc, this.key.mkiLength);
      if (plain === null) return null;
      const index = packetIndex(roc, sequenceNumber);
      this.#highest = Math.max(this.#highest ?? 0, index);
      this.#lowest = Math.min(this.#lowest, index);
      if (this.#packets === 0) this.#mki = this.mkiIn(packet);
      this.#packets++;
      return { packet: plain, index, key: this.key };
    } catch (error) {
      if (error instanceof MediaError || error instanceof BytesError) return null;
      throw error;
    }
  }
}

/**
 * In what order the keys of a warrant were handed over, and in what order they were sent under. The packets of a stream
 * tell the second by themselves: each change of keys shows in the MKI, and a key is that of the packets that authenticate
 * under it. Keys under which nothing was sent have no place in it.
 */
import { BytesError } from '../../../bytes/errors.ts';
import { toHex } from '../../../bytes/octets.ts';
import type { Secret } from '../../../bytes/secret.ts';
import { MKI_LENGTH } from '../../../media/srtp/stream-decryptor.ts';
import { suitesFor } from '../../../entities/lemf/policy.ts';
import { MediaError } from '../../../media/errors.ts';
import { decodeRtpHeader, isRtcp } from '../../../media/rtp.ts';
import { estimateIndex, packetIndex, rocOf } from '../../../media/srtp/packet-index.ts';
import type { SrtpSuite } from '../../../media/srtp/suites.ts';
import { mkiOf, SrtpTransform } from '../../../media/srtp/transform.ts';

/** A key with its salt, as a record has it. */
export interface HandedKey {
  readonly key: Secret;
  readonly salt: Secret;
}

export interface KeyOrder {
  /** Keys under which packets were sent. */
  readonly used: number;
  /** Of these, those that were handed over before the one that their stream was under before them. */
  readonly early: number;
}

/**
 * @param packets SRTP as it passed
 * @param keys in the order in which they were handed over, those of all crypto sessions
 */
export function keyOrder(packets: Iterable<Uint8Array>, keys: readonly HandedKey[]): KeyOrder {
  const streams = new Map<number, UsedKeys>();
  const tried = keys.flatMap(({ key, salt }, place) =>
    suitesFor(key.length, salt.length).map((suite) => {
      return { place, suite, transform: SrtpTransform.of({ suite, masterKey: key, masterSalt: salt }) };
    }),
  );
  for (const packet of packets) {
    const header = headerOf(packet);
    if (header === null) continue;
    const stream = streams.get(header.ssrc) ?? new UsedKeys(tried);
    streams.set(header.ssrc, stream);
    stream.take(packet, header.sequenceNumber);
  }
  const orders = [...streams.values()].map(({ order }) => order);
  return {
    used: orders.reduce((sum, { used }) => sum + used, 0),
    early: orders.reduce((sum, { early }) => sum + early, 0),
  };
}

/* ---------------------------------------------------------------- helpers */

interface TriedKey {
  readonly place: number;
  readonly suite: SrtpSuite;
  readonly transform: SrtpTransform;
}

/** What was sent under in one stream. */
class UsedKeys {
  readonly #keys: readonly TriedKey[];
  readonly #suites: ReadonlySet<SrtpSuite>;
  readonly #known = new Set<string>();
  readonly #places: number[] = [];
  #highest: number | null = null;

  constructor(keys: readonly TriedKey[]) {
    this.#keys = keys;
    this.#suites = new Set(keys.map(({ suite }) => suite));
  }

  get order(): KeyOrder {
    const early = this.#places.filter((place, at) => place < (this.#places[at - 1] ?? -1));
    return { used: this.#places.length, early: early.length };
  }

  take(packet: Uint8Array, sequenceNumber: number): void {
    const index =
      this.#highest === null ? packetIndex(0, sequenceNumber) : estimateIndex(this.#highest, sequenceNumber);
    this.#highest = Math.max(this.#highest ?? 0, index);
    for (const suite of this.#suites) {
      const mki = `${suite.name} ${mkiIn(packet, suite)}`;
      if (this.#known.has(mki)) continue;
      this.#known.add(mki);
      const place = this.#placeOf(packet, suite, rocOf(index));
      if (place !== null) this.#places.push(place);
    }
  }

  /** Those after the last that was used are tried first: where all is in order it is the next. */
  #placeOf(packet: Uint8Array, suite: SrtpSuite, roc: number): number | null {
    const from = this.#keys.findIndex(({ place }) => place > (this.#places.at(-1) ?? -1));
    const order = from < 0 ? this.#keys : [...this.#keys.slice(from), ...this.#keys.slice(0, from)];
    const found = order.find((one) => one.suite === suite && opens(one.transform, packet, roc));
    return found?.place ?? null;
  }
}

function headerOf(packet: Uint8Array): { readonly ssrc: number; readonly sequenceNumber: number } | null {
  if (isRtcp(packet)) return null;
  return unlessDamaged(() => decodeRtpHeader(packet).header);
}

function mkiIn(packet: Uint8Array, suite: SrtpSuite): string {
  const mki = unlessDamaged(() => mkiOf(packet, suite, MKI_LENGTH));
  return mki === null ? '' : toHex(mki);
}

/** The counter that goes with the first packets seen is not known where interception began late. */
function opens(transform: SrtpTransform, packet: Uint8Array, roc: number): boolean {
  return [roc, roc + 1].some(
    (each) => unlessDamaged(() => transform.unprotectRtp(packet, each, MKI_LENGTH)) !== null,
  );
}

function unlessDamaged<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof MediaError || error instanceof BytesError) return null;
    throw error;
  }
}

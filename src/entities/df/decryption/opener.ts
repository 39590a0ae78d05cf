/**
 * The keys of calls whose content is decrypted here, and the streams that they open. Nothing of a DF loads this
 * file unless its configuration says so (`start-delivery.ts`); what it knows is in memory alone, and wiped when a call was
 * silent for long, or gives way to others.
 */
import { BytesError } from '../../../bytes/errors.ts';
import { MediaError } from '../../../media/errors.ts';
import { decodeRtpHeader } from '../../../media/rtp.ts';
import { suiteByName } from '../../../media/srtp/suites.ts';
import { shownKey, StreamDecryptor } from '../../../media/srtp/stream-decryptor.ts';
import type { CandidateKey } from '../../../media/srtp/stream-decryptor.ts';
import type { ContentOpener, OpenedContent, OpeningKey } from '../ports.ts';

/** Calls that keys are known of; of what is beyond, the one that was silent for longest goes, and is asked about again. */
const MAX_CALLS = 20_000;
/** Keys of one call: two streams have so many through 256 changes; the oldest go. */
const MAX_KEYS = 512;
/** Streams of one call that no key is named for: somebody may have thrown them in. */
const MAX_UNNAMED = 16;

export class StreamOpener implements ContentOpener {
  /** Those that were heard of last at the end. */
  readonly #calls = new Map<string, CallKeys>();

  get calls(): number {
    return this.#calls.size;
  }

  knows(call: string): boolean {
    return this.#calls.has(call);
  }

  add(call: string, keys: readonly OpeningKey[], now: number): boolean {
    const known = this.#heard(call, now) ?? new CallKeys(now);
    const isNew = known.add(keys);
    if (known.size > 0) this.#calls.set(call, known);
    if (this.#calls.size > MAX_CALLS) {
      const [oldest] = this.#calls.keys();
      if (oldest !== undefined) this.#wipe(oldest);
    }
    return isNew;
  }

  open(
    call: string,
    packet: { readonly kind: 'rtp' | 'rtcp'; readonly octets: Uint8Array; readonly stream: string },
    now: number,
  ): OpenedContent | null {
    return this.#heard(call, now)?.open(packet) ?? null;
  }

  forget(before: number): void {
    for (const [call, { heard }] of this.#calls) {
      if (heard >= before) break;
      this.#wipe(call);
    }
  }

  #heard(call: string, now: number): CallKeys | null {
    const known = this.#calls.get(call);
    if (known === undefined) return null;
    known.heard = now;
    this.#calls.delete(call);
    this.#calls.set(call, known);
    return known;
  }

  #wipe(call: string): void {
    this.#calls.get(call)?.wipe();
    this.#calls.delete(call);
  }
}

/* ---------------------------------------------------------------- helpers */

interface KnownKey {
  readonly ssrc: number | null;
  readonly key: CandidateKey;
}

interface OpenStream {
  readonly ssrc: number;
  readonly decryptor: StreamDecryptor;
}

class CallKeys {
  /** When it was last heard of, Unix milliseconds. */
  heard: number;
  readonly #keys: KnownKey[] = [];
  readonly #streams = new Map<string, OpenStream>();
  #unnamed = 0;

  constructor(heard: number) {
    this.heard = heard;
  }

  get size(): number {
    return this.#keys.length;
  }

  add(keys: readonly OpeningKey[]): boolean {
    const fresh = keys.flatMap((key) => this.#fresh(key) ?? []);
    for (const known of fresh) {
      this.#keys.push(known);
      for (const stream of this.#streams.values())
        if (this.#mayOpen(known, stream.ssrc)) stream.decryptor.add(known.key);
    }
    while (this.#keys.length > MAX_KEYS) this.#forgetOldest();
    return fresh.length > 0;
  }

  open({
    kind,
    octets,
    stream,
  }: {
    readonly kind: 'rtp' | 'rtcp';
    readonly octets: Uint8Array;
    readonly stream: string;
  }): OpenedContent | null {
    try {
      if (kind === 'rtcp') {
        const ssrc = new DataView(octets.buffer, octets.byteOffset, octets.length).getUint32(4);
        const opened = this.#streamOf(stream, ssrc)?.openRtcp(octets) ?? null;
        return opened === null ? null : { packet: opened.packet, csId: opened.key.csId };
      }
      const { ssrc, sequenceNumber } = decodeRtpHeader(octets).header;
      const opened = this.#streamOf(stream, ssrc)?.open(octets, sequenceNumber) ?? null;
      return opened === null ? null : { packet: opened.packet, csId: opened.key.csId };
    } catch (error) {
      if (error instanceof MediaError || error instanceof BytesError || error instanceof RangeError)
        return null;
      throw error;
    }
  }

  wipe(): void {
    while (this.#keys.length > 0) this.#forgetOldest();
    this.#streams.clear();
  }

  /** `null`: it is known, or of no use; then it is wiped. */
  #fresh({ csId, ssrc, cipher, keyAndSalt, roc, mkiLength }: OpeningKey): KnownKey | null {
    const suite = suiteByName(cipher);
    const fits = suite !== null && keyAndSalt.length === suite.keyLength + suite.saltLength;
    const key = fits ? { ...shownKey(suite, keyAndSalt, mkiLength), csId, roc } : null;
    keyAndSalt.wipe();
    if (key === null) return null;
    const isKnown = this.#keys.some(
      (known) =>
        known.ssrc === ssrc &&
        known.key.csId === csId &&
        known.key.suite === suite &&
        known.key.mkiLength === mkiLength &&
        known.key.key.equals(key.key) &&
        known.key.salt.equals(key.salt),
    );
    if (!isKnown) return { ssrc, key };
    wipeKey(key);
    return null;
  }

  /** A key is for the stream that it names; where none names it, all are tried. */
  #mayOpen({ ssrc: named }: KnownKey, ssrc: number): boolean {
    return named === null || named === ssrc || !this.#isNamed(ssrc);
  }

  #isNamed(ssrc: number): boolean {
    return this.#keys.some((known) => known.ssrc === ssrc);
  }

  #streamOf(stream: string, ssrc: number): StreamDecryptor | null {
    const name = `${stream} ${ssrc}`;
    const known = this.#streams.get(name);
    if (known !== undefined) return known.decryptor;
    const isNamed = this.#isNamed(ssrc);
    if (!isNamed && this.#unnamed >= MAX_UNNAMED) return null;
    if (!isNamed) this.#unnamed++;
    const keys = this.#keys.filter((one) => this.#mayOpen(one, ssrc)).map(({ key }) => key);
    const decryptor = new StreamDecryptor(keys);
    this.#streams.set(name, { ssrc, decryptor });
    return decryptor;
  }

  #forgetOldest(): void {
    const oldest = this.#keys.shift();
    if (oldest === undefined) return;
    for (const { decryptor } of this.#streams.values()) decryptor.drop(oldest.key);
    wipeKey(oldest.key);
  }
}

function wipeKey({ key, salt }: CandidateKey): void {
  key.wipe();
  salt.wipe();
}

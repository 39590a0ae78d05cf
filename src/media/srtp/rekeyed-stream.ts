/**
 * Both directions of an SRTP stream whose keys change while packets flow. The MKI in each packet says under which it is;
 * packet indices go on from one key to the next (RFC 3711 section 3.3.1).
 *
 *     secure        the first keys, or those of another dialog: both directions at once
 *     prepare       keys of an update: received under beside those before, which are sent under until
 *     switchOver    the far end is known to have them: told so, or by the first packet that comes under them
 *
 * A stream that an update adds begins with `prepare`: nothing is sent before `switchOver`.
 *
 * Keys that were replaced are received under for ten seconds more, since packets of theirs are on the way, and the last
 * before those in use for as long as these are: a far end that has heard nothing since still sends under them.
 */
import { equalOctets } from '../../bytes/octets.ts';
import type { Clock } from '../../bytes/ports.ts';
import { SrtpReceiver, SrtpSender } from './stream.ts';
import type { SrtpStreamOptions, StreamPosition } from './stream.ts';

/** The keys of both directions. */
export interface StreamKeys {
  /** `null`: nothing is sent. */
  readonly send: SrtpStreamOptions | null;
  readonly receive: SrtpStreamOptions;
}

/** How long packets may be on the way, milliseconds. */
const ON_THE_WAY_MS = 10_000;
/** Keys received under at once: at 20 ms from one change to the next, more than a second of packets on their way. */
const MOST = 64;

interface ReceivingKey {
  readonly srtp: SrtpReceiver;
  readonly mki: Uint8Array;
  /** When another took its place; `null`: none has. */
  replaced: number | null;
}

export class RekeyedStream {
  readonly #clock: Pick<Clock, 'now'>;
  #sender: SrtpSender | null = null;
  /** The newest first. */
  #receivers: readonly ReceivingKey[] = [];
  /** What is sent under after `switchOver`. */
  #prepared: StreamKeys | null = null;
  #position: StreamPosition = { highest: null };
  #sent = 0;
  #switched: () => void = () => undefined;
  #becameReady: () => void = () => undefined;
  /** Resolves when there are keys to send under. */
  readonly ready: Promise<void>;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
    this.ready = new Promise((resolve) => (this.#becameReady = resolve));
  }

  /** Packets sent under the keys in use. */
  get sent(): number {
    return this.#sent;
  }

  /** SSRC of the far end's stream; 0 before keys. */
  get remoteSsrc(): number {
    return this.#receivers[0]?.srtp.ssrc ?? 0;
  }

  /** Tells of the first packet under keys that were prepared: the far end has them, for all its streams. */
  onSwitched(listener: () => void): void {
    this.#switched = listener;
  }

  secure({ send, receive }: StreamKeys): void {
    this.#prepared = null;
    this.#position = { highest: null };
    this.#receivers = [{ srtp: new SrtpReceiver(receive, this.#position), mki: receive.mki, replaced: null }];
    this.#sendUnder(send);
  }

  /** Keys that are those in use change nothing: what was received under them is not taken again. */
  prepare(keys: StreamKeys): void {
    const now = this.#clock.now();
    const [newest] = this.#receivers;
    if (newest !== undefined && equalOctets(newest.mki, keys.receive.mki)) return;
    if (newest !== undefined) newest.replaced = now;
    const kept = this.#receivers.filter(
      ({ replaced }, age) => age === 0 || (replaced !== null && now - replaced < ON_THE_WAY_MS),
    );
    const srtp = new SrtpReceiver(keys.receive, this.#position);
    this.#receivers = [{ srtp, mki: keys.receive.mki, replaced: null }, ...kept].slice(0, MOST);
    this.#prepared = keys;
  }

  switchOver(): void {
    const prepared = this.#prepared;
    this.#prepared = null;
    if (prepared !== null) this.#sendUnder(prepared.send);
  }

  /** `null` before the first keys. @throws MediaError as `SrtpSender` */
  protect(packet: Uint8Array): Uint8Array | null {
    const octets = this.#sender?.protect(packet) ?? null;
    if (octets !== null) this.#sent++;
    return octets;
  }

  /** As `protect`, for a compound RTCP packet. */
  protectRtcp(packet: Uint8Array): Uint8Array | null {
    return this.#sender?.protectRtcp(packet) ?? null;
  }

  /** `null` for a packet of another SSRC, or under no key that is received under. @throws BytesError, MediaError */
  unprotect(packet: Uint8Array): { readonly packet: Uint8Array; readonly highest: number } | null {
    return this.#open((receiver) => receiver.unprotect(packet));
  }

  /** As `unprotect`, for a compound RTCP packet. */
  unprotectRtcp(packet: Uint8Array): Uint8Array | null {
    return this.#open((receiver) => receiver.unprotectRtcp(packet))?.packet ?? null;
  }

  #open(
    unprotect: (receiver: SrtpReceiver) => Uint8Array | null,
  ): { readonly packet: Uint8Array; readonly highest: number } | null {
    for (const [age, { srtp }] of this.#receivers.entries()) {
      const packet = unprotect(srtp);
      if (packet === null) continue;
      if (age === 0 && this.#prepared !== null) {
        this.switchOver();
        this.#switched();
      }
      return { packet, highest: srtp.highest ?? 0 };
    }
    return null;
  }

  #sendUnder(keys: SrtpStreamOptions | null): void {
    this.#sender = keys === null ? null : new SrtpSender(keys, this.#sender?.highest ?? null);
    this.#sent = 0;
    if (this.#sender !== null) this.#becameReady();
  }
}

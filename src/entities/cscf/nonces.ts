/**
 * Nonces that cost nothing until they are used: whoever asks for one leaves no trace (RFC 3261 section 26.3.2.4).
 *
 *     nonce = base64url( milliseconds (6) ‖ random (4) ‖ HMAC-SHA-256(key, milliseconds ‖ random), first 10 octets )
 *
 * Every use of one counts upwards, so that a credential works once. Used ones are remembered for each subscriber, as long
 * as they are valid and up to a number; beyond it, those issued up to the oldest one forgotten count as stale.
 */
import { KeyedHash } from '../../bytes/keyed-hash.ts';
import { equalOctets, fromHex } from '../../bytes/octets.ts';
import type { Clock, Random } from '../../bytes/ports.ts';
import type { Subscriber } from './ports.ts';

const NONCE_MS = 5 * 60_000;
/** Used nonces to be remembered of a subscriber. */
const MAX_USED = 256;
/** Octets of time and random number, and of the whole. */
const TIME = 6;
const STAMP = 10;
const WHOLE = 20;
/** Octets of random numbers, which are no secret, that are drawn at a time. */
const DRAWN = 32;

interface Used {
  readonly issued: number;
  count: number;
}

interface Account {
  /** In the order of first use. */
  readonly used: Map<string, Used>;
  /** What was issued up to here and is not among those is stale. */
  staleUntil: number;
}

export class Nonces {
  readonly #keyed: KeyedHash;
  readonly #clock: Clock;
  readonly #random: Random;
  #drawn: Uint8Array = new Uint8Array();
  readonly #accounts = new Map<Subscriber, Account>();

  constructor(clock: Clock, random: Random) {
    this.#keyed = new KeyedHash(random.bytes(32));
    this.#clock = clock;
    this.#random = random;
  }

  /** Used nonces that are remembered. */
  get remembered(): number {
    return [...this.#accounts.values()].reduce((sum, { used }) => sum + used.size, 0);
  }

  /** Nobody proves to be that subscriber any more. */
  forget(subscriber: Subscriber): void {
    this.#accounts.delete(subscriber);
  }

  issue(): string {
    const nonce = Buffer.allocUnsafe(WHOLE);
    nonce.writeUIntBE(Math.floor(this.#clock.now()), 0, TIME);
    nonce.set(this.#draw(STAMP - TIME), TIME);
    nonce.set(this.#mac(nonce.subarray(0, STAMP)), STAMP);
    return nonce.toString('base64url');
  }

  /** Whether the nonce is one of ours, young enough, and this use of it by a subscriber, who has proved to be one, is new. */
  use(nonce: string, nonceCount: number, subscriber: Subscriber): boolean {
    const issued = this.#issued(nonce);
    const now = this.#clock.now();
    if (issued === null || now - issued > NONCE_MS) return false;
    const account = this.#accounts.get(subscriber) ?? { used: new Map<string, Used>(), staleUntil: -1 };
    const known = account.used.get(nonce);
    if (known === undefined && issued <= account.staleUntil) return false;
    if (nonceCount <= (known?.count ?? 0)) return false;
    if (known === undefined) account.used.set(nonce, { issued, count: nonceCount });
    else known.count = nonceCount;
    this.#accounts.set(subscriber, account);
    forgetOld(account, now);
    return true;
  }

  /** When it was issued, in Unix milliseconds; `null`: not here. */
  #issued(nonce: string): number | null {
    const octets = Buffer.from(nonce, 'base64url');
    if (octets.length !== WHOLE || octets.toString('base64url') !== nonce) return null;
    const stamp = octets.subarray(0, STAMP);
    return equalOctets(octets.subarray(STAMP), this.#mac(stamp)) ? stamp.readUIntBE(0, 6) : null;
  }

  #draw(octets: number): Uint8Array {
    if (this.#drawn.length < octets) this.#drawn = this.#random.bytes(DRAWN);
    const drawn = this.#drawn.subarray(0, octets);
    this.#drawn = this.#drawn.subarray(octets);
    return drawn;
  }

  #mac(stamp: Buffer): Uint8Array {
    return fromHex(this.#keyed.ofText(stamp.toString('latin1')).slice(0, 2 * (WHOLE - STAMP)));
  }
}

function forgetOld(account: Account, now: number): void {
  for (const [nonce, { issued }] of account.used) {
    if (now - issued <= NONCE_MS && account.used.size <= MAX_USED) break;
    account.used.delete(nonce);
    account.staleUntil = Math.max(account.staleUntil, issued);
  }
}

/**
 * Keeps the key ring filled and emptied: asks the KMS for the keys of the user's identities well before they run out,
 * and erases what is over.
 *
 *     keys         asked for again when less than a quarter to a half of a period is left: each phone at a time of its own,
 *                  so that not all come at once
 *     again        where none came: after a minute, then two, four, five, each by chance half as long to half as long again
 *     old keys     stay until no message of their period can come (`key-ring.ts`)
 *     parameters   four times a period, since new ones are announced one period ahead
 *
 *     past keys    as content is delivered that was left then, so often at most; what the KMS does not give is not asked again
 *
 * A KMS that has too much to do says when to ask again (Retry-After), and is left alone until then. Whoever waits for
 * keys waits for that, up to half a minute. Each of its answers says what time it is there: where the own clock is off by
 * more than half of what may be, that is told.
 */
import type { Clock, Logger, Random, Timer } from '../bytes/ports.ts';
import { BackOff } from '../bytes/back-off.ts';
import { Quotas } from '../bytes/quotas.ts';
import { Reader } from '../bytes/reader.ts';
import type { DistrictParameters } from '../ibe/system-parameters.ts';
import { RequestKeyError } from '../wire/request-key/errors.ts';
import type { IssuedKey } from '../wire/request-key/issued-keys.ts';
import type { WantedDates } from '../wire/request-key/request.ts';
import type { KmsIdentification, OpenKeyRequest } from './credentials.ts';
import type { Districts } from './districts.ts';
import { EndpointError } from './errors.ts';
import type { KeyRing } from './key-ring.ts';
import type { KmsClient } from './ports.ts';
import { restFor } from './rest.ts';

/** Milliseconds between looks at the ring. */
const LOOK_MS = 60_000;
/** Milliseconds after which keys that did not come are asked for again, at first and at most. */
const AGAIN_MS = { first: 60_000, longest: 300_000 };
/** Milliseconds that a KMS's whole seconds, and the way of its answer, may make of difference between right clocks. */
const UNSURE_MS = 2_000;
/** Milliseconds for which whoever needs keys waits for a KMS that has too much to do. */
const PATIENCE_MS = 30_000;

/**
 * How often keys of periods that are over are asked for: whoever sends deliveries, with whatever T, must not have the phone
 * ask its KMS for each. One more every half a minute, and what is saved up.
 */
const PAST_KEYS = { each: 4, all: 4, pace: { burst: 16, seconds: 30 } };
/** Periods of which it is remembered that the KMS gives no key, a year of days, and for how many seconds. */
const LACKING = { most: 366, seconds: 3_600 };

export interface KeyKeeperOptions {
  readonly kms: KmsClient;
  readonly identification: KmsIdentification;
  /** Canonical address of record. */
  readonly addressOfRecord: string;
  /** Canonical device identity; the address of record itself where there is one device. */
  readonly device: string;
  readonly ring: KeyRing;
  readonly districts: Pick<Districts, 'refresh'> & {
    parametersOf(district: string, time: number): Pick<DistrictParameters, 'keyLifetime'> | null;
  };
  /** Seconds that clocks may differ by. */
  readonly skew: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export class KeyKeeper {
  readonly #options: KeyKeeperOptions;
  #look: Timer | null = null;
  /** Unix seconds. */
  #refreshed = -Infinity;
  /** When the KMS may be asked again, Unix milliseconds. */
  #askAgainAt = -Infinity;
  readonly #past = new Quotas(PAST_KEYS);
  /** Beginnings of periods whose key the KMS does not give, and until when it is not asked again; Unix seconds. */
  readonly #lacking = new Map<number, number>();
  /** Where keys are wanting still: when they are asked for again, Unix milliseconds. */
  #renewAt = -Infinity;
  readonly #pauses = new BackOff(AGAIN_MS.first, AGAIN_MS.longest);
  /** By how much of a quarter more than a quarter of a period keys are renewed ahead: 0 to 1; `null`: not drawn yet. */
  #ahead: number | null = null;
  /** By how many milliseconds the own clock was ahead of the KMS's when it last answered. */
  #offset = 0;
  readonly #waiting = new Set<{ readonly timer: Timer; readonly giveUp: () => void }>();

  constructor(options: KeyKeeperOptions) {
    this.#options = options;
  }

  /**
   * Fetches parameters, and keys as far as they are wanting.
   * @throws EndpointError `kms` if the own KMS does not give them
   */
  async refresh(): Promise<void> {
    const until = this.#options.clock.now() + PATIENCE_MS;
    await this.#fetchParameters(until);
    this.#refreshed = this.#options.clock.now() / 1000;
    if (this.#wanting()) await this.#request(until);
    this.#look ??= this.#nextLook();
  }

  /**
   * The address of record's private key for the period that contains `time` (Unix seconds), asked for if it is not held:
   * content that waits at a mailbox may be of a period that is over. A key of a period to come is never asked for.
   * @throws EndpointError `kms`, also if keys were asked for too often; `no-key` if the KMS does not give it
   */
  async fetchFor(time: number): Promise<void> {
    const { ring, addressOfRecord, clock } = this.#options;
    if (ring.privateKey(addressOfRecord, time) !== null) return;
    const now = clock.now() / 1000;
    const period = this.#periodOf(time);
    if (time > now || now < (this.#lacking.get(period) ?? 0)) throw lackingKey();
    const done = this.#past.begin('', now);
    if (done === null)
      throw new EndpointError('kms', 'keys of periods that are over were asked for too often; later again');
    try {
      const wanted = { from: time, to: time + 1 };
      await this.#ask([addressOfRecord], wanted, clock.now() + PATIENCE_MS);
    } catch (cause) {
      if (!(cause instanceof RequestKeyError)) throw cause;
      throw this.#lacks(period, cause);
    } finally {
      done();
    }
    if (ring.privateKey(addressOfRecord, time) === null) throw this.#lacks(period);
  }

  #lacks(period: number, cause?: RequestKeyError): EndpointError {
    const [oldest] = this.#lacking.keys();
    if (this.#lacking.size >= LACKING.most && oldest !== undefined) this.#lacking.delete(oldest);
    this.#lacking.delete(period);
    this.#lacking.set(period, this.#options.clock.now() / 1000 + LACKING.seconds);
    return lackingKey(cause);
  }

  /** How often a key of a period that is over was not asked for, since that was too often. */
  get pastKeysRefused(): number {
    return this.#past.refused;
  }

  stop(): void {
    this.#look?.cancel();
    this.#look = null;
    for (const { giveUp } of this.#waiting) giveUp();
  }

  async #fetchParameters(until: number): Promise<void> {
    for (;;) {
      await this.#untilAskedAgain(until);
      const afterMs = await this.#options.districts.refresh();
      if (afterMs === null) return;
      this.#leaveAlone(afterMs);
    }
  }

  async #request(until: number): Promise<void> {
    const { addressOfRecord, device, ring, clock } = this.#options;
    const uris = [...new Set([addressOfRecord, device])];
    await this.#ask(uris, { from: null, to: null }, until);
    const now = clock.now() / 1000;
    if (uris.every((uri) => ring.privateKey(uri, now) !== null)) return;
    throw new EndpointError('kms', 'the KMS gave no key for the period that is on');
  }

  /** Each time with a new message: the KMS takes none twice. */
  async #ask(uris: readonly string[], wanted: WantedDates, until: number): Promise<void> {
    const { kms, identification, ring, clock, random } = this.#options;
    for (;;) {
      await this.#untilAskedAgain(until);
      const request = identification.ask({ uris, time: clock.now(), wanted }, random);
      try {
        const asked = clock.now();
        const answer = await kms.requestKeys(request.octets);
        if (answer.kind === 'answer') {
          this.#compareClocks(asked, answer.date ?? null);
          ring.add(this.#opened(request, answer.octets));
          return;
        }
        this.#leaveAlone(answer.afterMs);
      } finally {
        request.close();
      }
    }
  }

  /** @throws EndpointError `clock` if that is why the KMS refuses; RequestKeyError */
  #opened(request: OpenKeyRequest, answer: Uint8Array): IssuedKey[] {
    try {
      return request.open(answer);
    } catch (cause) {
      const isClock = cause instanceof RequestKeyError && cause.code === 'untimely' && this.#offset !== 0;
      if (!isClock) throw cause;
      throw new EndpointError(
        'clock',
        `the KMS takes no request of this time: the own clock is ${offsetText(this.#offset)} the KMS's; set it`,
        { cause },
      );
    }
  }

  /** @param asked Unix milliseconds @param date the KMS's time when it answered, in whole seconds */
  #compareClocks(asked: number, date: number | null): void {
    const { clock, skew, logger } = this.#options;
    if (date === null) return;
    // The answer was made after the question and before now.
    const ahead = asked - (date + 1000);
    const behind = date - clock.now();
    const off = ahead > 0 ? ahead : behind > 0 ? -behind : 0;
    this.#offset = Math.abs(off) < UNSURE_MS ? 0 : off;
    if (Math.abs(this.#offset) <= skew * 500) return;
    const clocks = `the own clock is ${offsetText(this.#offset)} the KMS's: set it; beyond ${skew} s calls fail`;
    logger.warn({ offsetSeconds: Math.round(this.#offset / 1000), skew }, clocks);
  }

  #leaveAlone(afterMs: number): void {
    this.#askAgainAt = this.#options.clock.now() + restFor(afterMs);
  }

  /** @throws EndpointError `kms` if the KMS is not to be asked before `until` */
  async #untilAskedAgain(until: number): Promise<void> {
    const pause = this.#askAgainAt - this.#options.clock.now();
    if (pause <= 0) return;
    if (this.#askAgainAt > until)
      throw new EndpointError('kms', `the KMS has too much to do; again in ${Math.ceil(pause / 1000)} s`);
    await new Promise<void>((resolve, reject) => {
      const waiting = {
        timer: this.#options.clock.after(pause, () => {
          this.#waiting.delete(waiting);
          resolve();
        }),
        giveUp: () => {
          this.#waiting.delete(waiting);
          waiting.timer.cancel();
          reject(new EndpointError('kms', 'the phone was stopped before the KMS gave keys'));
        },
      };
      this.#waiting.add(waiting);
    });
  }

  /** Whether the keys run out. */
  #wanting(): boolean {
    const { ring, device, addressOfRecord, clock, random } = this.#options;
    const now = clock.now() / 1000;
    const heldUntil = Math.min(...[device, addressOfRecord].map((uri) => ring.heldUntil(uri, now)));
    if (heldUntil <= now) return true;
    this.#ahead ??= partOf(random);
    return heldUntil < now + this.#quarter() * (1 + this.#ahead);
  }

  /** Asks again later, and not at the time of all others, for keys that are wanting still; else there is none to ask for. */
  #plan(): void {
    const { clock, random } = this.#options;
    if (this.#wanting()) {
      this.#renewAt = clock.now() + this.#pauses.next() * (0.5 + partOf(random));
      return;
    }
    this.#pauses.reset();
    this.#ahead = null;
  }

  /** The beginning of the period that contains a time; what is not known of periods is taken for one of a second. */
  #periodOf(time: number): number {
    const { districts, identification } = this.#options;
    const lifetime = districts.parametersOf(identification.district, time)?.keyLifetime ?? 1;
    return Math.floor(time / lifetime) * lifetime;
  }

  #stale(): boolean {
    return this.#options.clock.now() / 1000 >= this.#refreshed + this.#quarter();
  }

  /** Seconds of a quarter of a period. */
  #quarter(): number {
    const { districts, identification, clock } = this.#options;
    return (districts.parametersOf(identification.district, clock.now() / 1000)?.keyLifetime ?? 0) / 4;
  }

  #nextLook(): Timer {
    const { clock, ring } = this.#options;
    return clock.after(LOOK_MS, () => {
      ring.expire(clock.now() / 1000);
      if (clock.now() >= this.#renewAt && (this.#wanting() || this.#stale())) this.#renew();
      if (this.#look !== null) this.#look = this.#nextLook();
    });
  }

  #renew(): void {
    const { logger } = this.#options;
    this.#renewAt = Infinity;
    this.refresh()
      .catch((error: unknown) => logger.warn({ error }, 'no new keys could be had; tried again soon'))
      .finally(() => {
        this.#renewAt = -Infinity;
        this.#plan();
      });
  }
}

/** A number from 0 to 1, without 1. */
function partOf(random: Random): number {
  return new Reader(random.bytes(4)).u32('part') / 2 ** 32;
}

function offsetText(offset: number): string {
  return `${Math.round(Math.abs(offset) / 1000)} s ${offset > 0 ? 'ahead of' : 'behind'}`;
}

function lackingKey(cause?: unknown): EndpointError {
  return new EndpointError('no-key', 'the KMS gives no key of that period', { cause });
}

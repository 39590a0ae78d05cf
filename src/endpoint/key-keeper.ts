/**
 * Keeps the key ring filled and emptied: asks the KMS for the keys of the user's identities well before they run out,
 * and erases what is over.
 *
 *     keys         asked for again when less than a quarter of a period is left
 *     parameters   four times a period, since new ones are announced one period ahead
 *
 *     past keys    as content is delivered that was left then, so often at most; what the KMS does not give is not asked again
 *
 * A KMS that has too much to do says when to ask again (Retry-After), and is left alone until then. Whoever waits for
 * keys waits for that, up to half a minute.
 */
import type { Clock, Logger, Random, Timer } from '../bytes/ports.ts';
import { Quotas } from '../bytes/quotas.ts';
import type { DistrictParameters } from '../ibe/system-parameters.ts';
import { RequestKeyError } from '../wire/request-key/errors.ts';
import { makeKeyRequest } from '../wire/request-key/request.ts';
import type { KmsCredential, WantedDates } from '../wire/request-key/request.ts';
import { decodeKeyResponse } from '../wire/request-key/response.ts';
import type { Districts } from './districts.ts';
import { EndpointError } from './errors.ts';
import type { KeyRing } from './key-ring.ts';
import type { KmsClient } from './ports.ts';
import { restFor } from './rest.ts';

/** Milliseconds between looks at the ring. */
const LOOK_MS = 60_000;
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
  readonly credential: KmsCredential;
  /** Canonical address of record. */
  readonly addressOfRecord: string;
  /** Canonical device identity; the address of record itself where there is one device. */
  readonly device: string;
  readonly ring: KeyRing;
  readonly districts: Pick<Districts, 'refresh'> & {
    parametersOf(district: string, time: number): Pick<DistrictParameters, 'keyLifetime'> | null;
  };
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
    const { kms, credential, ring, clock, random } = this.#options;
    for (;;) {
      await this.#untilAskedAgain(until);
      const request = makeKeyRequest(credential, { uris, time: clock.now(), wanted }, random);
      const answer = await kms.requestKeys(request.octets);
      if (answer.kind === 'answer') {
        ring.add(decodeKeyResponse(request, credential.psk, answer.octets));
        return;
      }
      this.#leaveAlone(answer.afterMs);
    }
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
    const { ring, device, clock } = this.#options;
    const now = clock.now() / 1000;
    return ring.heldUntil(device, now) < now + this.#quarter();
  }

  /** The beginning of the period that contains a time; what is not known of periods is taken for one of a second. */
  #periodOf(time: number): number {
    const { districts, credential } = this.#options;
    const lifetime = districts.parametersOf(credential.district, time)?.keyLifetime ?? 1;
    return Math.floor(time / lifetime) * lifetime;
  }

  #stale(): boolean {
    return this.#options.clock.now() / 1000 >= this.#refreshed + this.#quarter();
  }

  /** Seconds of a quarter of a period. */
  #quarter(): number {
    const { districts, credential, clock } = this.#options;
    return (districts.parametersOf(credential.district, clock.now() / 1000)?.keyLifetime ?? 0) / 4;
  }

  #nextLook(): Timer {
    const { clock, ring, logger } = this.#options;
    return clock.after(LOOK_MS, () => {
      ring.expire(clock.now() / 1000);
      const done = this.#wanting() || this.#stale() ? this.refresh() : Promise.resolve();
      done.catch((error: unknown) => logger.warn({ error }, 'no new keys could be had; tried again soon'));
      if (this.#look !== null) this.#look = this.#nextLook();
    });
  }
}

function lackingKey(cause?: unknown): EndpointError {
  return new EndpointError('no-key', 'the KMS gives no key of that period', { cause });
}

/**
 * REQUEST_KEY at the KMS (RFC 6267 section 4.2.1.2, profile section 4): a device asks with its pre-shared key or its
 * certificate (`authentication.ts`) for the private keys and LI seeds of its own identities.
 *
 * Nobody makes the others wait for all that it asks: before it is known who asks, addresses are served in turn; then a
 * subscriber has so many requests under way and so often, and private keys are computed for subscribers in turn. What
 * exceeds a share is refused before it is on record as used. Until it is proved who asks, the work is the same whether the
 * user exists or not, and the answer, too.
 *
 * Order matters. Who asks is established before anything is said about why not; a request counts as used before its
 * answer is computed, since the KEMAC keystream depends on exactly (key, CSB ID, T, RAND); keys are computed before any of
 * them is on record as issued, and a seed is on record before it leaves.
 */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { FairQueue, TurnError } from '../../bytes/fair-queue.ts';
import { concat, utf8 } from '../../bytes/octets.ts';
import type { Clock, Random } from '../../bytes/ports.ts';
import { Quotas } from '../../bytes/quotas.ts';
import type { QuotaLimits } from '../../bytes/quotas.ts';
import type { AuditLog } from '../../evidence/log.ts';
import { RefusalLog } from '../../evidence/refusals.ts';
import { SLOT_SECONDS } from '../../ibake/recoverable-secret.ts';
import { ERROR_NO } from '../../mikey/registry.ts';
import { encodeIssuedKeys } from '../../wire/request-key/issued-keys.ts';
import type { IssuedKey } from '../../wire/request-key/issued-keys.ts';
import { decodeKeyRequest } from '../../wire/request-key/request.ts';
import type { KeyRequest } from '../../wire/request-key/request.ts';
import { encodeKeyError, encodeKeyResponse } from '../../wire/request-key/response.ts';
import { Authentication } from './authentication.ts';
import type { CertificateTrust, RefusedCertificate, Requester } from './authentication.ts';
import type { District } from './district.ts';
import { KmsError } from './errors.ts';
import type { IssuanceSettings, PlannedKey } from './issuance.ts';
import { ownsAll, planIssuance } from './issuance.ts';
import type { KeyMaterial } from './key-material.ts';
import type { ClaimStore, Device, SeedStore, SubscriberStore } from './ports.ts';

/** Octets of sub-payloads in one answer at most: KEMAC's length field has 16 bits, and V and IDRs come on top. */
export const MAX_ANSWER_OCTETS = 60_000;
/** Private keys of one request that are computed at once: a month of periods leaves room for other requests. */
const AT_ONCE = 4;
/** Requests of one subscriber: a phone has one under way, a few times a day. */
export const SUBSCRIBER_SHARE: QuotaLimits = { each: 8, all: 2048, pace: { burst: 120, seconds: 5 } };
/** Requests of which nobody knows yet who asks; an address may be that of many phones. */
const UNKNOWN_TURNS = { atOnce: 1, each: 256, all: 4096 };

export interface RequestKeySettings extends IssuanceSettings {
  readonly district: District;
  /** Default: `SUBSCRIBER_SHARE`. */
  readonly share?: QuotaLimits;
}

export interface RequestKeyPorts {
  readonly store: SubscriberStore & ClaimStore & SeedStore;
  readonly material: KeyMaterial;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly random: Random;
  /** In which private keys are computed; by default four at a time. */
  readonly turns?: FairQueue;
  /** What requests with certificates are judged by; absent: none is taken. */
  readonly certificates?: CertificateTrust | null;
}

interface Admitted {
  readonly request: KeyRequest;
  readonly requester: Requester;
}

/** What the answer says of one identity in one period. */
interface KeyGrant {
  readonly planned: PlannedKey;
  readonly key: IssuedKey;
}

export class RequestKeyService {
  readonly #settings: RequestKeySettings;
  readonly #ports: RequestKeyPorts;
  /** By address, until it is known who asks. */
  readonly #unknown = new FairQueue(UNKNOWN_TURNS);
  readonly #turns: FairQueue;
  readonly #quotas: Quotas;
  readonly #refusals: RefusalLog;
  #untimely = 0;
  readonly #authentication: Authentication;
  /** Certificates that were not taken, by why. */
  readonly #certificatesRefused: Record<RefusedCertificate['fault'], number> = {
    untrusted: 0,
    expired: 0,
    'not-yet-valid': 0,
    revoked: 0,
    unlisted: 0,
    unreadable: 0,
    unsuitable: 0,
    'other-key': 0,
    'not-in-use': 0,
  };

  constructor(settings: RequestKeySettings, ports: RequestKeyPorts) {
    this.#settings = settings;
    this.#ports = ports;
    const { store, random, certificates = null } = ports;
    this.#authentication = new Authentication(store, settings.district, { random, certificates });
    this.#turns = ports.turns ?? new FairQueue({ atOnce: AT_ONCE, each: Infinity, all: Infinity });
    this.#quotas = new Quotas(settings.share ?? SUBSCRIBER_SHARE);
    this.#refusals = new RefusalLog(ports.audit, ports.clock);
  }

  /** Requests that exceeded a bound, since the start; `skew`: T was further from the clock than it may be. */
  get refused(): Readonly<Record<'address' | 'subscriber' | 'queue' | 'skew', number>> {
    return {
      skew: this.#untimely,
      address: this.#unknown.refused,
      subscriber: this.#quotas.refused,
      queue: this.#turns.refused,
    };
  }

  /** Certificates that were not taken, since the start, by why. */
  get certificatesRefused(): Readonly<Record<string, number>> {
    return this.#certificatesRefused;
  }

  /**
   * The answer to a request: REQUEST_KEY_RESP or an Error message. An aborted `signal` withdraws the request.
   * @param from the address that it came from
   * @throws RequestKeyError `malformed` for octets that are not such a message; KmsError `share`; KmsError `busy`, `cancelled`,
   *   `unavailable`: the request may be used up all the same, the next one needs another T
   */
  async answer(octets: Uint8Array, signal?: AbortSignal, from = ''): Promise<Uint8Array> {
    const now = this.#ports.clock.now() / 1000;
    const admitted = await this.#inTurn(this.#unknown, from, signal, async () => {
      // A turn of the event loop for each, so that what else waits for the thread gets in between.
      await setImmediate();
      return this.#admit(octets, now);
    });
    if (admitted instanceof Uint8Array) return admitted;
    try {
      return await this.#withinShare(admitted, now, signal);
    } finally {
      if (admitted.requester.by === 'certificate') admitted.requester.key.wipe();
    }
  }

  async #withinShare(
    { request, requester }: Admitted,
    now: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const end = this.#quotas.begin(requester.subscriber.id, now);
    if (end === null) throw this.#beyondShare(requester);
    try {
      return await this.#answerKnown(request, requester, now, signal);
    } finally {
      end();
    }
  }

  /** Who asks for what; or the answer, where that is not known. */
  async #admit(octets: Uint8Array, now: number): Promise<Admitted | Uint8Array> {
    const request = decodeKeyRequest(octets);
    if ('errorNo' in request) return encodeKeyError(request);
    if (!this.#isTimely(request, now)) {
      this.#untimely += 1;
      return this.#refuse(request, 'Invalid TS');
    }
    const requester = await this.#authentication.requesterOf(request, now);
    if (requester === null) return this.#refuse(request, 'Auth failure');
    return 'fault' in requester ? this.#refuseCertificate(request, requester) : { request, requester };
  }

  /** On record, but not so often that whoever shows certificates could fill the log. */
  #refuseCertificate(request: KeyRequest, { fault, fingerprint }: RefusedCertificate): Uint8Array {
    this.#certificatesRefused[fault] += 1;
    // What no authority of ours has issued costs nothing to make: all of that is one peer's.
    const isOurs = fault !== 'untrusted' && fault !== 'unreadable';
    const event = { kind: 'certificate-refused', fingerprint, reason: fault };
    this.#refusals.record(isOurs && fingerprint !== null ? fingerprint : 'certificates of others', event);
    return this.#refuse(request, 'Invalid Cert');
  }

  async #answerKnown(
    request: KeyRequest,
    requester: Requester,
    now: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    if (!(await this.#isFirst(request, requester, now)))
      return this.#refuseKnown(request, requester, 'Invalid TS', 'replayed');
    if (!this.#isAuthorised(request, requester))
      return this.#refuseKnown(request, requester, 'Invalid ID', 'foreign-identity');
    const grants = await this.#compute(request, requester, now, signal);
    const issued = await this.#issue(grants, requester);
    if (issued.length === 0)
      return this.#refuseKnown(request, requester, 'Unspecified error', 'nothing-to-issue');
    return sealed(request, requester, issued);
  }

  async #inTurn<T>(
    queue: FairQueue,
    key: string,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await queue.run(key, work, signal);
    } catch (error) {
      if (!(error instanceof TurnError)) throw error;
      const { code, message: why } = error;
      throw new KmsError(code === 'gone' ? 'cancelled' : code === 'full' ? 'busy' : code, why);
    }
  }

  /** On record, but not so often that a subscriber could fill the log. */
  #beyondShare({ device: { credential } }: Requester): KmsError {
    this.#refusals.record(credential, { kind: 'keys-refused', credential, reason: 'share' });
    return new KmsError('share', 'this subscriber has as many requests under way as it may');
  }

  #isTimely(request: KeyRequest, now: number): boolean {
    return Math.abs(request.time - now) <= this.#settings.skew;
  }

  /**
   * Claims this request for the one answer that it gets, and the keystream: that of an envelope key for whoever signs, since
   * PKE does not say whose it is.
   */
  async #isFirst(request: KeyRequest, { device, key, by }: Requester, now: number): Promise<boolean> {
    const { store } = this.#ports;
    const expires = Math.max(now, request.time) + this.#settings.skew + 1;
    const isFirst = await store.claimRequest(claimOf(request, utf8(device.credential)), expires);
    if (!isFirst || by === 'psk') return isFirst;
    return store.claimRequest(claimOf(request, concat(ENVELOPE, key.expose())), expires);
  }

  #isAuthorised(request: KeyRequest, { subscriber, device }: Requester): boolean {
    const { district } = this.#settings;
    return (
      Buffer.from(request.idrkms.data).toString('latin1') === district.name &&
      ownsAll(subscriber, device, request.uris)
    );
  }

  /** Keys and seeds as planned, nearest periods first, until they fill an answer; nothing is issued yet. */
  async #compute(
    request: KeyRequest,
    requester: Requester,
    now: number,
    signal: AbortSignal | undefined,
  ): Promise<KeyGrant[]> {
    const { subscriber, device } = requester;
    const context = { district: this.#settings.district, settings: this.#settings, now };
    const plan = planIssuance(subscriber, device, request, context);
    const grants: KeyGrant[] = [];
    let octets = 0;
    for (let at = 0; at < plan.length; at += AT_ONCE) {
      const next = plan.slice(at, at + AT_ONCE).map((planned) => this.#grant(planned, requester, signal));
      for (const settled of await Promise.allSettled(next)) {
        if (settled.status === 'rejected') throw this.#recorded(settled.reason, device);
        if (settled.value === null) continue;
        octets += octetsOf(settled.value);
        if (octets > MAX_ANSWER_OCTETS) return grants;
        grants.push(settled.value);
      }
    }
    return grants;
  }

  /**
   * Private key and, where planned, LI seed; `null` for an identity under which another device draws its secrets in that
   * period, enrolled or not any more.
   */
  async #grant(
    planned: PlannedKey,
    { subscriber, device }: Requester,
    signal: AbortSignal | undefined,
  ): Promise<KeyGrant | null> {
    const { uri, period } = planned;
    const drawn = await this.#ports.store.issuedSeed(uri, period);
    if (drawn !== null && drawn.credential !== device.credential) return null;
    const privateKey = await this.#inTurn(this.#turns, subscriber.id, signal, () =>
      this.#ports.material.privateKey(planned, signal),
    );
    const to = period + this.#settings.district.keyLifetime;
    return { planned, key: { uri, from: period, to, privateKey, seed: await this.#seed(planned) } };
  }

  /** The slot key, if it is planned and its epoch's root exists; without validity for a period that is to come. */
  async #seed(planned: PlannedKey): Promise<IssuedKey['seed']> {
    const { period, seedSlot } = planned;
    const key = seedSlot === null ? null : await this.#ports.material.slotKey(planned, seedSlot);
    if (seedSlot === null || key === null) return null;
    const isNext = seedSlot === 0 && period > this.#ports.clock.now() / 1000;
    return { key, slotStart: isNext ? null : period + seedSlot * SLOT_SECONDS };
  }

  /** Puts on record what is about to leave; without what another device has meanwhile begun to draw under. */
  async #issue(grants: readonly KeyGrant[], { device: { credential }, by }: Requester): Promise<KeyGrant[]> {
    const { store, audit } = this.#ports;
    const issued: KeyGrant[] = [];
    for (const grant of grants) {
      const { uri, period, serial } = grant.planned;
      const seed = { uri, period, serial: serial.serial, credential };
      if (grant.key.seed !== null && (await store.issueSeed(seed)).credential !== credential) continue;
      audit.append({
        kind: 'keys-issued',
        credential,
        identity: uri,
        period,
        serial: serial.serial,
        seed: grant.key.seed !== null,
        by,
      });
      issued.push(grant);
    }
    return issued;
  }

  /** Why no key could be computed, once that is on record. */
  #recorded(error: unknown, { credential }: Device): unknown {
    const reason = error instanceof KmsError ? error.code : 'failed';
    this.#ports.audit.append({ kind: 'keys-refused', credential, reason });
    return error;
  }

  #refuse(request: KeyRequest, error: keyof typeof ERROR_NO): Uint8Array {
    return encodeKeyError({ ...request, errorNo: ERROR_NO[error] });
  }

  #refuseKnown(
    request: KeyRequest,
    { device }: Requester,
    error: keyof typeof ERROR_NO,
    reason: string,
  ): Uint8Array {
    this.#ports.audit.append({ kind: 'keys-refused', credential: device.credential, reason });
    return this.#refuse(request, error);
  }
}

/** In place of a credential's name, which has no such octet. */
const ENVELOPE = Uint8Array.of(0);

/** What a request is known by when it comes again: whose it is, CSB ID, T and RAND. */
function claimOf({ header, t, rand }: KeyRequest, whose: Uint8Array): Uint8Array {
  const csbId = Uint8Array.from([24, 16, 8, 0], (shift) => (header.csbId >>> shift) & 0xff);
  const parts = concat(Uint8Array.of(whose.length >> 8, whose.length), whose, csbId, t.value, rand);
  return new Uint8Array(createHash('sha256').update(parts).digest());
}

/** REQUEST_KEY_RESP; what went into it is overwritten. */
function sealed(request: KeyRequest, requester: Requester, grants: readonly KeyGrant[]): Uint8Array {
  const response = encodeKeyResponse(
    request,
    requester.key,
    grants.map(({ key }) => key),
  );
  for (const { key } of grants) key.seed?.key.wipe();
  return response;
}

/** Octets that a grant takes in an answer. */
function octetsOf({ key }: KeyGrant): number {
  const octets = encodeIssuedKeys([key]);
  octets.fill(0);
  return octets.length;
}

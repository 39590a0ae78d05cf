/**
 * REQUEST_KEY at the KMS (RFC 6267 section 4.2.1.2, profile section 4): a device asks with its pre-shared key for the
 * private keys and LI seeds of its own identities.
 *
 * Order matters. Who asks is established before anything is said about why not; a request counts as used before its
 * answer is computed, since the KEMAC keystream depends on exactly (credential, CSB ID, T, RAND); keys are computed before
 * any of them is on record as issued, and a seed is on record before it leaves.
 */
import { createHash } from 'node:crypto';
import { concat, utf8 } from '../../bytes/octets.ts';
import type { Clock, Random } from '../../bytes/ports.ts';
import { Secret } from '../../bytes/secret.ts';
import type { AuditLog } from '../../evidence/log.ts';
import { SLOT_SECONDS } from '../../ibake/recoverable-secret.ts';
import { ERROR_NO } from '../../mikey/registry.ts';
import { encodeIssuedKeys } from '../../wire/request-key/issued-keys.ts';
import type { IssuedKey } from '../../wire/request-key/issued-keys.ts';
import { decodeKeyRequest, isRequestMadeWith } from '../../wire/request-key/request.ts';
import type { KeyRequest } from '../../wire/request-key/request.ts';
import { encodeKeyError, encodeKeyResponse } from '../../wire/request-key/response.ts';
import type { District } from './district.ts';
import { KmsError } from './errors.ts';
import { identityAt } from './enrolment.ts';
import type { IssuanceSettings, PlannedKey } from './issuance.ts';
import { ownsAll, planIssuance } from './issuance.ts';
import type { KeyMaterial } from './key-material.ts';
import type { ClaimStore, Device, SeedStore, KmsSubscriber, SubscriberStore } from './ports.ts';

/** Octets of sub-payloads in one answer at most: KEMAC's length field has 16 bits, and V and IDRs come on top. */
export const MAX_ANSWER_OCTETS = 60_000;
/** Private keys of one request that are computed at once: a month of periods leaves room for other requests. */
const AT_ONCE = 4;

export interface RequestKeySettings extends IssuanceSettings {
  readonly district: District;
}

export interface RequestKeyPorts {
  readonly store: SubscriberStore & ClaimStore & SeedStore;
  readonly material: KeyMaterial;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly random: Random;
}

interface Requester {
  readonly subscriber: KmsSubscriber;
  readonly device: Device;
}

/** What the answer says of one identity in one period. */
interface KeyGrant {
  readonly planned: PlannedKey;
  readonly key: IssuedKey;
}

export class RequestKeyService {
  readonly #settings: RequestKeySettings;
  readonly #ports: RequestKeyPorts;
  /** Verifies requests of nobody, so that unknown credentials cost and say the same as wrong keys. */
  readonly #nobody: Secret;

  constructor(settings: RequestKeySettings, ports: RequestKeyPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#nobody = Secret.of(ports.random.bytes(32));
  }

  /**
   * The answer to a request: REQUEST_KEY_RESP or an Error message. An aborted `signal` withdraws the request.
   * @throws RequestKeyError `malformed` for octets that are not such a message; KmsError `busy`, `cancelled`, `unavailable`: the
   *   request is used up all the same, the next one needs another T
   */
  async answer(octets: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    const now = this.#ports.clock.now() / 1000;
    const request = decodeKeyRequest(octets);
    if ('errorNo' in request) return encodeKeyError(request);
    if (!this.#isTimely(request, now)) return this.#refuse(request, 'Invalid TS');
    const requester = await this.#authenticate(request);
    if (requester === null) return this.#refuse(request, 'Auth failure');
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

  #isTimely(request: KeyRequest, now: number): boolean {
    return Math.abs(request.time - now) <= this.#settings.skew;
  }

  /** Whose key made V; `null` if nobody's. */
  async #authenticate(request: KeyRequest): Promise<Requester | null> {
    const requester = await this.#requester(request);
    const psk = requester?.device.psk ?? this.#nobody;
    return isRequestMadeWith(request, psk) ? requester : null;
  }

  /** The device that IDRpsk names; else the one with a device identity among the IDRi; else the only one. */
  async #requester(request: KeyRequest): Promise<Requester | null> {
    const { credential, uris } = request;
    const subscriber =
      credential === null
        ? await this.#ports.store.subscriberByIdentity(uris[0] ?? '')
        : await this.#ports.store.subscriberByCredential(credential);
    if (subscriber === null) return null;
    const period = this.#settings.district.periodOf(request.time);
    const device =
      credential === null
        ? (subscriber.devices.find((each) => uris.includes(identityAt(each, period) ?? '')) ??
          (subscriber.devices.length === 1 ? subscriber.devices[0] : undefined))
        : subscriber.devices.find((each) => each.credential === credential);
    return device === undefined ? null : { subscriber, device };
  }

  /** Claims the keystream of this request for the one answer that it gets. */
  #isFirst(request: KeyRequest, { device }: Requester, now: number): Promise<boolean> {
    const { header, t, rand } = request;
    const credential = utf8(device.credential);
    const csbId = Uint8Array.from([24, 16, 8, 0], (shift) => (header.csbId >>> shift) & 0xff);
    const key = createHash('sha256')
      .update(
        concat(Uint8Array.of(credential.length >> 8, credential.length), credential, csbId, t.value, rand),
      )
      .digest();
    return this.#ports.store.claimRequest(
      new Uint8Array(key),
      Math.max(now, request.time) + this.#settings.skew + 1,
    );
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
    { subscriber, device }: Requester,
    now: number,
    signal: AbortSignal | undefined,
  ): Promise<KeyGrant[]> {
    const context = { district: this.#settings.district, settings: this.#settings, now };
    const plan = planIssuance(subscriber, device, request, context);
    const grants: KeyGrant[] = [];
    let octets = 0;
    for (let at = 0; at < plan.length; at += AT_ONCE) {
      const next = plan.slice(at, at + AT_ONCE).map((planned) => this.#grant(planned, device, signal));
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
    device: Device,
    signal: AbortSignal | undefined,
  ): Promise<KeyGrant | null> {
    const { uri, period } = planned;
    const drawn = await this.#ports.store.issuedSeed(uri, period);
    if (drawn !== null && drawn.credential !== device.credential) return null;
    const privateKey = await this.#ports.material.privateKey(planned, signal);
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
  async #issue(grants: readonly KeyGrant[], { device: { credential } }: Requester): Promise<KeyGrant[]> {
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

/** REQUEST_KEY_RESP; what went into it is overwritten. */
function sealed(request: KeyRequest, { device }: Requester, grants: readonly KeyGrant[]): Uint8Array {
  const response = encodeKeyResponse(
    request,
    device.psk,
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

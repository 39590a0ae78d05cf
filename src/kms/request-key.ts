/**
 * REQUEST_KEY at the KMS (RFC 6267 section 4.2.1.2, profile section 4): a device asks with its pre-shared key for the
 * private keys and LI seeds of its own identities.
 *
 * Order matters. Who asks is established before anything is said about why not; a request counts as used before its
 * answer is computed, since the KEMAC keystream depends on exactly (credential, CSB ID, T, RAND); a seed is on record as
 * issued before it leaves.
 */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { concat, utf8 } from '../bytes/octets.ts';
import type { Clock, Random } from '../bytes/ports.ts';
import { Secret } from '../bytes/secret.ts';
import type { AuditLog } from '../evidence/log.ts';
import { SLOT_SECONDS } from '../ibake/recoverable-secret.ts';
import { encodeChain } from '../mikey/chain.ts';
import { ntpFromUnixMs } from '../mikey/ntp.ts';
import type { Payload } from '../mikey/payload.ts';
import { ERROR_NO, ID_ROLE, ID_TYPE, KEY_DATA_TYPE } from '../mikey/registry.ts';
import type { District } from './district.ts';
import { identityAt } from './enrolment.ts';
import type { IssuanceSettings, PlannedKey } from './issuance.ts';
import { ownsAll, planIssuance } from './issuance.ts';
import type { KeyMaterial } from './key-material.ts';
import type { KeyRequest } from './key-request.ts';
import { encodeKeyError, encodeKeyResponse, parseKeyRequest, verifies } from './key-request.ts';
import type { Device, KmsStore, Subscriber } from './ports.ts';

/** Octets of sub-payloads in one answer at most: KEMAC's length field has 16 bits, and V and IDRs come on top. */
export const MAX_ANSWER_OCTETS = 60_000;

export interface RequestKeySettings extends IssuanceSettings {
  readonly district: District;
}

interface Requester {
  readonly subscriber: Subscriber;
  readonly device: Device;
}

export class RequestKeyService {
  readonly #settings: RequestKeySettings;
  readonly #store: KmsStore;
  readonly #material: KeyMaterial;
  readonly #audit: AuditLog;
  readonly #clock: Clock;
  /** Verifies requests of nobody, so that unknown credentials cost and say the same as wrong keys. */
  readonly #nobody: Secret;

  constructor(
    settings: RequestKeySettings,
    ports: {
      readonly store: KmsStore;
      readonly material: KeyMaterial;
      readonly audit: AuditLog;
      readonly clock: Clock;
      readonly random: Random;
    },
  ) {
    this.#settings = settings;
    this.#store = ports.store;
    this.#material = ports.material;
    this.#audit = ports.audit;
    this.#clock = ports.clock;
    this.#nobody = Secret.of(ports.random.bytes(32));
  }

  /**
   * The answer to a request: REQUEST_KEY_RESP or an Error message.
   * @throws KmsError `malformed-request` for octets that are no such message
   */
  async answer(octets: Uint8Array): Promise<Uint8Array> {
    const now = this.#clock.now() / 1000;
    const request = parseKeyRequest(octets);
    if ('errorNo' in request) return encodeKeyError(request.message, request.errorNo);
    if (!this.#isTimely(request, now)) return this.#refuse(request, 'Invalid TS');
    const requester = await this.#authenticate(request);
    if (requester === null) return this.#refuse(request, 'Auth failure');
    if (!(await this.#isFirst(request, requester, now)))
      return this.#refuseKnown(request, requester, 'Invalid TS', 'replayed');
    if (!this.#isAuthorised(request, requester))
      return this.#refuseKnown(request, requester, 'Invalid ID', 'foreign-identity');
    const issued = await this.#issue(request, requester, now);
    if (issued.length === 0)
      return this.#refuseKnown(request, requester, 'Unspecified error', 'nothing-to-issue');
    return encodeKeyResponse(request, requester.device.psk, encodeChain(issued));
  }

  #isTimely(request: KeyRequest, now: number): boolean {
    return Math.abs(request.time - now) <= this.#settings.skew;
  }

  /** Whose key made V; `null` if nobody's. */
  async #authenticate(request: KeyRequest): Promise<Requester | null> {
    const requester = await this.#requester(request);
    const psk = requester?.device.psk ?? this.#nobody;
    return verifies(request, psk) ? requester : null;
  }

  /** The device that IDRpsk names; else the one with a device identity among the IDRi; else the only one. */
  async #requester(request: KeyRequest): Promise<Requester | null> {
    const { credential, uris } = request;
    const subscriber =
      credential === null
        ? await this.#store.subscriberByIdentity(uris[0] ?? '')
        : await this.#store.subscriberByCredential(credential);
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
    return this.#store.claimRequest(
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

  /** The sub-payloads of the answer, nearest periods first, until it is full. */
  async #issue(request: KeyRequest, { subscriber, device }: Requester, now: number): Promise<Payload[]> {
    const context = { district: this.#settings.district, settings: this.#settings, now };
    const issued: Payload[] = [];
    let octets = 0;
    for (const planned of planIssuance(subscriber, device, request, context)) {
      const payloads = await this.#issueOne(planned, device);
      if (payloads === null) continue;
      octets += encodeChain(payloads).length;
      if (octets > MAX_ANSWER_OCTETS) break;
      this.#audit.append({
        kind: 'keys-issued',
        credential: device.credential,
        identity: planned.uri,
        period: planned.period,
        serial: planned.serial.serial,
        seed: payloads.length === 3,
      });
      issued.push(...payloads);
      await setImmediate(); // an extraction takes tens of milliseconds: let others in between
    }
    return issued;
  }

  /**
   * IDR, K_PR and, where planned, the LI seed; `null` for an identity under which another device draws its secrets in
   * that period, enrolled or not any more.
   */
  async #issueOne(planned: PlannedKey, device: Device): Promise<Payload[] | null> {
    const { uri, period } = planned;
    const drawn = await this.#store.issuedSeed(uri, period);
    if (drawn !== null && drawn.credential !== device.credential) return null;
    const end = ntp(period + this.#settings.district.keyLifetime);
    const payloads: Payload[] = [
      { kind: 'idr', role: ID_ROLE.IDRi, type: ID_TYPE.URI, data: utf8(uri) },
      {
        kind: 'key-data',
        type: KEY_DATA_TYPE.K_PR,
        key: this.#material.privateKey(planned),
        salt: null,
        kv: { kind: 'interval', from: ntp(period), to: end },
      },
    ];
    const seed = await this.#seed(planned, device);
    if (seed !== null) {
      const isNext = planned.seedSlot === 0 && period > this.#clock.now() / 1000;
      const from = ntp(period + (planned.seedSlot ?? 0) * SLOT_SECONDS);
      payloads.push({
        kind: 'key-data',
        type: KEY_DATA_TYPE.LI_SEED,
        key: seed,
        salt: null,
        kv: isNext ? { kind: 'null' } : { kind: 'interval', from, to: end },
      });
    }
    return payloads;
  }

  /** The slot key, if it is planned, its epoch's root exists, and no other device was given it. */
  async #seed(planned: PlannedKey, device: Device): Promise<Secret | null> {
    if (planned.seedSlot === null) return null;
    const seed = await this.#material.slotKey(planned, planned.seedSlot);
    if (seed === null) return null;
    const { uri, period, serial } = planned;
    const { credential } = device;
    const record = await this.#store.issueSeed({ uri, period, serial: serial.serial, credential });
    return record.credential === credential ? seed : null;
  }

  #refuse(request: KeyRequest, error: keyof typeof ERROR_NO): Uint8Array {
    return encodeKeyError(
      { header: request.header, payloads: [{ ...request.t, offset: 0, length: 0 }] },
      ERROR_NO[error],
    );
  }

  #refuseKnown(
    request: KeyRequest,
    { device }: Requester,
    error: keyof typeof ERROR_NO,
    reason: string,
  ): Uint8Array {
    this.#audit.append({ kind: 'keys-refused', credential: device.credential, reason });
    return this.#refuse(request, error);
  }
}

function ntp(unixSeconds: number): Uint8Array {
  return ntpFromUnixMs(unixSeconds * 1000);
}

/**
 * Who sends a REQUEST_KEY (RFC 6267 section 4.2.1.2): the device whose pre-shared key made V, or the one whose certificate's
 * key made SIGN. A certificate is a device's if an authority that is known here issued it, it is in force, it is not revoked,
 * and it bears the device's identity as an address among its names.
 *
 * Until it is proved who asks, the work is the same whether that user exists or not, and so is what is said. That a
 * certificate is expired or revoked, it says itself, or its authority's list does: this is told, of whomever it is.
 */
import type { KeyObject } from 'node:crypto';
import type { Random } from '../../bytes/ports.ts';
import { Secret } from '../../bytes/secret.ts';
import { isRequestMadeWith } from '../../wire/request-key/request.ts';
import type { KeyRequest, RequestProof } from '../../wire/request-key/request.ts';
import { isSignedBy, openEnvelope } from '../../wire/request-key/signature.ts';
import type { District } from './district.ts';
import { identityAt } from './enrolment.ts';
import type { Device, KmsSubscriber, SubscriberStore } from './ports.ts';

/** Addresses of a certificate that are looked up; a device has one, or two while it moves to another. */
const MAX_NAMES = 4;

/** A certificate that may prove who signs. */
export interface TrustedCertificate {
  readonly publicKey: KeyObject;
  /** Addresses among its names. */
  readonly names: readonly string[];
}

/** Why a certificate is not taken, and which it is. */
export interface RefusedCertificate {
  readonly fault:
    /** No authority that is known here has issued it, or its chain is not in order. */
    | 'untrusted'
    | 'expired'
    | 'not-yet-valid'
    | 'revoked'
    /** There are revocation lists, but none in force of an authority in its chain. */
    | 'unlisted'
    | 'unreadable'
    /** Not for signatures, or an authority's. */
    | 'unsuitable'
    /** The request is encrypted to a key that this KMS does not have. */
    | 'other-key'
    /** This KMS takes no certificates. */
    | 'not-in-use';
  /** SHA-256; `null`: it cannot be read. */
  readonly fingerprint: string | null;
}

/** What requests with certificates are judged by. */
export interface CertificateTrust {
  /** @param chain DER, the own certificate first @param now Unix seconds */
  judge(chain: readonly Uint8Array[], now: number): TrustedCertificate | RefusedCertificate;
  /** The private key that a request means; `null`: it is none of this KMS's. @param hash `null`: it does not say, the first */
  keyFor(hash: Uint8Array | null): KeyObject | null;
}

export interface Requester {
  readonly subscriber: KmsSubscriber;
  readonly device: Device;
  /** What the answer is protected by: the pre-shared key, or the envelope key, which is to be wiped. */
  readonly key: Secret;
  readonly by: RequestProof['kind'];
}

export class Authentication {
  readonly #store: SubscriberStore;
  readonly #district: District;
  /** Verifies requests of nobody, so that unknown credentials cost and say the same as wrong keys. */
  readonly #nobody: Secret;
  readonly #certificates: CertificateTrust | null;

  /** @param certificates `null`: requests with certificates are not taken */
  constructor(
    store: SubscriberStore,
    district: District,
    { random, certificates }: { readonly random: Random; readonly certificates: CertificateTrust | null },
  ) {
    this.#store = store;
    this.#district = district;
    this.#nobody = Secret.of(random.bytes(32));
    this.#certificates = certificates;
  }

  /**
   * `null`: it is not proved who asks.
   * @param now Unix seconds
   */
  async requesterOf(request: KeyRequest, now: number): Promise<Requester | RefusedCertificate | null> {
    const { proof } = request;
    if (proof.kind === 'certificate') return this.#byCertificate(request, proof, now);
    return proof.credential === null
      ? this.#byIdentity(request)
      : this.#byCredential(request, proof.credential);
  }

  /** The device that IDRpsk names. */
  async #byCredential(request: KeyRequest, credential: string): Promise<Requester | null> {
    const psk = await this.#store.keyOfCredential(credential);
    if (!this.#isProved(request, psk)) return null;
    const subscriber = await this.#store.subscriberByCredential(credential);
    const device = subscriber?.devices.find((each) => each.credential === credential);
    return requester(subscriber, device, device?.psk ?? null, 'psk');
  }

  /** Without IDRpsk, the device with a device identity among the IDRi; else the subscriber's only one. */
  async #byIdentity(request: KeyRequest): Promise<Requester | null> {
    const { uris } = request;
    const subscriber = await this.#store.subscriberByIdentity(uris[0] ?? '');
    const period = this.#periodOf(request);
    const own = subscriber?.devices ?? [];
    const device =
      own.find((each) => uris.includes(identityAt(each, period) ?? '')) ??
      (own.length === 1 ? own[0] : undefined);
    const psk = device?.psk ?? null;
    return this.#isProved(request, psk) ? requester(subscriber, device, psk, 'psk') : null;
  }

  /** Whether V was made with that key; for nobody's, the same work with another. */
  #isProved(request: KeyRequest, psk: Secret | null): boolean {
    const isMade = isRequestMadeWith(request, psk ?? this.#nobody);
    return isMade && psk !== null;
  }

  /** The device whose identity the certificate bears. */
  async #byCertificate(
    request: KeyRequest,
    proof: Extract<RequestProof, { kind: 'certificate' }>,
    now: number,
  ): Promise<Requester | RefusedCertificate | null> {
    if (this.#certificates === null) return { fault: 'not-in-use', fingerprint: null };
    const own = this.#certificates.judge(proof.chain, now);
    if ('fault' in own) return own;
    const kmsKey = this.#certificates.keyFor(proof.certificateHash);
    if (kmsKey === null) return { fault: 'other-key', fingerprint: null };
    const found = await this.#deviceNamed(own.names, this.#periodOf(request));
    if (!isSignedBy(request, own.publicKey, request.octets, proof.signature)) return null;
    const envelope = openEnvelope(kmsKey, proof.envelope);
    return requester(found?.subscriber ?? null, found?.device, envelope, 'certificate');
  }

  /** The one device that certificates are taken of and that has one of these identities; `null`: none, or several. */
  async #deviceNamed(
    names: readonly string[],
    period: number,
  ): Promise<Pick<Requester, 'subscriber' | 'device'> | null> {
    const found = new Map<string, Pick<Requester, 'subscriber' | 'device'>>();
    for (const name of names.slice(0, MAX_NAMES)) {
      const subscriber = await this.#store.subscriberByIdentity(name);
      const device = subscriber?.devices.find((each) => each.certified && identityAt(each, period) === name);
      if (subscriber !== null && device !== undefined) found.set(device.credential, { subscriber, device });
    }
    const [one] = found.values();
    return one !== undefined && found.size === 1 ? one : null;
  }

  #periodOf({ time }: KeyRequest): number {
    return this.#district.periodOf(time);
  }
}

function requester(
  subscriber: KmsSubscriber | null,
  device: Device | undefined,
  key: Secret | null,
  by: RequestProof['kind'],
): Requester | null {
  return subscriber === null || device === undefined || key === null ? null : { subscriber, device, key, by };
}

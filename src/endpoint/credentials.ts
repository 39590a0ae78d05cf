/**
 * What an endpoint proves itself to its KMS by: a pre-shared key, or a certificate. Certificates are files that are renewed in
 * their place, and read anew for each request; one that cannot be used then leaves that which was read before.
 */
import type { Clock, Logger, Random } from '../bytes/ports.ts';
import { timeFault } from '../net/certified.ts';
import { readRsaCertificate, readRsaPair } from '../net/rsa-pair.ts';
import { TlsError } from '../net/tls-error.ts';
import { chainValidity } from '../net/validity.ts';
import type { TimeInForce } from '../net/validity.ts';
import type { IssuedKey } from '../wire/request-key/issued-keys.ts';
import { makeCertifiedKeyRequest, makeKeyRequest } from '../wire/request-key/request.ts';
import type { CertifiedCredential, KmsCredential, WantedKeys } from '../wire/request-key/request.ts';
import { decodeKeyResponse } from '../wire/request-key/response.ts';
import { EndpointError } from './errors.ts';

/** A request, and how its answer is opened. */
export interface OpenKeyRequest {
  readonly octets: Uint8Array;
  /** The keys of the answer, the caller's own to wipe. @throws RequestKeyError */
  open(answer: Uint8Array): IssuedKey[];
  /** The request is over: what it alone was protected by is overwritten. */
  close(): void;
}

/** Who an endpoint is to its KMS. */
export interface KmsIdentification {
  /** ID data of IDRkms. */
  readonly district: string;
  /** A new request. @throws EndpointError `kms` where it has nothing to prove itself by */
  ask(wanted: WantedKeys, random: Random): OpenKeyRequest;
  /** How long the certificates are in force that it proves itself by, and encrypts to; empty: a pre-shared key has no end. */
  validity(): readonly TimeInForce[];
}

/** By a pre-shared key. */
export function knownByKey(credential: KmsCredential): KmsIdentification {
  return {
    district: credential.district,
    ask: (wanted, random) => {
      const request = makeKeyRequest(credential, wanted, random);
      return {
        octets: request.octets,
        open: (answer) => decodeKeyResponse(request, credential.psk, answer),
        close: () => undefined,
      };
    },
    validity: () => [],
  };
}

/** Paths of PEM files. */
export interface CredentialFiles {
  readonly certificate: string;
  readonly privateKey: string;
  /** Certificate of the KMS that requests are encrypted to. */
  readonly kmsCertificate: string;
}

/** By a certificate. @throws TlsError with a sentence that says what to mend */
export function knownByCertificate(
  files: CredentialFiles,
  district: string,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): KmsIdentification {
  let credential = readCredential(files, district, clock.now());
  /** Takes what the files hold now, if it can be used; else says why not. */
  const reread = (): TlsError | null => {
    try {
      credential = readCredential(files, district, clock.now());
      return null;
    } catch (error) {
      if (error instanceof TlsError) return error;
      throw error;
    }
  };
  const renewed = (): CertifiedCredential => {
    const error = reread();
    if (error !== null) {
      const [own = credential.kms] = credential.chain;
      const isOver = [own, credential.kms].some((each) => timeFault(each, clock.now()) !== null);
      if (isOver)
        throw new EndpointError('kms', `no certificate for the KMS: ${error.message}`, { cause: error });
      logger.warn({ error }, 'a certificate for the KMS cannot be used; the one that was read before is');
    }
    return credential;
  };
  return {
    district,
    ask: (wanted, random) => {
      const request = makeCertifiedKeyRequest(renewed(), wanted, random);
      return {
        octets: request.octets,
        open: (answer) => decodeKeyResponse(request, request.envelope, answer),
        close: () => request.envelope.wipe(),
      };
    },
    validity: () => {
      // Files that cannot be used are the next request's to warn of.
      reread();
      const { chain, kms } = credential;
      return [chainValidity(files.certificate, chain), chainValidity(files.kmsCertificate, [kms])];
    },
  };
}

function readCredential(files: CredentialFiles, district: string, now: number): CertifiedCredential {
  const { chain, privateKey } = readRsaPair(files, 'digitalSignature', now);
  return {
    chain,
    privateKey,
    kms: readRsaCertificate(files.kmsCertificate, 'keyEncipherment', now),
    district,
  };
}

/**
 * Digest at the server's side (RFC 3261 section 22, RFC 7616 section 3.4).
 *
 * One challenge at a time, by the subscriber that the request names: RFC 8760 wants several, the strongest first, but a
 * widespread phone gives up where it finds one that it does not know, and others look at the first line only. So MD5 alone
 * by default; who knows a subscriber's phone sets what it can, and then takes nothing less.
 *
 * A user name that does not exist and a password that is wrong look the same from outside and cost the same, but for
 * subscribers with algorithms that are not the node's: their challenges show that they exist.
 */
import type { NetworkAddress } from '../../bytes/network-address.ts';
import type { Clock, Random } from '../../bytes/ports.ts';
import { Secret } from '../../bytes/secret.ts';
import { formatChallenge, parseAuthorization, verify } from '../../sip/digest.ts';
import type { Algorithm, Authorization } from '../../sip/digest.ts';
import { SipError } from '../../sip/errors.ts';
import type { SipRequest } from '../../sip/message.ts';
import { Nonces } from './nonces.ts';
import type { CscfSettings, Subscriber } from './ports.ts';
import type { Directory } from './subscribers.ts';

export const DEFAULT_ALGORITHMS: readonly Algorithm[] = ['MD5'];

/** `Proxy-Authorization` for calls, `Authorization` for registrations. */
export type CredentialField = 'Authorization' | 'Proxy-Authorization';

export type AuthenticationResult =
  | { readonly kind: 'authenticated'; readonly subscriber: Subscriber }
  /** To be sent in WWW-Authenticate or Proxy-Authenticate lines, in this order. */
  | { readonly kind: 'challenge'; readonly challenges: readonly string[] };

/** What a line says. */
interface ReadCredentials {
  /** `null`: of another scheme, or malformed. */
  readonly credentials: Authorization | null;
}

export class DigestAuthentication {
  readonly #realm: string;
  readonly #hosts: readonly string[];
  readonly #algorithms: readonly Algorithm[];
  readonly #directory: Directory;
  readonly #nonces: Nonces;
  readonly #nobody: Secret;

  constructor(
    settings: Pick<CscfSettings, 'domain' | 'host' | 'algorithms'>,
    clock: Clock,
    random: Random,
    directory: Directory,
  ) {
    this.#realm = settings.domain;
    this.#hosts = [settings.domain, settings.host];
    this.#algorithms = settings.algorithms ?? DEFAULT_ALGORITHMS;
    this.#directory = directory;
    this.#nonces = new Nonces(clock, random);
    this.#nobody = Secret.of(random.bytes(16));
  }

  /** Forgets what a subscriber has used, who is none any more. */
  forget(subscriber: Subscriber): void {
    this.#nonces.forget(subscriber);
  }

  /** Who sent the request, or what to ask. @param claimed who the request says has sent it, if that is a subscriber */
  authenticate(
    request: SipRequest,
    field: CredentialField,
    local: NetworkAddress,
    claimed: Subscriber | null,
  ): AuthenticationResult {
    const credentials = this.#credentials(request, field);
    const subscriber = credentials === null ? null : this.#directory.byUsername(credentials.username);
    const algorithms = (subscriber ?? claimed)?.algorithms ?? this.#algorithms;
    if (credentials === null || !algorithms.includes(credentials.algorithm))
      return this.#challenge(false, algorithms);
    const right = verify(credentials, request.method, subscriber?.password ?? this.#nobody);
    const covers = credentials.uri === request.uri || this.#names(credentials.uri, local);
    if (!right || subscriber === null || !covers) return this.#challenge(false, algorithms);
    const { nonce, nonceCount } = credentials;
    if (!this.#nonces.use(nonce, nonceCount, subscriber)) return this.#challenge(true, algorithms);
    return { kind: 'authenticated', subscriber };
  }

  /**
   * RFC 3261 section 22.4: the digest URI and the Request-URI may differ, as long as they mean the same resource: this
   * home, by whatever name or address the client knows it.
   */
  #names(uri: string, local: NetworkAddress): boolean {
    const host = /^sips?:(?:[^@]*@)?(\[[^\]]*\]|[^:;?]*)/i.exec(uri)?.[1]?.toLowerCase();
    return host !== undefined && [...this.#hosts, local.address].includes(host);
  }

  /** Takes the credentials of this realm off a request that goes on: they are nobody else's business. */
  strip(request: SipRequest): void {
    for (const field of ['Proxy-Authorization', 'Authorization']) {
      const read = request.readAll(field, readCredentials);
      if (!read.some((each) => this.#isOurs(each))) continue;
      const others = request.all(field).filter((_, at) => !this.#isOurs(read[at]));
      request.remove(field);
      for (const value of others) request.append(field, value);
    }
  }

  #credentials(request: SipRequest, field: CredentialField): Authorization | null {
    return request.readAll(field, readCredentials).find((each) => this.#isOurs(each))?.credentials ?? null;
  }

  /** Whether credentials are of this realm; what is malformed counts for nothing. */
  #isOurs(read: ReadCredentials | undefined): boolean {
    return read?.credentials?.realm === this.#realm;
  }

  #challenge(stale: boolean, algorithms: readonly Algorithm[]): AuthenticationResult {
    const challenge = { realm: this.#realm, nonce: this.#nonces.issue(), opaque: null, stale };
    return {
      kind: 'challenge',
      challenges: algorithms.map((algorithm) => formatChallenge({ ...challenge, algorithm })),
    };
  }
}

function readCredentials(value: string): ReadCredentials {
  try {
    return { credentials: parseAuthorization(value) };
  } catch (cause) {
    if (cause instanceof SipError) return { credentials: null };
    throw cause;
  }
}

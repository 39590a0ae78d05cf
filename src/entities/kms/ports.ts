/**
 * What the KMS keeps, and the store that keeps it; what it computes with master secrets, and what computes that. All times
 * are Unix seconds. Whatever a method of the store has returned from is durable: a KMS that forgets a replay key, an issued
 * seed or a warrant would break a promise of the profile.
 */
import type { Secret } from '../../bytes/secret.ts';
import type { BfCiphertext } from '../../ibe/blocks.ts';
import type { AffinePoint } from '../../ibe/curve.ts';
import type { BfParameters } from '../../ibe/parameters.ts';

/** One set of the district's public parameters, and its master secret. */
export interface SerialRecord {
  readonly serial: number;
  /** First instant at which a period may begin under it; a period boundary. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly bf: BfParameters;
  /** s, as a big-endian octet string. */
  readonly masterSecret: Secret;
}

/** Parameters with the master secret that belongs to them. */
export type MasterKey = Pick<SerialRecord, 'bf' | 'masterSecret'>;

/**
 * The private-key generator (RFC 5408 section 1), for phones. A key takes milliseconds, so whoever composes the KMS says
 * where it is computed. An aborted `signal` withdraws what has not begun.
 */
export interface PrivateKeyGenerator {
  /** As `IbeEngine.extract`. @throws KmsError `busy`, `cancelled`, `unavailable`; what the engine throws */
  extract(key: MasterKey, id: Uint8Array, signal?: AbortSignal): Promise<AffinePoint>;
}

/** What opens ciphertexts with a master secret, for questions of DFs; otherwise as `PrivateKeyGenerator`. */
export interface CiphertextOpener {
  /** As `IbeEngine.decryptWithMaster`. @throws KmsError `busy`, `cancelled`; what the engine throws */
  decrypt(
    key: MasterKey,
    id: Uint8Array,
    ciphertext: BfCiphertext,
    signal?: AbortSignal,
  ): Promise<Uint8Array | null>;
}

/** A time during which a device draws its secrets under an identity; `until` is exclusive, `null` open. */
export interface DeviceIdentity {
  readonly uri: string;
  readonly from: number;
  readonly until: number | null;
}

/** A device: one credential, one identity at a time. */
export interface Device {
  /** Names the pre-shared key in IDRpsk, and the device on record. */
  readonly credential: string;
  /** `null`: it has none, and proves itself by a certificate alone. */
  readonly psk: Secret | null;
  /** Whether a certificate that bears its identity proves that it is this device. */
  readonly certified: boolean;
  readonly identities: readonly DeviceIdentity[];
}

export interface KmsSubscriber {
  readonly id: string;
  /** Canonical SIP URIs of the addresses of record. */
  readonly publicIdentities: readonly string[];
  /** tel: URIs that stand for this subscriber in tasks; never keyed. */
  readonly aliases: readonly string[];
  readonly devices: readonly Device[];
}

/** That a device's seed for a period was handed out, and to which credential. */
export interface IssuedSeed {
  readonly uri: string;
  readonly period: number;
  readonly serial: number;
  readonly credential: string;
}

/** The LI root of an epoch, or what is known of it. */
export type LiRootState =
  | { readonly state: 'kept'; /** The asker's own copy, to be wiped. */ readonly root: Secret }
  | { readonly state: 'destroyed' }
  | { readonly state: 'absent' };

/** A LEMF that may ask: a name in its certificate, and the warrant under which it does. */
export interface AskingLemf {
  readonly name: string;
  readonly liid: string;
}

/** A time during which a warrant covered the same targets, for the same to ask about. */
export interface WarrantPeriod {
  /** Canonical SIP URIs, and tel: URIs. */
  readonly targets: readonly string[];
  /** Who may ask; absent: delivery functions. */
  readonly lemf?: AskingLemf | undefined;
  readonly start: number;
  /** Exclusive; `Infinity`: until the task is deactivated. */
  readonly end: number;
}

/** A task as this KMS knows it over time: kept beyond its end, since keys of its time may be asked for later. */
export interface KnownTask {
  readonly xid: string;
  /** In order; one at least, none empty. Once one has begun, all but its end does not change any more. */
  readonly periods: readonly WarrantPeriod[];
}

/** Which warrants there are. */
export interface WarrantTable {
  warrant(xid: string): Promise<KnownTask | null>;
}

export interface WarrantStore extends WarrantTable {
  /** Adds or replaces warrants, by XID, all of them or none; one without periods goes. */
  putWarrant(...warrants: readonly KnownTask[]): Promise<void>;
}

/** That a subscriber had an identity for a time: names move from one to another, and back. */
export interface Holding {
  /** Canonical SIP URI or tel: URI. */
  readonly uri: string;
  readonly subscriber: string;
  readonly kind: 'public' | 'alias';
  readonly from: number;
  /** Exclusive; `Infinity`: still. */
  readonly until: number;
}

/** Who had which identity when, as far back as it can be asked about. */
export interface HoldingTable {
  /** All that those have ever held who have ever held `uri`. */
  holdings(uri: string): Promise<Holding[]>;
}

export interface SerialStore {
  serials(): Promise<SerialRecord[]>;
  /** @throws KmsError `refused` if the serial is kept with other parameters */
  putSerial(record: SerialRecord): Promise<void>;
}

export interface LiRootStore {
  liRoot(epoch: string): Promise<LiRootState>;
  /** Keeps `root` unless the epoch has one or had one; returns what is there afterwards. */
  keepLiRoot(epoch: string, root: Secret): Promise<LiRootState>;
  /** Overwrites every root of an epoch before `epoch`; returns the epochs destroyed. */
  destroyLiRootsBefore(epoch: string): Promise<string[]>;
}

export interface SubscriberStore extends HoldingTable {
  subscriber(id: string): Promise<KmsSubscriber | null>;
  /** Costs the same whether there is one, so that its time tells nothing to whoever only claims a name. */
  subscriberByIdentity(uri: string): Promise<KmsSubscriber | null>;
  /**
   * The pre-shared key that proves that somebody is the device of that name; costs the same whether there is one, and whether
   * that device has one.
   */
  keyOfCredential(credential: string): Promise<Secret | null>;
  subscriberByCredential(credential: string): Promise<KmsSubscriber | null>;
  /**
   * Replaces the subscriber of that id; from `at` on it holds what it now has.
   * @throws KmsError `refused` if an identity or credential is another's
   */
  putSubscriber(subscriber: KmsSubscriber, at: number): Promise<void>;
  /** As `putSubscriber`, of all that there are: those that are not among these go. All of it or nothing. */
  putSubscribers(subscribers: readonly KmsSubscriber[], at: number): Promise<void>;
}

/** How many distinct questions of a group may be put. */
export interface QuestionBound {
  /** Places of a group. */
  readonly limit: number;
  /** Seconds after which a place comes back. */
  readonly refill: number;
  readonly now: number;
}

export interface ClaimStore {
  /** True the first time for a key; the claim is kept until `expires`. */
  claimRequest(key: Uint8Array, expires: number): Promise<boolean>;
  /**
   * True if `hash` is known of its group, or there is a place for it. Places come back one by one, each `refill` seconds
   * after the one before it or after it was taken: what filled them keeps nobody out for good.
   */
  claimQuestion(group: Uint8Array, hash: Uint8Array, bound: QuestionBound): Promise<boolean>;
}

export interface SeedStore {
  /** Records the seed as issued; returns the record that stands, which may be another credential's. */
  issueSeed(seed: IssuedSeed): Promise<IssuedSeed>;
  issuedSeed(uri: string, period: number): Promise<IssuedSeed | null>;
}

/** For a store whose records do not go by themselves when their time has come. */
export interface KmsForgetting {
  /** Forgets claims that expired before `now`. */
  expireClaims(now: number): Promise<void>;
  /** Forgets periods of warrants that ended before `time`. */
  forgetWarrants(time: number): Promise<void>;
  /** Forgets who held what until before `time`. */
  forgetHoldings(time: number): Promise<void>;
}

/** All that a KMS keeps. */
export interface KmsStore
  extends SerialStore, LiRootStore, SubscriberStore, ClaimStore, SeedStore, WarrantStore {
  /** Absent: the store forgets by itself. */
  readonly forgetting?: KmsForgetting;
}

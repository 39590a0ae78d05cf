/**
 * What an endpoint's exchanges take from outside. The state machines do no I/O: keys and parameters are at hand before a
 * call, messages come in and go out as octets.
 */
import type { Clock, Random } from '../bytes/ports.ts';
import type { Secret } from '../bytes/secret.ts';
import type { AffinePoint } from '../ibe/curve.ts';
import type { IbeEngine } from '../ibe/engine.ts';
import type { DistrictParameters } from '../ibe/system-parameters.ts';
import type { SipIdentity } from './identity.ts';
import type { TimestampSource } from './timestamps.ts';

/** The parameters of configured districts. */
export interface DistrictDirectory {
  /**
   * Those for identities at `host` in the period that contains `time` (Unix seconds): the highest serial whose notBefore
   * is not after the period's start.
   * @throws any error for a host that is not configured, or without parameters
   */
  parameters(host: string, time: number): DistrictParameters;
}

/** Private keys and slot keys by identity and time (Unix seconds). */
export interface EndpointKeys {
  privateKey(uri: string, time: number): AffinePoint | null;
  /** The key of the slot that contains `time`, the caller's own to wipe. @throws any error if it is not held */
  slotKey(uri: string, time: number): Secret;
  /** Keeps the keys of an exchange begun at `time` until the returned function is called. */
  hold(time: number): () => void;
}

/** I_MESSAGE_1s that were answered; kept on disk, so that a restart opens no door. */
export interface ReplayCache {
  /** True the first time for a key, which is kept until `expires` (Unix seconds). Durable when it returns. */
  claim(key: string, expires: number): boolean;
}

/** One device of one user. */
export interface Endpoint {
  readonly addressOfRecord: SipIdentity;
  /** The address of record with `gr`, or for a subscriber with one device the address of record itself. */
  readonly device: SipIdentity;
  readonly engine: IbeEngine;
  readonly clock: Clock;
  /**
   * The operating system's generator. Drawn from it, in this order: CSB ID (4 octets) and RAND (16) of an I_MESSAGE_1;
   * the SPI (8) of a point; for each container GCM nonce (12), content-encryption key (16), rho (hashlen), an ESK's
   * before its IBAKE's.
   */
  readonly random: Random;
  readonly timestamps: TimestampSource;
  readonly districts: DistrictDirectory;
  readonly keys: EndpointKeys;
  readonly replays: ReplayCache;
  /** Seconds that clocks may differ by. */
  readonly skew: number;
}

/**
 * What every running entity tells those who operate it, and what it does for them: the form of `claviger status`, what
 * its metrics are made from, and the settings that it takes anew while it runs.
 *
 *     entity's start.ts ──► Operation ──► OperatedProcess (operate.ts) ──► control socket, admin listener, signals
 *
 * Nothing here names a target: neither identities, nor LIIDs, nor what a phone is called. Tasks and destinations are
 * known by the identifiers that X1 gave them.
 */
import type { KeptState } from './backup.ts';
import type { EntityState } from './status.ts';
import type { AuditTrail } from '../evidence/trail.ts';
import type { LiveTls } from '../net/live-tls.ts';
import type { Role } from '../net/tls.ts';
import type { TimeInForce } from '../net/validity.ts';

/** One value of a metric that has labels. */
export interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric as an entity has it: read when it is asked for. Labels hold no identity of anybody. */
export interface Meter {
  /** After `claviger_`; a counter ends in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly kind: 'gauge' | 'counter';
  readonly labels?: readonly string[];
  readonly read: () => number | readonly Reading[];
}

/** Takes one setting anew. @throws ConfigError where it cannot be taken: then all is as it was */
export type Retake<Config> = (config: Config) => void | Promise<void>;

/** Reads files that a setting names anew; whether anything is other than before. */
export type Reread<Config> = (config: Config) => boolean;

export interface Operation<Config = never> {
  /** The kind, and the role that its certificate has. */
  readonly entity: Extract<Role, 'kms' | 'df' | 'admf' | 'cscf' | 'gateway' | 'lemf' | 'mailbox'>;
  /** The name that its certificate bears. */
  readonly name: string;
  readonly tls: LiveTls;
  /** Certificates and revocation lists of key requests; absent: it has none. */
  readonly keyRequestValidity?: () => readonly TimeInForce[];
  state(): EntityState | Promise<EntityState>;
  /** Why it cannot do its work now, each in a sentence's part; empty: it can. */
  unready(): readonly string[] | Promise<readonly string[]>;
  readonly meters: readonly Meter[];
  /** Settings that are taken anew while it runs, by their names; certificates and authorities always are. */
  readonly retakes: Readonly<Partial<Record<keyof Config & string, Retake<Config>>>>;
  /**
   * Settings that name files, which are read anew whether the settings have changed or not; each says whether anything is other
   * than before. Absent: none but certificates and authorities.
   */
  readonly rereads?: Readonly<Partial<Record<keyof Config & string, Reread<Config>>>>;
  /** Waits at most `ms` milliseconds until nothing waits to go out; whether it came to that. */
  drain(ms: number): Promise<boolean>;
  /** `null`: the entity keeps no audit log. */
  readonly audit: AuditTrail | null;
  /** What is copied by `claviger backup`; `null`: nothing is. */
  readonly kept: KeptState | null;
}

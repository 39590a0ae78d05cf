/**
 * What every running entity tells those who operate it, and what it does for them: the form of `claviger status`, what
 * its metrics are made from, and the settings that it takes anew while it runs.
 *
 *     entity's start.ts ──► Operation ──► OperatedProcess (operate.ts) ──► control socket, admin listener, signals
 *
 * Nothing here names a target: neither identities, nor LIIDs, nor what a phone is called. Tasks and destinations are
 * known by the identifiers that X1 gave them.
 */
import Type from 'typebox';
import type { Static } from 'typebox';
import { strict } from '../bytes/schema.ts';
import type { KeptState } from './backup.ts';
import type { AuditTrail } from '../evidence/trail.ts';
import type { LiveTls } from '../net/live-tls.ts';
import type { Role } from '../net/tls.ts';
import type { TimeInForce } from '../net/validity.ts';

const COUNT = Type.Integer({ minimum: 0 });
/** ISO 8601, UTC. */
const TIME = Type.String();

/** Something that is wrong now. `critical`: interception, or what is owed to others, suffers. */
export const ALARM = strict({
  /** A word for machines, e.g. `certificate-expiry`. */
  name: Type.String(),
  severity: Type.Enum(['critical', 'warning']),
  /** An element, a DID, an XID, a file; empty: the entity as a whole. */
  about: Type.String(),
  text: Type.String(),
  /** `null`: since when is not known. */
  since: Type.Union([TIME, Type.Null()]),
});

/** What waits to go somewhere. */
export const QUEUE = strict({
  /** What it is, e.g. `handover`. */
  name: Type.String(),
  /** Where it goes: a DID, or empty. */
  to: Type.String(),
  entries: COUNT,
  octets: Type.Union([COUNT, Type.Null()]),
  /** When the oldest entry came; `null`: nothing waits, or it is not known. */
  oldest: Type.Union([TIME, Type.Null()]),
});

/** Somebody whom the entity is connected to, or asks. */
export const PEER = strict({
  name: Type.String(),
  role: Type.String(),
  /** `idle`: nothing was asked yet, or it is asked when there is something to ask. */
  state: Type.Enum(['up', 'down', 'idle']),
});

/** What an entity says of itself at one moment. */
export const ENTITY_STATE = {
  /** Tasks of X1 in force; of an ADMF, warrants that are active. */
  tasks: COUNT,
  destinations: COUNT,
  queues: Type.Array(QUEUE),
  peers: Type.Array(PEER),
  alarms: Type.Array(ALARM),
};

/** The newest record of the audit log. */
const LAST_RECORD = Type.Union([strict({ sequence: COUNT, time: TIME }), Type.Null()]);

/** What `claviger status --json` prints of one entity. */
export const STATUS = strict({
  entity: Type.String(),
  name: Type.String(),
  version: Type.String(),
  pid: COUNT,
  started: TIME,
  uptimeSeconds: COUNT,
  /** How often its supervisor has started it again. */
  restarts: COUNT,
  ready: Type.Boolean(),
  /** Why it is not ready. */
  reasons: Type.Array(Type.String()),
  certificate: strict({
    subject: Type.String(),
    notAfter: TIME,
    /** Whole days; negative once it has expired. */
    daysLeft: Type.Integer(),
  }),
  ...ENTITY_STATE,
  /** `null`: nothing is recorded yet, or the entity keeps no audit log. */
  audit: LAST_RECORD,
  /** `null`: the entity keeps no audit log. */
  auditWritable: Type.Union([Type.Boolean(), Type.Null()]),
});

export type Alarm = Static<typeof ALARM>;
export type QueueState = Static<typeof QUEUE>;
export type PeerState = Static<typeof PEER>;
export type Status = Static<typeof STATUS>;
export type EntityState = Pick<Status, keyof typeof ENTITY_STATE>;

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

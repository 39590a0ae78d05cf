/**
 * What an entity says of itself at one moment: the form of `claviger status`, of the admin listener's `/status`, and what
 * metrics are made from. Its types are read in browsers, too. As in all of an operation, nothing in it names a target.
 */
import Type from 'typebox';
import type { Static } from 'typebox';
import { strict } from '../bytes/schema.ts';

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

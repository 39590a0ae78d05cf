/**
 * The settings of the ADMF. Warrants are not among them: officers enter them, and agencies over HI1.
 */
import Type from 'typebox';
import { strict, Unfit } from '../../bytes/schema.ts';
import { X1_MOST_REQUESTS } from '../../wire/x1/containers.ts';
import { isSpokenX1Version, OLDEST_X1_VERSION, X1_VERSION } from '../../wire/x1/versions.ts';
import {
  configReader,
  count,
  HOSTS,
  httpsListener,
  httpsListenSettings,
  listOf,
  milliseconds,
  OPERATION_SETTINGS,
  parsed,
  peerAddress,
  seconds,
  text,
  TLS_FILES,
} from '../../host/config.ts';
import { HI1_CONFIG } from './config-hi1.ts';
import type { ConfigOf } from '../../host/config.ts';
import { databaseSettings } from '../../host/database-config.ts';
import { filePath } from '../../host/config-paths.ts';
import { watchedEntities } from '../../host/watched.ts';

const X1_VERSIONS = `a version of X1 from ${OLDEST_X1_VERSION} to ${X1_VERSION}`;

const ELEMENT = strict({
  identifier: text('an element to be provisioned'),
  kind: Type.Enum(['cscf', 'gateway', 'df', 'kms'], { description: 'what it is' }),
  url: text('its X1, ending in `/X1/NE`'),
  version: Type.Optional({
    ...parsed('the version of X1 that it speaks, `v1.13.1` to `v1.23.1`', X1_VERSIONS, (version) => {
      if (!isSpokenX1Version(version)) throw new Unfit(X1_VERSIONS);
      return version;
    }),
    absent: 'that of its answers',
  }),
  requests: count('in one document at most', { min: 1, max: X1_MOST_REQUESTS, default: 100 }),
  keepaliveMs: Type.Optional(milliseconds('between X1 keepalives, where they are agreed', { min: 1 })),
});

/** The door for officers; without it there is none. */
const OFFICERS = strict({
  ...httpsListenSettings('where officers work, over `claviger warrant` and `api/admf.openapi.yaml`'),
  peers: Type.Array(Type.String({ minLength: 1 }), {
    minItems: 1,
    maxItems: 10_000,
    description: 'names in the certificates of those who are admitted; their roles are in the certificates',
    errorMessage: 'a list of names, one at least',
  }),
  console: Type.Boolean({
    default: false,
    description: 'whether the door has the pages of `claviger console` below `/console/`, for their browsers',
  }),
  entities: watchedEntities(
    'entities whose status, metrics and, for auditors, audit logs the door shows to auditors and operators; their `admin.peers` must name the ADMF',
  ),
});

const SETTINGS = strict({
  identifier: text("the ADMF's identifier; its certificate bears it"),
  listen: httpsListener('where elements report'),
  officers: Type.Optional(OFFICERS),
  tls: TLS_FILES,
  hosts: HOSTS,
  store: Type.Optional(filePath('SQLite file with warrants', { absent: 'this, or `database`' })),
  database: databaseSettings('claviger_admf'),
  audit: filePath('file of the audit log'),
  schema: Type.Optional(filePath("the operator's copy of the X1 schema")),
  elements: listOf(ELEMENT),
  x2x3: peerAddress("the DF's name, for the elements", 'where it takes X2 and X3'),
  drainMs: milliseconds('from the end of interception to the end of delivery, for what is under way', {
    default: 5_000,
  }),
  approval: Type.Enum(['two', 'one'], {
    default: 'two',
    description:
      '`two`: another officer approves what one has entered; `one`: submitting approves (laboratory)',
  }),
  emergencyMs: milliseconds('in which the second approval of an emergency must follow, or it ends', {
    min: 1,
    default: 24 * 3_600_000,
  }),
  retention: seconds("from a warrant's end until its contents are deleted", { default: 90 * 86_400 }),
  attempts: count('at a document without answer before the element counts as failing', {
    min: 1,
    max: 100,
    default: 3,
  }),
  attemptPauseMs: milliseconds('before the second, doubled each time', { default: 500 }),
  attemptMs: milliseconds('for one request', { min: 1, default: 10_000 }),
  listMs: milliseconds(
    'for one request for the names of all tasks, which a busy element with many takes long for',
    {
      min: 1,
      default: 60_000,
    },
  ),
  answerOctets: count("of an element's answer at most", { min: 1 << 16, max: 1 << 30, default: 16 << 20 }),
  settleMs: milliseconds('until what has failed is tried again', { min: 1, default: 5_000 }),
  recordInto: Type.Optional(filePath('folder for each X1 document sent and received')),
  hi1: Type.Optional(HI1_CONFIG),
  ...OPERATION_SETTINGS,
});

export const ADMF_CONFIG = Type.Decode(SETTINGS, ({ store, database, ...others }) => {
  if (store !== undefined && database === undefined) return { ...others, store, database };
  if (store === undefined && database !== undefined) return { ...others, store, database };
  throw new Unfit('one with either store or database');
});

export type AdmfConfig = ConfigOf<typeof ADMF_CONFIG>;

/** @throws ConfigError */
export const admfConfig = configReader(ADMF_CONFIG);

/** The settings of the delivery function. LEMFs are not among them: they come over X1, as destinations. */
import Type from 'typebox';
import { strict, Unfit } from '../../bytes/schema.ts';
import {
  ConfigError,
  configReader,
  count,
  flag,
  HOSTS,
  listOf,
  milliseconds,
  seconds,
  OPERATION_SETTINGS,
  streamListener,
  TLS_FILES,
} from '../../host/config.ts';
import type { ConfigOf } from '../../host/config.ts';
import { filePath } from '../../host/config-paths.ts';
import { databaseSettings } from '../../host/database-config.ts';
import { checkStreamServer, STREAM_SERVER_SETTINGS } from '../../host/stream-server-config.ts';
import { X1_NE_CONFIG } from '../../x1/config.ts';
import { ACKNOWLEDGEMENTS, repeatedTerms } from './handover/acknowledgement.ts';
import type { DestinationTerms } from './handover/acknowledgement.ts';
import { HANDOVER_DEFAULTS } from './handover/ports.ts';
import { HOLD_LIMITS } from './held.ts';

const characters = (most: number, description: string) =>
  Type.String({
    pattern: `^[ -~]{1,${most}}$`,
    errorMessage: `1 to ${most} characters`,
    description: `${description}, 1 to ${most} characters`,
  });

const NAME = strict({
  countryCode: Type.String({
    pattern: '^[A-Z]{2}$',
    errorMessage: 'two capital letters (ISO 3166-1)',
    description: 'two capital letters (ISO 3166-1)',
  }),
  operator: characters(5, 'operator identifier'),
  element: characters(16, 'network element identifier'),
});

const XK = strict({
  url: Type.String({ pattern: '^https://', errorMessage: 'an https URL', description: 'the KMS; https' }),
  timerMs: milliseconds('from the first question to the failure record', { min: 1, default: 10_000 }),
  attemptMs: milliseconds('for one attempt', { min: 1, default: 5_000 }),
  questionsAtOnce: count('questions that are put at the same time; others wait, calls in turn', {
    min: 1,
    max: 1_000,
    default: 16,
  }),
});

const ACKNOWLEDGEMENT = (description: string) => Type.Enum([...ACKNOWLEDGEMENTS], { description });

const DESTINATION = strict({
  host: Type.String({ minLength: 1, description: 'the name or address of a LEMF, as X1 gives it' }),
  port: Type.Optional({
    ...count('one of its ports', { min: 1, max: 65_535 }),
    absent: 'all without a row of their own',
  }),
  acknowledgement: ACKNOWLEDGEMENT('as `handover.acknowledgement`, for this destination'),
});

const DESTINATIONS = Type.Decode(
  listOf(DESTINATION, { description: 'what holds for destinations by their addresses' }),
  (rows): readonly DestinationTerms[] => {
    const twice = repeatedTerms(rows);
    if (twice === null) return rows;
    const port = twice.port === undefined ? '' : `, port ${String(twice.port)}`;
    throw new Unfit(`one row for ${twice.host}${port}`);
  },
);

const { acknowledgeDelay, retryFirst, retryMost, backlogOctets, backlogPdus } = HANDOVER_DEFAULTS;

const HANDOVER = strict(
  {
    acknowledgement: {
      ...ACKNOWLEDGEMENT(
        'whether LEMFs acknowledge PDUs: `required`, or they get none; `preferred`, or they get them without; `off`, it is not asked for',
      ),
      default: HANDOVER_DEFAULTS.acknowledgement,
    },
    destinations: DESTINATIONS,
    acknowledgeDelay: milliseconds('milliseconds from a PDU to the request for its acknowledgement', {
      min: 1,
      default: acknowledgeDelay,
    }),
    retryFirst: milliseconds('milliseconds before the first attempt to connect again, doubled each time', {
      min: 1,
      default: retryFirst,
    }),
    retryMost: milliseconds('milliseconds between attempts at most', { min: 1, default: retryMost }),
    backlogOctets: count(
      'octets that may wait for a LEMF; of what is beyond, the newest content of the warrant that has most gives way, with an alarm and reports',
      {
        min: 4 << 20,
        max: 2 ** 40,
        default: backlogOctets,
      },
    ),
    backlogPdus: count('the same in PDUs', { min: 10_000, default: backlogPdus }),
  },
  { default: {} },
);

const HOLD = strict(
  {
    ms: milliseconds('how long PDUs wait for a task that is not known', { min: 1, default: 600_000 }),
    pdus: count('how many may wait at most', { min: 1, default: HOLD_LIMITS.pdus }),
    octets: count('octets that may wait at most', { min: 2 << 20, default: HOLD_LIMITS.octets }),
  },
  { default: {} },
);

const DECRYPTION = strict(
  {
    at: Type.Enum(['lemf', 'network'], {
      default: 'lemf',
      description:
        'who decrypts content: `lemf`, and keys go there; `network`: the DF does, content goes out in the clear, and keys to nobody',
    }),
    holdMs: milliseconds('with `network`: how long a packet waits for its key', { min: 1, default: 30_000 }),
    pdus: count('packets that may wait at most', { min: 1, default: HOLD_LIMITS.pdus }),
    octets: count('octets of packets that may wait at most', { min: 2 << 20, default: HOLD_LIMITS.octets }),
  },
  { default: {} },
);

/** The parts of a DF. */
export const DF_ROLES = ['intake', 'mediation', 'delivery'] as const;
export type DfRole = (typeof DF_ROLES)[number];

const ROLES = Type.Decode(
  Type.Array(Type.Enum([...DF_ROLES]), {
    minItems: 1,
    uniqueItems: true,
    default: [...DF_ROLES],
    description:
      'what this process does of a DF: `intake` takes X2 and X3, `mediation` makes records of them, `delivery` brings these to LEMFs; all of it, or with `streams` some',
  }),
  (roles): readonly DfRole[] => {
    if (roles.length > 1 && !roles.includes('mediation'))
      throw new Unfit('intake and delivery with mediation, which is between them, or in processes apart');
    return roles;
  },
);

const STREAMS = Type.Optional(
  Type.Decode(
    strict({
      ...STREAM_SERVER_SETTINGS,
      name: Type.String({
        pattern: '^[\\w-]{1,64}$',
        errorMessage: 'letters, digits, - and _, 64 at most',
        description: 'with what the names of this DF’s streams begin; the same for all of its processes',
      }),
      partitions: count('parts that calls are in, each of which has one order; the same for all', {
        min: 1,
        max: 256,
        default: 8,
      }),
      signallingOctets: count(
        'octets of X2 that may wait; what is beyond stays at the points of interception',
        {
          ...{ min: 4 << 20, max: 2 ** 44, default: 2 ** 30 },
        },
      ),
      contentOctets: count('the same of X3', { min: 4 << 20, max: 2 ** 44, default: 2 ** 32 }),
      hi2Octets: count(
        'with `delivery` a process of its own: octets of HI1 and HI2 that may wait there for all LEMFs, one of which fills a sixteenth at most; what is beyond stays in the outbox',
        { min: 4 << 20, max: 2 ** 44, default: 2 ** 30 },
      ),
      hi3Octets: count('the same of HI3', { min: 4 << 20, max: 2 ** 44, default: 2 ** 32 }),
      replicas: count('servers that have each stream', { min: 1, max: 5, default: 1 }),
      leaseMs: milliseconds(
        'after how long without a word from the process that mediates, or delivers to a LEMF, another may take its place',
        { min: 500, max: 600_000, default: 10_000 },
      ),
      instance: Type.Optional(
        Type.String({
          pattern: '^[\\w.-]{1,64}$',
          errorMessage: 'letters, digits, ., - and _, 64 at most',
          description:
            'name of a process that delivers, which no other of this DF has: started again, it delivers at once to the LEMFs that it had',
          absent: 'it waits until others would take them over',
        }),
      ),
    }),
    (read) => checkStreamServer(read),
  ),
);

const IN_DATABASE = 'this, or `database`';

const SETTINGS = strict({
  roles: ROLES,
  streams: STREAMS,
  x1: strict(
    {
      ...X1_NE_CONFIG.properties,
      store: Type.Optional(filePath('SQLite file with tasks and destinations', { absent: IN_DATABASE })),
    },
    { title: 'x1' },
  ),
  x2x3: streamListener(
    'where points of interception connect',
    'names of the elements that may',
    "`cscf.` and `gateway.` and the domain of the own certificate's name",
  ),
  tls: TLS_FILES,
  hosts: HOSTS,
  store: Type.Optional(
    filePath('SQLite file with state and outbox; most of what waits is in the folder STORE.spool', {
      absent: IN_DATABASE,
    }),
  ),
  database: databaseSettings('claviger_df'),
  audit: filePath('file of the audit log'),
  name: NAME,
  xk: XK,
  handover: HANDOVER,
  hold: HOLD,
  decryption: DECRYPTION,
  retention: seconds(
    'seconds after the end of a warrant after which all that is kept of it is deleted, also what no LEMF has taken',
    { min: 1, default: 30 * 86_400 },
  ),
  ...OPERATION_SETTINGS,
  recordInto: Type.Optional(
    filePath('folder for `x2.bin` and `x3.bin`, what was taken in; for laboratories'),
  ),
  revealSecrets: flag('with `recordInto`: also `xk/NNN.json`, keys in the clear', { default: false }),
});

export const DF_CONFIG = Type.Decode(SETTINGS, ({ store, database, x1, ...others }) => {
  const { store: tasks, ...ofX1 } = x1;
  // The others would count the ADMF as lost, and with `failClosed` remove the tasks of all.
  if (database !== undefined && others.streams !== undefined && x1.keepalive !== undefined)
    throw new Unfit('what goes with several mediators: a keepalive comes to one of them', 'x1.keepalive');
  if (store !== undefined && tasks !== undefined && database === undefined)
    return { ...others, store, database, x1: { ...ofX1, store: tasks } };
  if (store === undefined && tasks === undefined && database !== undefined)
    return { ...others, store, database, x1: ofX1 };
  throw new Unfit('one with either store and x1.store, or database');
});

export type DfConfig = ConfigOf<typeof DF_CONFIG>;

/** @throws ConfigError */
export const dfConfig = configReader(DF_CONFIG);

/** Settings of a process that may have some of the roles alone. @throws ConfigError */
export function dfProcessConfig(json: unknown, file?: string): DfConfig {
  const config = dfConfig(json, file);
  const { roles, streams } = config;
  if (streams === undefined && roles.length < DF_ROLES.length)
    throw new ConfigError(
      'configuration',
      `${file ?? 'settings'}: streams: missing, they are between ${roles.join(', ')} and the other roles`,
    );
  return config;
}

/**
 * The settings of a KMS. They hold pre-shared keys: they are for their owner's eyes, like the files that they name.
 */
import Type from 'typebox';
import { fromHex } from '../../bytes/octets.ts';
import { strict } from '../../bytes/schema.ts';
import { Secret } from '../../bytes/secret.ts';
import {
  ConfigError,
  configReader,
  count,
  flag,
  HOSTS,
  httpsListener,
  httpsListenSettings,
  listOf,
  namedListener,
  OPERATION_SETTINGS,
  REVOCATION_LISTS,
  seconds,
  text,
  TLS_FILES,
} from '../../host/config.ts';
import type { ConfigOf, ConfigReader } from '../../host/config.ts';
import { filePath } from '../../host/config-paths.ts';
import { databaseSettings } from '../../host/database-config.ts';
import { ADMF_SETTINGS, KEEPALIVE_SETTINGS, SCHEMA_SETTING } from '../../x1/config.ts';

const DISTRICT = strict({
  name: text('URI of the district'),
  keyLifetime: seconds('seconds of a key period', { min: 900, default: 86_400 }),
  hosts: Type.Optional(
    Type.Array(Type.String(), {
      description: "hosts whose identities are the operator's own",
      absent: 'the host that the name was made from',
    }),
  ),
  files: listOf(filePath('`district.json` of `claviger ibe setup`'), {
    description: '`district.json` of `claviger ibe setup`: parameters and secrets, taken into the store',
  }),
  demoGroup: Type.Optional(
    Type.Enum(['home1', 'home2'], {
      description:
        'a group that comes with the package, with a master secret of its own; for laboratories, in place of `files`',
    }),
  ),
});

const PSK = Type.Decode(
  Type.String({
    pattern: '^([0-9a-fA-F]{2}){16,64}$',
    errorMessage: '16 to 64 octets in hex',
    description: 'pre-shared key, 16 to 64 octets in hex',
    absent: 'this, or `certified`',
  }),
  (hex) => Secret.of(fromHex(hex)),
);

const CERTIFICATES = Type.Optional(
  strict(
    {
      keys: Type.Array(
        strict({
          certificate: filePath(
            'certificate of an RSA key that phones encrypt to, which phones have a copy of',
          ),
          privateKey: filePath('its private key'),
        }),
        {
          minItems: 1,
          maxItems: 4,
          description: 'the one in use first, then those that phones may still have',
        },
      ),
      authorities: Type.Optional({
        ...filePath('those that certificates of phones must chain to'),
        absent: 'those of `tls`',
      }),
      revocationLists: REVOCATION_LISTS,
    },
    { description: 'REQUEST_KEY with certificates (PKE), for devices that are `certified`' },
  ),
);

const SUBSCRIBER = strict({
  id: text('name of the subscriber here'),
  publicIdentities: listOf(Type.String(), { description: 'canonical addresses of record' }),
  aliases: listOf(Type.String(), { description: 'tel: URIs without separators' }),
  devices: listOf(
    strict({
      credential: text('name of the pre-shared key, and of the device on record'),
      psk: Type.Optional(PSK),
      certified: flag(
        'whether the device may prove itself by a certificate that bears its identity as a URI; it needs this, or `psk`',
        { default: false },
      ),
      identity: text('device identity: an address of record, or one with `;gr=`'),
    }),
  ),
});

export const KMS_CONFIG = strict({
  name: text('identifier at X1; the certificate bears it'),
  tls: TLS_FILES,
  hosts: HOSTS,
  admf: ADMF_SETTINGS,
  x1: strict(
    {
      ...httpsListenSettings('where the ADMF provisions'),
      schema: SCHEMA_SETTING,
      keepalive: Type.Optional(KEEPALIVE_SETTINGS),
    },
    { default: {} },
  ),
  xk: namedListener(
    'where DFs ask',
    'names of the DFs that may',
    "`df.` and the domain of the own certificate's name",
    {
      lemfs: listOf(Type.String({ minLength: 1 }), {
        description:
          'names of LEMFs that may ask as well, under tasks of their own that the ADMF provisions; none: they may not',
      }),
    },
  ),
  users: httpsListener('where phones fetch parameters and keys (PPS, REQUEST_KEY)'),
  state: filePath('folder of `kms.db`, `tasks.db` and `audit.jsonl`; with `database`, of the last of them'),
  database: databaseSettings('claviger_kms'),
  district: DISTRICT,
  certificates: CERTIFICATES,
  subscribers: listOf(SUBSCRIBER),
  skew: seconds('seconds that clocks may differ by; not less than phones have', {
    ...{ min: 30, max: 3600, default: 300 },
  }),
  nextPeriods: count('future periods whose keys are given', { default: 31 }),
  mailboxRetention: seconds('seconds for which past keys of addresses of record are given', {
    default: 604_800,
  }),
  sessionMemory: seconds("seconds before a task's start that a question with `midCall` may reach back", {
    default: 86_400,
  }),
  retention: seconds(
    "seconds after a task's end for which its keys are given, and for which LI roots are kept after their month",
    { default: 15_552_000 },
  ),
  workers: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 256,
      description: 'threads that compute private keys for phones; 0: the thread of the listeners does',
      absent: 'cores − 1',
    }),
  ),
  queue: count(
    'private keys that may wait; of whoever has most of them, what exceeds it is refused for the moment',
    {
      min: 1,
      default: 256,
    },
  ),
  interception: strict(
    {
      workers: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 256,
          description:
            'threads that read and answer questions of DFs, at a low priority; 0: the thread of the listeners does',
          absent: 'one for eight cores, at least one',
        }),
      ),
      queue: count('questions that may wait; the next one is refused for the moment', {
        min: 1,
        default: 256,
      }),
      share: count('per cent of the time of each of the threads', { min: 1, max: 100, default: 50 }),
    },
    { default: {} },
  ),
  ...OPERATION_SETTINGS,
  revealSecrets: flag('whether a laboratory may ask for the secrets', { default: false }),
});

export type KmsConfig = ConfigOf<typeof KMS_CONFIG>;

const read = configReader(KMS_CONFIG);

/** @throws ConfigError */
export const kmsConfig: ConfigReader<typeof KMS_CONFIG> = Object.assign(
  (json: unknown, file?: string): KmsConfig => {
    const settings = read(json, file);
    const faults = unproved(settings);
    if (endsTasksOfOthers(settings)) faults.push(TASKS_OF_OTHERS);
    const [fault] = faults;
    if (fault === undefined) return settings;
    throw new ConfigError('configuration', `${file === undefined ? '' : `${file}: `}${fault}`);
  },
  { schema: KMS_CONFIG },
);

const TASKS_OF_OTHERS =
  'x1.keepalive.failClosed: expected false with database: a keepalive comes to one of several KMSs, and another would remove the tasks of all';

/** Whether it would remove tasks that it shares, since another hears the ADMF. */
function endsTasksOfOthers({ database, x1 }: KmsConfig): boolean {
  return database !== undefined && x1.keepalive?.failClosed === true;
}

/** What is wrong with how devices would prove who they are. */
function unproved({ certificates, subscribers }: KmsConfig): string[] {
  return subscribers.flatMap(({ devices }, of) =>
    devices.flatMap(({ psk, certified }, at) => {
      const place = `subscribers[${of}].devices[${at}]`;
      if (psk === undefined && !certified) return [`${place}: expected psk, or certified`];
      if (certified && certificates === undefined)
        return [`${place}.certified: expected certificates beside it, with the keys that phones encrypt to`];
      return [];
    }),
  );
}

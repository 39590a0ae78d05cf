/**
 * What the capacity of a network is reckoned from. Every parameter has a default; one that depends on others says how.
 * Rates are those of the busiest hour, and a day has as many calls as so many of its busiest hours (`busyHours`).
 */
import { CapacityError } from './errors.ts';

export interface Parameter {
  readonly what: string;
  /** What it is counted in; '': a number or a share. */
  readonly unit: string;
  /** A number, or what it is by those before it, in words and reckoned. */
  readonly byDefault: number | { readonly words: string; readonly of: (given: Reckoned) => number };
  readonly least: number;
  readonly most: number;
  readonly isWhole?: true;
}

type Reckoned = Readonly<Record<'subscribers' | 'targets', number>>;

const DAY_SECONDS = 86_400;
const YEAR_SECONDS = 366 * DAY_SECONDS;

function parameter(
  what: string,
  unit: string,
  byDefault: Parameter['byDefault'],
  [least, most]: readonly [number, number],
): Parameter {
  return { what, unit, byDefault, least, most };
}

function count(what: string, byDefault: Parameter['byDefault'], range: readonly [number, number]): Parameter {
  return { ...parameter(what, '', byDefault, range), isWhole: true };
}

/** In the order in which they are shown; a default may depend on those before it. */
export const PARAMETERS = {
  subscribers: count('subscribers, with one device each', 1e6, [1, 1e10]),
  targets: count('of them under interception', 1000, [0, 1e10]),
  callsPerSecond: parameter(
    'calls that begin in a second of the busiest hour',
    '/s',
    { words: 'one for each subscriber in that hour', of: ({ subscribers }) => subscribers / 3600 },
    [0, 1e8],
  ),
  callSeconds: parameter('length of a call', 's', 100, [0, DAY_SECONDS]),
  sipMessages: parameter('SIP messages of a call that a CSCF takes or sends', '', 16, [0, 1000]),
  sipOctets: parameter('octets of a SIP message, with keys', 'octets', 1300, [100, 65_536]),
  packetRate: parameter('packets a second, each direction', '/s', 50, [0, 10_000]),
  packetOctets: parameter(
    'octets of an SRTP packet: G.711 of 20 ms, with its tag',
    'octets',
    182,
    [12, 1500],
  ),
  targetShare: parameter(
    'share of calls that a target has a part in',
    '',
    {
      words: 'two parties for each call, targets call as others do',
      of: ({ subscribers, targets }) => Math.min(1, (2 * targets) / subscribers),
    },
    [0, 1],
  ),
  reportedMessages: parameter('SIP messages of a target’s call that go over X2', '', 8, [0, 1000]),
  keysPerCall: parameter('questions to a KMS for the keys of a target’s call', '', 1, [0, 1000]),
  keyRecords: parameter('records of keys that an answer leads to', '', 2, [0, 255]),
  keyRequestsPerDay: parameter(
    'REQUEST_KEYs of a device in a day: one for each key period',
    '',
    1,
    [0, 1440],
  ),
  destinations: parameter('LEMFs that each warrant delivers to', '', 1, [0, 100]),
  deliverers: count(
    'DF processes that only deliver, at least; 0: who mediates delivers while one process is enough',
    0,
    [0, 1e6],
  ),
  warrantDays: parameter('length of a warrant', 'days', 90, [1, 3660]),
  busyHours: parameter('busiest hours that are as much as a day', 'hours', 10, [1, 24]),
  retentionDays: parameter('how long a LEMF keeps what it received', 'days', 90, [0, 36_600]),
  outageSeconds: parameter('how long LEMFs, or the mediation, may be away', 's', 3600, [0, YEAR_SECONDS]),
  headroom: parameter('share of the cores that stays free in the busiest hour', '', 0.4, [0, 0.95]),
  cores: count('cores of a machine', 16, [1, 1024]),
  replicas: count('servers that have each octet of PostgreSQL and of the streams', 3, [1, 5]),
  spare: count('machines of a role that may fail at a time', 1, [0, 100]),
} as const satisfies Readonly<Record<string, Parameter>>;

export type ParameterName = keyof typeof PARAMETERS;

export type Parameters = Readonly<Record<ParameterName, number>>;

export const PARAMETER_NAMES = Object.keys(PARAMETERS) as ParameterName[];

/** Those that were given, the others by default. @throws CapacityError */
export function parametersOf(given: Partial<Parameters>): Parameters {
  const all: Record<string, number> = {};
  for (const name of PARAMETER_NAMES) {
    const parameter: Parameter = PARAMETERS[name];
    const { byDefault } = parameter;
    const reckoned = typeof byDefault === 'number' ? byDefault : byDefault.of(all as Reckoned);
    all[name] = checked(name, parameter, given[name] ?? reckoned);
  }
  const parameters = all as Parameters;
  if (parameters.targets > parameters.subscribers)
    throw new CapacityError(
      'parameter',
      `targets: ${parameters.targets} are more than the ${parameters.subscribers} subscribers`,
    );
  return parameters;
}

function checked(name: string, { least, most, isWhole }: Parameter, value: number): number {
  if (value >= least && value <= most && (isWhole !== true || Number.isInteger(value))) return value;
  const kind = isWhole === true ? 'a whole number' : 'a number';
  throw new CapacityError('parameter', `${name}: ${value} is not ${kind} from ${least} to ${most}`);
}

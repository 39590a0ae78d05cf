/** What a warrant is to say, from a file or from the options of a command line. */
import { parseConfig } from '../../host/config.ts';
import { systemClock } from '../../host/runtime.ts';
import { fromUtf8 } from '../../bytes/octets.ts';
import { present } from '../../bytes/present.ts';
import { isoTime } from '../../bytes/iso-time.ts';
import { CliError } from '../failure.ts';
import { readInput } from '../input.ts';
import type { OfficerConfig } from '../../entities/admf/config-officer.ts';
import { lemfOption, targetOption, timeOption } from './options.ts';
import type { LemfOption, TargetOption } from './options.ts';

export interface ContentFlags {
  readonly target?: readonly string[] | undefined;
  readonly delivery?: string | undefined;
  readonly from?: string | undefined;
  readonly until?: string | undefined;
  readonly lemf?: string | undefined;
  readonly location?: boolean | undefined;
  readonly locationUponChange?: boolean | undefined;
  readonly xk?: string | false | undefined;
}

export interface AddFlags extends ContentFlags {
  readonly liid?: string;
  readonly draft?: true;
  readonly emergency?: true;
  readonly reference?: string;
}

/** Contents as the interface has them: times as text. */
export interface Contents {
  readonly targets?: readonly TargetOption[];
  readonly delivery?: string;
  readonly startTime?: string;
  readonly endTime?: string;
  readonly lemf?: LemfOption;
  readonly location?: boolean | 'uponChange';
  readonly xk?: string | false;
}

/** Options that say what is in a warrant. */
const SAYING = [
  'liid',
  'target',
  'delivery',
  'from',
  'until',
  'lemf',
  'location',
  'locationUponChange',
  'xk',
] as const;

/** The warrant of a file, or of the options. @param usual where deliveries go if nothing says it */
export function entryOf(file: string | undefined, flags: AddFlags, usual: OfficerConfig['lemf']): unknown {
  const said = SAYING.filter((name) => flags[name] !== undefined).map((name) => `--${name}`);
  if (file === undefined) return entryOfOptions(flags, usual);
  if (said.length === 0) return readJson(file);
  const hint = 'Change the file, or give all by options.';
  throw new CliError('usage', `the warrant is in ${file}, and ${said.join(', ')} says something else`, hint);
}

function entryOfOptions(flags: AddFlags, usual: OfficerConfig['lemf']): object {
  const contents = contentsOf(flags);
  const { liid, delivery } = flags;
  const lemf = contents.lemf ?? usual;
  const missing = [
    ...(liid === undefined ? ['--liid'] : []),
    ...(contents.targets === undefined ? ['--target'] : []),
    ...(delivery === undefined ? ['--delivery'] : []),
    ...(contents.endTime === undefined ? ['--until'] : []),
    ...(lemf === undefined ? ['--lemf'] : []),
  ];
  if (missing.length > 0)
    throw new CliError(
      'usage',
      `a warrant needs ${missing.join(', ')} as well`,
      'Or give a file with the warrant; claviger warrant add --help has an example.',
    );
  return { liid, ...contents, lemf };
}

/** What is to be otherwise. */
export function changesOf(flags: ContentFlags): Contents {
  const changes = contentsOf(flags);
  if (Object.keys(changes).length > 0) return changes;
  const hint =
    'Give one of --target, --delivery, --from, --until, --lemf, --location, --location-upon-change, --no-location, --xk, --no-xk.';
  throw new CliError('usage', 'nothing is said that should change', hint);
}

function contentsOf({ target, delivery, from, until, lemf, ...flags }: ContentFlags): Contents {
  const now = systemClock().now();
  const startTime = from === undefined || from === 'now' ? undefined : timeOption('from', from, now);
  const endTime = until === undefined ? undefined : timeOption('until', until, startTime ?? now);
  return present({
    targets: target?.map(targetOption),
    delivery,
    startTime: startTime === undefined ? undefined : isoTime(startTime),
    endTime: endTime === undefined ? undefined : isoTime(endTime),
    lemf: lemf === undefined ? undefined : lemfOption(lemf),
    location: locationOf(flags),
    xk: flags.xk,
  });
}

function locationOf({
  location,
  locationUponChange,
}: Pick<ContentFlags, 'location' | 'locationUponChange'>): Contents['location'] {
  if (locationUponChange !== true) return location;
  if (location === false) throw new CliError('usage', '--no-location and --location-upon-change', undefined);
  return 'uponChange';
}

/** What a file of JSON or YAML holds, or standard input as JSON for `-`. @throws CliError, ConfigError, BytesError */
export function readJson(file: string): unknown {
  return parseConfig(fromUtf8(readInput(file)), file === '-' ? 'standard input' : file);
}

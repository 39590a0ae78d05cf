/** The revealed secrets of a district: the file of one home, or one home of a demo's file. */
import { ClavigerError } from '../../bytes/errors.ts';
import { decodeDistrictFile } from '../../entities/kms/district-file.ts';
import type { DistrictFile } from '../../entities/kms/district-file.ts';
import { parseConfig } from '../../host/config.ts';
import { CliError } from '../failure.ts';
import { readInput } from '../input.ts';

const WHICH_FILE =
  'Give the secrets.json of a demo run, or the district.json of claviger ibe setup, unchanged.';
const ONE_HOME = 'It is of one home: leave --home out.';

export interface DistrictChoice {
  readonly secrets: string;
  readonly home?: string;
}

/** @throws CliError `usage`, `input`; nothing of the file is quoted */
export function readDistrict({ secrets, home }: DistrictChoice): DistrictFile {
  const text = Buffer.from(readInput(secrets)).toString('utf8');
  const json = ofSecrets(secrets, () => parseConfig(text, secrets));
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new CliError('input', `${secrets} is not an object`, WHICH_FILE);
  const members = new Map<string, unknown>(Object.entries(json));
  const hasHomes = !members.has('masterSecret');
  if (home === undefined ? hasHomes : !members.has(home)) {
    const wrong = home === undefined ? 'is not of one home: --home is needed' : `has no ${home}`;
    const names = [...members.keys()].join(', ');
    throw new CliError('usage', `${secrets} ${wrong}`, hasHomes ? `It has ${names}.` : ONE_HOME);
  }
  return ofSecrets(secrets, () => decodeDistrictFile(home === undefined ? json : members.get(home)));
}

/** What is wrong with the file of secrets, with its name and what it should be. */
function ofSecrets<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof ClavigerError)) throw cause;
    const why = cause.message.startsWith(file) ? cause.message : `${file}: ${cause.message}`;
    throw new CliError('input', why, WHICH_FILE, { cause });
  }
}

/** `claviger ibe extract`: the private key of a test user, from the revealed secrets of a district. */
import { Command, InvalidArgumentError } from 'commander';
import { toBigInt } from '../../bytes/octets.ts';
import { canonicalIdentity, periodStart, publicIdentity } from '../../ibake/identity.ts';
import { defaultEngine } from '../../ibe/default-engine.ts';
import { validateBfParameters } from '../../ibe/parameters.ts';
import { encodeIbeSysParams, sysParamsOf } from '../../ibe/system-parameters.ts';
import { systemClock } from '../../host/runtime.ts';
import { writeWhole } from '../../storage/files.ts';
import { tellDone } from '../as-json.ts';
import type { JsonFlag } from '../as-json.ts';
import { readDistrict } from '../workbench/district-secrets.ts';
import type { DistrictChoice } from '../workbench/district-secrets.ts';
import { calendarTime } from '../../wire/shown/pdu-names.ts';
import { privateKeyFile } from '../workbench/private-key-file.ts';

interface ExtractFlags extends DistrictChoice, JsonFlag {
  readonly identity: string;
  readonly at?: number;
  readonly out: string;
}

export function ibeExtractCommand(): Command {
  return new Command('extract')
    .description("extract the private key of a test user from a district's revealed secrets")
    .requiredOption(
      '--secrets <file>',
      'secrets.json of a demo run, or the district.json of claviger ibe setup',
    )
    .option('--home <name>', 'which home of secrets.json')
    .requiredOption('--identity <uri>', 'whose key, e.g. sip:bob@home2.example')
    .option('--at <time>', 'a time in the key period, e.g. 2027-03-18T12:00:00Z; default: now', instant)
    .requiredOption(
      '--out <file>',
      'where the key goes, as JSON of mode 0600; a file that is there is not replaced',
    )
    .option('--json', 'print what was written as JSON')
    .addHelpText('after', EXAMPLES)
    .action(extract);
}

const EXAMPLES = `
The key opens the containers of MIKEY messages to this user in one key period; what it does
not give are session keys. For research, in networks whose secrets may be revealed.

Example:
  $ claviger demo --reveal-secrets
  $ claviger ibe extract --secrets demo-out/secrets.json --home home2 --identity sip:bob@home2.example --out bob.key.json
  $ claviger mikey decode --key bob.key.json demo-out/signalling/*.sip`;

function extract(flags: ExtractFlags): void {
  const { district, keyLifetime, serial } = readDistrict(flags);
  const { bf, masterSecret } = serial;
  validateBfParameters(bf);
  const { uri } = canonicalIdentity(flags.identity);
  const now = Math.floor(systemClock().now() / 1000);
  const period = periodStart(flags.at ?? now, keyLifetime);
  const identity = publicIdentity(uri, period, { district, serial: serial.serial });
  const privateKey = defaultEngine().extract(bf, toBigInt(masterSecret.expose()), identity);
  const parameters = encodeIbeSysParams(sysParamsOf({ district, keyLifetime, ...serial }));
  writeWhole(flags.out, privateKeyFile(identity, parameters, privateKey), { mode: 0o600, flag: 'wx' });
  const [from, to] = [period, period + keyLifetime].map((time) => calendarTime(time, 0, 0));
  const done = { files: [flags.out], identity: uri, from, to };
  tellDone(done, `wrote ${flags.out}: ${uri}, ${from ?? ''} to ${to ?? ''}\n`, flags);
}

/** Unix seconds. */
function instant(text: string): number {
  const unixMs = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(unixMs)) throw new InvalidArgumentError('a time such as 2027-03-18T12:00:00Z is expected');
  return Math.floor(unixMs / 1000);
}

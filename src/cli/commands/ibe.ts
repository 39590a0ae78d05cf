/** `claviger ibe setup`: the parameters and secrets of a new district. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { systemRandom } from '../../app/runtime.ts';
import { toBase64 } from '../../bytes/octets.ts';
import { Secret } from '../../bytes/secret.ts';
import { encodeIbeSysParams, sysParamsOf } from '../../ibe/system-parameters.ts';
import { generateDistrict, likelihood } from '../../ibe/setup.ts';
import type { SetupProgress } from '../../ibe/setup.ts';
import { validateBfParameters } from '../../ibe/parameters.ts';
import { masterSecretOctets, NO_END, revealDistrict } from '../../kms/district-file.ts';
import { CliError } from '../failure.ts';

interface SetupOptions {
  readonly district: string;
  readonly serial: number;
  readonly n: number;
  readonly keyLifetime: number;
  readonly out: string;
}

export function ibeCommand(): Command {
  return new Command('ibe')
    .description('identity-based encryption (RFC 5091, RFC 5408)')
    .addCommand(
      new Command('setup')
        .description("make a district's parameters, master secret and LI root")
        .requiredOption(
          '--district <uri>',
          'name of the district, e.g. https://kms.home1.example/.well-known/ibe',
        )
        .option('--serial <number>', 'serial of these parameters', whole, 1)
        .option('--n <bits>', 'security parameter: 2048, 3072, 7680 or 15360', whole, 3072)
        .option('--key-lifetime <seconds>', 'seconds of a key period', whole, 86_400)
        .requiredOption('--out <folder>', 'where district.json (secret, mode 0600) and parameters.b64 go')
        .addHelpText('after', EXAMPLES)
        .action(setup),
    );
}

const EXAMPLES = `
n = 3072 takes seconds, 7680 a minute or more, 15360 many minutes: primes are found by chance.

Example:
  $ claviger ibe setup --district https://kms.home1.example/.well-known/ibe --out kms1`;

async function setup(options: SetupOptions): Promise<void> {
  if (!/^https:\/\/[^/]+\//.test(options.district)) {
    throw new CliError(
      'usage',
      `${options.district} is not an https URI`,
      'A district is where its parameters are fetched.',
    );
  }
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const { parameters, masterSecret } = await generateDistrict({
    n: options.n,
    random: systemRandom(),
    onProgress: progressLine(),
    signal: stop.signal,
  });
  validateBfParameters(parameters);
  process.stderr.write('\n');
  const { district, serial, keyLifetime } = options;
  mkdirSync(options.out, { recursive: true, mode: 0o700 });
  const published = encodeIbeSysParams(
    sysParamsOf({ district, serial, notBefore: 0, notAfter: NO_END, keyLifetime, bf: parameters }),
  );
  const secrets = revealDistrict({
    district,
    keyLifetime,
    serial: {
      serial,
      notBefore: 0,
      notAfter: NO_END,
      bf: parameters,
      masterSecret: masterSecretOctets(masterSecret, parameters.q),
    },
    liRoot: Secret.of(systemRandom().bytes(32)),
  });
  write(options.out, 'parameters.b64', toBase64(published) + '\n', 0o644);
  write(options.out, 'district.json', JSON.stringify(secrets, null, 2) + '\n', 0o600);
}

/** One line on standard error that is written over, on a terminal; else one line a stage. */
function progressLine(): (progress: SetupProgress) => void {
  const started = performance.now();
  let stage = '';
  return (progress) => {
    const { tried, expected } = progress;
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    const chance = (100 * likelihood(progress)).toFixed(0);
    const line = `searching ${progress.stage}: ${tried} candidates, about ${expected} on average, ${chance} % of searches end by now, ${seconds} s`;
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
    else if (stage !== progress.stage) process.stderr.write(line + '\n');
    stage = progress.stage;
  };
}

function write(folder: string, name: string, text: string, mode: number): void {
  const file = path.join(folder, name);
  try {
    writeFileSync(file, text, { mode, flag: 'wx' });
  } catch (cause) {
    throw new CliError('input', `${file} exists already`, 'Nothing was overwritten: choose another folder.', {
      cause,
    });
  }
  process.stdout.write(`wrote ${file}\n`);
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number is expected');
  return Number(text);
}

/** `claviger ibe setup`: the parameters and secrets of a new district. */
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { systemRandom } from '../../host/runtime.ts';
import { toBase64 } from '../../bytes/octets.ts';
import { Secret } from '../../bytes/secret.ts';
import { SECURITY_SIZES } from '../../ibe/parameters.ts';
import { encodeIbeSysParams, sysParamsOf } from '../../ibe/system-parameters.ts';
import { generateDistrict, remaining, type NewDistrict, type SetupProgress } from '../../ibe/setup.ts';
import { masterSecretOctets, NO_END, revealDistrict } from '../../entities/kms/district-file.ts';
import { FileError, makeFolder, removeEmpty, writeWhole } from '../../storage/files.ts';
import { tellDone } from '../as-json.ts';
import type { JsonFlag } from '../as-json.ts';
import { CliError } from '../failure.ts';
import { ibeExtractCommand } from './ibe-extract.ts';

/** As the configuration of a KMS has it. */
const SHORTEST_LIFETIME = 900;

interface SetupOptions extends JsonFlag {
  readonly district: string;
  readonly serial: number;
  readonly n: number;
  readonly keyLifetime: number;
  readonly out: string;
}

const SIZES = SECURITY_SIZES.map(({ n }) => n);

export function ibeCommand(): Command {
  return new Command('ibe')
    .description('identity-based encryption (RFC 5091, RFC 5408)')
    .addCommand(ibeExtractCommand())
    .addCommand(
      new Command('setup')
        .description("make a district's parameters, master secret and LI root")
        .requiredOption(
          '--district <uri>',
          'name of the district, e.g. https://kms.home1.example/.well-known/ibe',
        )
        .option('--serial <number>', 'serial of these parameters', whole, 1)
        .option('--n <bits>', `security parameter: ${SIZES.join(', ')}`, securityParameter, 3072)
        .option('--key-lifetime <seconds>', 'seconds of a key period, 900 at least', whole, 86_400)
        .requiredOption('--out <folder>', 'where district.json (secret, mode 0600) and parameters.b64 go')
        .option('--json', 'print what was written as JSON')
        .addHelpText('after', EXAMPLES)
        .action(setup),
    );
}

const EXAMPLES = `
Primes are found at random. On two cores n = 3072 takes a second, 7680 some ten seconds, 15360 some minutes; the
estimate that is shown goes by the machine's own pace. Ctrl-C gives up; nothing is written then.

Example:
  $ claviger ibe setup --district https://kms.home1.example/.well-known/ibe --out kms1`;

const SECRETS = 'district.json';
const PUBLISHED = 'parameters.b64';

async function setup(options: SetupOptions): Promise<void> {
  check(options);
  // Before the search, which may take minutes: whether there is a place for what it finds.
  const made = makeFolder(options.out, 0o700);
  try {
    await makeDistrict(options);
  } catch (error) {
    removeEmpty(made);
    throw error;
  }
}

async function makeDistrict(options: SetupOptions): Promise<void> {
  const { parameters, masterSecret } = await search(options.n);
  const { district, serial, keyLifetime } = options;
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
  const [open, secret] = [PUBLISHED, SECRETS].map((name) => path.join(options.out, name)) as [string, string];
  write(open, toBase64(published) + '\n', 0o644);
  try {
    write(secret, JSON.stringify(secrets, null, 2) + '\n', 0o600);
  } catch (error) {
    // Parameters without their secrets are of no use, and would be in the way the next time.
    rmSync(open, { force: true });
    throw error;
  }
  tellDone({ district, serial, files: [open, secret] }, `wrote ${open}\nwrote ${secret}\n`, options);
}

/** What would make the search vain. */
function check({ district, keyLifetime, out }: SetupOptions): void {
  // An IA5String in what is published: visible ASCII, as in any URI.
  if (!/^https:\/\/[!-.0-~]+\/[!-~]*$/.test(district)) {
    throw new CliError(
      'usage',
      `${district} is not an https URI`,
      'A district is where its parameters are fetched.',
    );
  }
  if (keyLifetime < SHORTEST_LIFETIME) {
    throw new CliError(
      'usage',
      `a key period of ${keyLifetime} s is too short`,
      `A KMS takes ${SHORTEST_LIFETIME} s or more.`,
    );
  }
  const there = [PUBLISHED, SECRETS].map((name) => path.join(out, name)).find((file) => existsSync(file));
  if (there !== undefined) throw existsAlready(there);
}

/** Parameters and master secret, with progress, until Ctrl-C. */
async function search(n: number): Promise<NewDistrict> {
  const stop = new AbortController();
  const giveUp = (): void => stop.abort();
  process.once('SIGINT', giveUp);
  try {
    const made = await generateDistrict({
      n,
      random: systemRandom(),
      onProgress: progressLine(),
      signal: stop.signal,
    });
    // A Ctrl-C during the last computation is heard here.
    await setImmediate();
    if (stop.signal.aborted) throw new CliError('failed', 'parameter generation was cancelled');
    return made;
  } finally {
    process.off('SIGINT', giveUp);
    if (process.stderr.isTTY) process.stderr.write('\n');
  }
}

/** Seconds between two lines where lines are kept. */
const QUIET = 10;

/** One line on standard error that is written over, on a terminal; else a line a stage, and one now and then. */
function progressLine(): (progress: SetupProgress) => void {
  let stage = '';
  let began = 0;
  let shown = -Infinity;
  return (progress) => {
    const now = performance.now() / 1000;
    if (stage !== progress.stage) {
      stage = progress.stage;
      began = now;
      shown = -Infinity;
    }
    const line = progressText(progress, now - began);
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
    else if (now - shown >= QUIET) {
      process.stderr.write(line + '\n');
      shown = now;
    }
  };
}

function progressText(progress: SetupProgress, seconds: number): string {
  const { stage, tried } = progress;
  if (stage === 'point') return 'making the base point and the master secret';
  const time = remaining(progress, seconds);
  const estimate =
    time === null
      ? `about ${progress.expected} on average`
      : `about ${time.mean.toFixed(0)} s more on average, ${time.most.toFixed(0)} s in one case of 20`;
  return `searching ${stage}: ${tried} candidates in ${seconds.toFixed(0)} s; ${estimate}`;
}

function write(file: string, text: string, mode: number): void {
  try {
    writeWhole(file, text, { mode, flag: 'wx' });
  } catch (error) {
    if (error instanceof FileError && error.code === 'in-the-way') throw existsAlready(file);
    throw error;
  }
}

function existsAlready(file: string): CliError {
  return new CliError('input', `${file} exists already`, 'Nothing was overwritten: choose another folder.');
}

function securityParameter(text: string): number {
  const size = SIZES.find((n) => String(n) === text);
  if (size === undefined) throw new InvalidArgumentError(`${text} is not one of ${SIZES.join(', ')}`);
  return size;
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number is expected');
  return Number(text);
}

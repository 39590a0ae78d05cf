/** `claviger get-keys`: what a KMS answers on get_keys, from its revealed secrets and the messages of a call. */
import { Command } from 'commander';
import { Secret } from '../../bytes/secret.ts';
import { DATA_TYPE } from '../../mikey/registry.ts';
import { encodeGetKeysResponse, isGetKeysFailure } from '../../wire/xk/get-keys.ts';
import type { GetKeysRequest } from '../../wire/xk/get-keys.ts';
import { canonicalIdentity } from '../../ibake/identity.ts';
import { defaultEngine } from '../../ibe/default-engine.ts';
import { validateBfParameters } from '../../ibe/parameters.ts';
import type { DistrictFile } from '../../entities/kms/district-file.ts';
import type { GetKeysRecords } from '../../entities/kms/get-keys/ports.ts';
import { CliError } from '../failure.ts';
import { readInput } from '../input.ts';
import { readDistrict } from '../workbench/district-secrets.ts';
import { isSipWithoutMikey, mikeyMessagesIn } from '../workbench/mikey-messages.ts';

interface GetKeysFlags {
  readonly secrets: string;
  readonly home?: string;
  readonly target: string;
}

export function getKeysCommand(): Command {
  return new Command('get-keys')
    .description(
      "recompute a call's session keys from a KMS's revealed secrets (for research: no warrant is asked for)",
    )
    .argument('<files...>', 'SIP messages, SDP or MIKEY messages of one exchange, in any order')
    .requiredOption(
      '--secrets <file>',
      'secrets.json of a demo run, or the district.json of claviger ibe setup',
    )
    .option('--home <name>', 'which home of secrets.json')
    .requiredOption('--target <uri>', 'the party whose secret is redrawn, e.g. sip:alice@home1.example')
    .addHelpText('after', EXAMPLES)
    .action(getKeys);
}

const EXAMPLES = `
Prints get_keys_response as Xk carries it: crypto sessions with keys in the clear, or a failureIndication.

Example:
  $ claviger demo --reveal-secrets
  $ claviger get-keys --secrets demo-out/secrets.json --home home1 --target sip:alice@home1.example demo-out/signalling/*.sip`;

async function getKeys(files: readonly string[], flags: GetKeysFlags): Promise<void> {
  const { EngineGenerator } = await import('../../entities/kms/generator.ts');
  const { GetKeys } = await import('../../entities/kms/get-keys/get-keys.ts');
  const district = readDistrict(flags);
  validateBfParameters(district.serial.bf);
  const target = canonicalIdentity(flags.target).uri;
  const request = requestOf(files, target);
  const answer = await new GetKeys(recordsOf(district), new EngineGenerator(defaultEngine())).answer({
    request,
    covered: new Set([target]),
  });
  process.stdout.write(Buffer.from(encodeGetKeysResponse(answer).expose()).toString('utf8') + '\n');
  if (isGetKeysFailure(answer)) {
    const why = `no keys: ${answer.failureIndication}`;
    throw new CliError('failed', why, 'docs/errors.md says what each indication means.');
  }
}

/** The first message of each kind; the same message in several hops is one. */
function requestOf(files: readonly string[], target: string): GetKeysRequest {
  const found = new Map<number, Uint8Array>();
  for (const file of files) {
    for (const message of messagesOf(file)) {
      const type = message[1] ?? 0;
      if (!found.has(type)) found.set(type, message);
    }
  }
  const iMessage1 = found.get(DATA_TYPE.I_MESSAGE_1);
  const rMessage1 = found.get(DATA_TYPE.R_MESSAGE_1);
  if (iMessage1 === undefined || rMessage1 === undefined) {
    throw new CliError(
      'input',
      'the files hold no I_MESSAGE_1 and R_MESSAGE_1',
      'Give the INVITE and its 183, PRACK and 200.',
    );
  }
  return {
    targetKmsIdentity: target,
    xid: '00000000-0000-4000-8000-000000000000',
    iMessage1,
    rMessage1,
    iMessage2: found.get(DATA_TYPE.I_MESSAGE_2) ?? null,
    rMessage2: found.get(DATA_TYPE.R_MESSAGE_2) ?? null,
    updates: [],
    midCall: false,
  };
}

/** A SIP message without MIKEY is nothing to complain of among many. */
function messagesOf(file: string): Uint8Array[] {
  const input = readInput(file);
  return isSipWithoutMikey(input) ? [] : mikeyMessagesIn(input);
}

/** One serial, one LI root, and every seed taken as issued. */
function recordsOf({ district, keyLifetime, serial, liRoot }: DistrictFile): GetKeysRecords {
  return {
    district,
    keyLifetime,
    serialsFor: () => [serial],
    issuedSeed: () => Promise.resolve({ serial: serial.serial }),
    liRoot: () =>
      Promise.resolve(
        liRoot === null ? { state: 'absent' } : { state: 'kept', root: Secret.of(liRoot.expose().slice()) },
      ),
  };
}

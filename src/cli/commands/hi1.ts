/** `claviger hi1`: a message of HI1 for people, or as JSON; and a laboratory's agency, which sends one. */
import { Command, Option } from 'commander';
import { strict } from '../../bytes/schema.ts';
import { HI1_PATHS } from '../../entities/admf/hi1/workflows.ts';
import { configReader, HOSTS, milliseconds, readConfigFile, text, TLS_FILES } from '../../host/config.ts';
import { HostMap } from '../../net/hosts.ts';
import { HttpsClient } from '../../net/https.ts';
import { loadTls } from '../../net/tls.ts';
import { HI1_ANSWER_LIMIT } from '../../wire/hi1/names.ts';
import { decodeHi1Message } from '../../wire/hi1/messages.ts';
import type { Hi1Message } from '../../wire/hi1/messages.ts';
import { renderHi1Message } from '../../wire/hi1/describe.ts';
import { XmlDocumentError } from '../../wire/xml/errors.ts';
import { CliError } from '../failure.ts';
import { readInput } from '../input.ts';

export function hi1Command(): Command {
  return new Command('hi1')
    .description('messages of HI1 (TS 103 120)')
    .addCommand(decodeCommand())
    .addCommand(sendCommand());
}

function decodeCommand(): Command {
  return new Command('decode')
    .description('print every member of a message')
    .argument('[file]', 'file with a message in XML; - for standard input', '-')
    .option('--json', 'print JSON, one object in one line')
    .addHelpText('after', DECODE_EXAMPLES)
    .action((file: string, flags: { json?: true }) => print(decoded(readInput(file)), flags));
}

function sendCommand(): Command {
  return new Command('send')
    .description('send a request as a law enforcement agency of a laboratory, and print the answer')
    .argument('<file>', 'file with a request in XML; - for standard input')
    .requiredOption('--config <file>', 'url, tls and hosts of the agency, as YAML or JSON')
    .addOption(new Option('--path <path>', 'the path of a workflow').choices([...HI1_PATHS]).default('/'))
    .option('--json', 'print the answer as JSON, one object in one line')
    .addHelpText('after', SEND_EXAMPLES)
    .action(send);
}

const DECODE_EXAMPLES = `
Examples:
  $ claviger hi1 decode request.xml
  $ claviger hi1 decode --json answer.xml | jq .payload.actions`;

const SEND_EXAMPLES = `
The configuration:
  url: https://admf.home1.example:8500
  tls: { certificate: agency.pem, privateKey: agency.key, authorities: ca.pem }
  hosts: { admf.home1.example: 127.0.0.1 }

It ends with 1 if anything was refused.

Examples:
  $ claviger hi1 send list.xml --config agency.yaml
  $ claviger hi1 send new.xml --config agency.yaml --path /li/authorisation/new`;

/** What an agency of a laboratory needs. */
const AGENCY_CONFIG = strict({
  url: text("the ADMF's HI1, without a path"),
  tls: TLS_FILES,
  hosts: HOSTS,
  timeoutMs: milliseconds('for one request', { min: 1, default: 10_000 }),
});

interface SendFlags {
  readonly config: string;
  readonly path: string;
  readonly json?: true;
}

async function send(file: string, { config, path, ...flags }: SendFlags): Promise<void> {
  const octets = readInput(file);
  if (decoded(octets).payload.kind !== 'requests')
    throw new CliError(
      'input',
      `${file} is an answer, not a request`,
      'Give a message with a RequestPayload.',
    );
  const { url, tls, hosts, timeoutMs } = configReader(AGENCY_CONFIG)(readConfigFile(config), config);
  const client = new HttpsClient({
    ...{ tls: loadTls(tls, Date.now()), hosts: new HostMap(hosts) },
    ...{ timeoutMs, answerLimit: HI1_ANSWER_LIMIT },
  });
  try {
    const target = placeOf(url, path);
    const answer = await client.request('POST', target, { type: 'application/xml', octets });
    if (answer.status !== 200)
      throw new CliError('failed', `${target} answers ${answer.status}`, STATUS_HINTS[answer.status]);
    const message = decoded(answer.body);
    print(message, flags);
    const refusals = refusalsOf(message);
    if (refusals.length > 0)
      throw new CliError(
        'failed',
        `refused with ${refusals.join(', ')}`,
        'docs/conformance/hi1.md has the codes.',
      );
  } finally {
    await client.close();
  }
}

const STATUS_HINTS: Readonly<Record<number, string>> = {
  403: "Is this certificate that of an agency in the ADMF's setting hi1, and the sender one of its endpoints?",
  413: 'The message is larger than is taken.',
  503: 'The ADMF could not put it on record; nothing was done.',
};

/** @throws CliError `input` */
function placeOf(url: string, path: string): string {
  try {
    const target = new URL(path, url);
    if (target.protocol === 'https:') return target.href;
  } catch {
    // Told below.
  }
  throw new CliError('input', 'url is not an HTTPS URL', 'Give it as https://HOST:PORT.');
}

function refusalsOf({ payload }: Hi1Message): number[] {
  if (payload.kind === 'error') return [payload.error.ErrorCode];
  if (payload.kind === 'requests') return [];
  const codes = payload.actions.flatMap((each) => (each.action === 'ErrorInformation' ? each.ErrorCode : []));
  return [...new Set(codes)];
}

function print(message: Hi1Message, { json }: { readonly json?: true }): void {
  process.stdout.write(json === true ? `${JSON.stringify(message)}\n` : renderHi1Message(message));
}

/** @throws CliError `input` */
function decoded(octets: Uint8Array): Hi1Message {
  try {
    return decodeHi1Message(octets);
  } catch (cause) {
    if (!(cause instanceof XmlDocumentError)) throw cause;
    throw new CliError(
      'input',
      `this is not a message of HI1: ${cause.message}`,
      'Is it complete, in UTF-8, and an HI1Message of TS 103 120?',
      { cause },
    );
  }
}

/** `claviger hi1`: a message of HI1 for people, or as JSON; and a laboratory's agency, which sends one. */
import { Command, Option } from 'commander';
import { agencyConfig } from '../../entities/admf/config-agency.ts';
import type { AgencyConfig } from '../../entities/admf/config-agency.ts';
import { HI1_PATHS } from '../../entities/admf/hi1/workflows.ts';
import { readConfigFile } from '../../host/config.ts';
import { systemRandom } from '../../host/runtime.ts';
import { HostMap } from '../../net/hosts.ts';
import { HttpsClient } from '../../net/https.ts';
import { loadTls } from '../../net/tls.ts';
import { HI1_ANSWER_LIMIT } from '../../wire/hi1/names.ts';
import { etsiWord } from '../../wire/hi1/dictionaries.ts';
import { decodeHi1Message, encodeHi1Message } from '../../wire/hi1/messages.ts';
import type { Hi1Message, Hi1Request } from '../../wire/hi1/messages.ts';
import { renderHi1Message } from '../../wire/hi1/describe.ts';
import { XmlDocumentError } from '../../wire/xml/errors.ts';
import { randomUuid } from '../../x1/requester.ts';
import { CliError } from '../failure.ts';
import { readInput } from '../input.ts';

export function hi1Command(): Command {
  return new Command('hi1')
    .description('messages of HI1 (TS 103 120)')
    .addCommand(decodeCommand())
    .addCommand(sendCommand())
    .addCommand(listCommand())
    .addCommand(getCommand());
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
    .requiredOption(...CONFIG)
    .addOption(new Option('--path <path>', 'the path of a workflow').choices([...HI1_PATHS]).default('/'))
    .option('--fresh', 'as another exchange, of now: with a new TransactionIdentifier and Timestamp')
    .option(...JSON_ANSWER)
    .addHelpText('after', SEND_EXAMPLES)
    .action(send);
}

function listCommand(): Command {
  return new Command('list')
    .description('list what the agency has on record, and what it is notified of')
    .argument('[type]', 'Authorisation, LITask, Document or Notification; all without it')
    .requiredOption(...CONFIG)
    .option('--since <time>', 'what has changed since (2030-01-31T12:00:00Z)')
    .option(...JSON_ANSWER)
    .addHelpText('after', LIST_EXAMPLES)
    .action(list);
}

function getCommand(): Command {
  return new Command('get')
    .description('print objects of the agency: what it has brought, their statuses, notifications')
    .argument('<identifier...>', 'ObjectIdentifiers, as claviger hi1 list has them')
    .requiredOption(...CONFIG)
    .option(...JSON_ANSWER)
    .addHelpText('after', GET_EXAMPLES)
    .action(get);
}

const CONFIG = ['--config <file>', 'configuration of the agency, as YAML or JSON'] as const;
const JSON_ANSWER = ['--json', 'print the answer as JSON, one object in one line'] as const;

const DECODE_EXAMPLES = `
Examples:
  $ claviger hi1 decode request.xml
  $ claviger hi1 decode --json answer.xml | jq .payload.actions`;

const CONFIGURATION = `
The configuration (claviger init makes one in each home, agency.json):
  url: https://admf.home1.example:8500
  tls: { certificate: agency.pem, privateKey: agency.key, authorities: ca.pem }
  hosts: { admf.home1.example: 127.0.0.1 }
  sender: { country: XX, identifier: ACTOR01 }
  receiver: { country: XX, identifier: ACTOR02 }

It ends with 1 if anything was refused.
`;

const SEND_EXAMPLES = `${CONFIGURATION}
What changes something is taken if its Timestamp is of the last seven days; --fresh sets it.

Examples:
  $ claviger hi1 send lab/home1/hi1/new.xml --config lab/home1/agency.json --path /li/authorisation/new
  $ claviger hi1 send cancel.xml --config agency.yaml --fresh`;

const LIST_EXAMPLES = `${CONFIGURATION}
Examples:
  $ claviger hi1 list --config lab/home1/agency.json
  $ claviger hi1 list Notification --config lab/home1/agency.json --json`;

const GET_EXAMPLES = `${CONFIGURATION}
Examples:
  $ claviger hi1 get 7dbbc880-8750-4d3c-abe7-ea4a17646045 --config lab/home1/agency.json`;

interface AgencyFlags {
  readonly config: string;
  readonly json?: true;
}

interface SendFlags extends AgencyFlags {
  readonly path: string;
  readonly fresh?: true;
}

async function send(file: string, { path, fresh, ...flags }: SendFlags): Promise<void> {
  const octets = readInput(file);
  const message = decoded(octets);
  if (message.payload.kind !== 'requests')
    throw new CliError(
      'input',
      `${file} is an answer, not a request`,
      'Give a message with a RequestPayload.',
    );
  await exchange(agencyOfFile(flags.config), path, fresh === true ? renewed(message) : octets, flags);
}

/** The request as another exchange, of now. */
function renewed(message: Hi1Message): Uint8Array {
  const header = { ...message.header, transaction: randomUuid(systemRandom()), timestamp: Date.now() };
  return encodeHi1Message({ ...message, header });
}

function list(type: string | undefined, { since, ...flags }: AgencyFlags & { readonly since?: string }) {
  const action: Hi1Request = {
    ...{ id: '0', action: 'LIST' },
    ...(type === undefined ? {} : { objectType: etsiWord('ObjectType', type) }),
    ...(since === undefined ? {} : { lastChanged: since }),
  };
  return ask([action], flags);
}

function get(identifiers: readonly string[], flags: AgencyFlags): Promise<void> {
  return ask(
    identifiers.map((identifier, at) => ({ id: String(at), action: 'GET', identifier })),
    flags,
  );
}

/** Puts questions as the agency that the configuration says. */
async function ask(actions: readonly Hi1Request[], flags: AgencyFlags): Promise<void> {
  const config = agencyOfFile(flags.config);
  const { sender, receiver } = config;
  if (sender === undefined || receiver === undefined)
    throw new CliError(
      'input',
      `${flags.config} does not say who sends to whom`,
      'Give sender and receiver, each with country and identifier; or a whole message to claviger hi1 send.',
    );
  const endpoint = ({ country, identifier }: typeof sender) => ({
    CountryCode: country,
    UniqueIdentifier: identifier,
  });
  const header = {
    ...{ sender: endpoint(sender), receiver: endpoint(receiver) },
    ...{ transaction: randomUuid(systemRandom()), timestamp: Date.now() },
    version: { etsi: 'V1.12.1', profileOwner: sender.country, profileVersion: 'none' },
  };
  let octets: Uint8Array;
  try {
    octets = encodeHi1Message({ header, payload: { kind: 'requests', actions } });
  } catch (cause) {
    if (!(cause instanceof XmlDocumentError)) throw cause;
    throw new CliError('input', cause.message, 'Identifiers are UUIDs, times like 2030-01-31T12:00:00Z.', {
      cause,
    });
  }
  await exchange(config, '/', octets, flags);
}

/** Sends a request and prints the answer. */
async function exchange(
  { url, tls, hosts, timeoutMs }: AgencyConfig,
  path: string,
  octets: Uint8Array,
  flags: AgencyFlags,
): Promise<void> {
  const client = new HttpsClient({
    ...{ tls: loadTls(tls, Date.now()), hosts: new HostMap(hosts) },
    ...{ timeoutMs, answerLimit: HI1_ANSWER_LIMIT },
  });
  try {
    const target = new URL(path, url).href;
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

function agencyOfFile(file: string): AgencyConfig {
  return agencyConfig(readConfigFile(file), file);
}

const STATUS_HINTS: Readonly<Record<number, string>> = {
  403: "Is this certificate that of an agency in the ADMF's setting hi1, and the sender one of its endpoints?",
  413: 'The message is larger than is taken.',
  503: 'The ADMF could not put it on record; nothing was done.',
};

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

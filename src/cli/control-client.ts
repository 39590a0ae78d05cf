/** The other end of control sockets (`host/control.ts`): where they are, and what is asked there. */
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import Type from 'typebox';
import type { StaticDecode, TSchema } from 'typebox';
import { Command, Option } from 'commander';
import { jsonOf } from '../bytes/json.ts';
import { whyOf } from '../bytes/system-errors.ts';
import { Form } from '../bytes/schema.ts';
import { resolvePaths } from '../host/config-paths.ts';
import { readConfigFile } from '../host/config.ts';
import { controlPathOf, SOCKET_NAME, STATE_PLACES } from '../host/control.ts';
import { unreadable } from '../storage/files.ts';
import { CliError } from './failure.ts';

/** Which entities are meant. */
export interface ChosenSocket {
  readonly state: readonly string[];
  readonly config: readonly string[];
}

/** Folders below a given one in which sockets are looked for: a laboratory has state/HOME/mailbox/control.sock. */
const DEPTH = 4;
/** Milliseconds for an answer, besides what the request itself may take. */
const PATIENCE_MS = 10_000;
const LONGEST_ANSWER = 64 << 20;

/** A command that is about running entities. */
export function aboutEntities(name: string): Command {
  const collect = (value: string, before: readonly string[]): string[] => [...before, value];
  return new Command(name)
    .addOption(
      new Option(
        '--state <folder>',
        'folder with the state of entities, or with such folders; may be repeated',
      )
        .argParser<string[]>(collect)
        .default([], 'none'),
    )
    .addOption(
      new Option('--config <file>', 'configuration of an entity; may be repeated')
        .argParser<string[]>(collect)
        .default([], 'none'),
    )
    .option('--json', 'print what the entities say as JSON');
}

/** Paths of the control sockets of those that are meant, each once. @throws CliError `usage`, `input`; ConfigError, FileError */
export function socketsOf({ state, config }: ChosenSocket): string[] {
  if (state.length + config.length === 0)
    throw new CliError(
      'usage',
      'which entity? Name the folder of its state by --state, or its configuration by --config',
    );
  const found = [...state.flatMap((folder) => socketsIn(folder)), ...config.map((file) => socketOf(file))];
  return [...new Set(found)];
}

/** A request, and what the answer is read to. @throws CliError `failed` */
export async function askControl<S extends TSchema>(
  socket: string,
  [method, at]: readonly ['GET' | 'POST', string],
  form: Form<S>,
  body?: object,
  ms = 0,
): Promise<StaticDecode<S>> {
  const text = await askText(socket, [method, at], body, ms);
  return form.readOr(
    jsonOf(text),
    () => new CliError('failed', `${socket}: not the answer of an entity of this version`),
  );
}

/** As `askControl`, of an answer that is not JSON. @throws CliError `failed` */
export async function askText(
  socket: string,
  [method, at]: readonly ['GET' | 'POST', string],
  body?: object,
  ms = 0,
): Promise<string> {
  const { status, text } = await exchange(socket, { method, path: at, timeout: PATIENCE_MS + ms }, body);
  if (status === 200) return text;
  const problem = PROBLEM.read(jsonOf(text));
  const why = 'value' in problem ? problem.value.detail : `status ${status}`;
  throw new CliError('failed', `${socket}: refused: ${why}`);
}

const PROBLEM = new Form(Type.Object({ detail: Type.String() }));

function socketsIn(folder: string): string[] {
  const found = below(folder, DEPTH);
  if (found.length > 0) return found;
  throw new CliError(
    'input',
    `${folder} has no control socket`,
    'Does an entity run that has its state there?',
  );
}

function below(folder: string, depth: number): string[] {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (cause) {
    if (depth < DEPTH) return [];
    throw unreadable(`the folder ${folder}`, cause);
  }
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const at = path.join(folder, entry.name);
      if (entry.isDirectory() && depth > 1) return below(at, depth - 1);
      const isSocket =
        entry.isSocket() && (entry.name === SOCKET_NAME || entry.name.endsWith(`.${SOCKET_NAME}`));
      return isSocket ? [at] : [];
    });
}

const PLACES = new Form(STATE_PLACES);
const SCHEMA: TSchema = STATE_PLACES;

/** Where the entity of a configuration has its socket; of the rest of it nothing is looked at. */
function socketOf(file: string): string {
  const json = readConfigFile(file);
  const read = PLACES.read(resolvePaths(SCHEMA, json, file));
  const socket = 'value' in read ? controlPathOf(read.value) : null;
  if (socket !== null) return socket;
  throw new CliError(
    'input',
    `${file} does not say where an entity has its state`,
    'Is it the configuration of one that runs?',
  );
}

function exchange(
  socketPath: string,
  how: { readonly method: string; readonly path: string; readonly timeout: number },
  body: object | undefined,
): Promise<{ readonly status: number; readonly text: string }> {
  const json = body === undefined ? null : JSON.stringify(body);
  const headers =
    json === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) };
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, ...how, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      let length = 0;
      answer.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > LONGEST_ANSWER) asked.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
      answer.on('error', reject);
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.on('error', (cause) => {
      const hint = 'Does the entity run, and as the user who asks?';
      reject(new CliError('failed', `no entity answers at ${socketPath}: ${whyOf(cause)}`, hint, { cause }));
    });
    asked.end(json);
  });
}

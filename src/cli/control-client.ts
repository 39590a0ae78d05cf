/** The other end of control sockets (`host/control.ts`): where they are, and what is asked there. */
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import Type from 'typebox';
import type { StaticDecode, TSchema } from 'typebox';
import { Command, Option } from 'commander';
import { messageOf } from '../bytes/errors.ts';
import { jsonOf } from '../bytes/json.ts';
import { whyOf } from '../bytes/system-errors.ts';
import { Form } from '../bytes/schema.ts';
import { resolvePaths } from '../host/config-paths.ts';
import { readConfigFile } from '../host/config.ts';
import { controlPathOf, SOCKET_NAME, STATE_PLACES } from '../host/control.ts';
import { unreadable } from '../storage/files.ts';
import { isRunning, LOCK_NOTE, readLockNote } from '../storage/lock.ts';
import type { LockNote } from '../storage/lock.ts';
import { CliError, hintFor } from './failure.ts';

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

/** Entities that are meant. */
export interface FoundEntities {
  /** Paths of control sockets, each once. */
  readonly sockets: readonly string[];
  /** Those of a folder that nobody can ask, each with why. */
  readonly silent: readonly string[];
}

/** Those that are meant; at least one can be asked. @throws CliError `usage`, `input`; ConfigError, FileError */
export function entitiesOf({ state, config }: ChosenSocket): FoundEntities {
  if (state.length + config.length === 0)
    throw new CliError(
      'usage',
      'which entity? Name the folder of its state by --state, or its configuration by --config',
    );
  const inFolders = state.map(entitiesIn);
  const sockets = [...inFolders.flatMap((found) => found.sockets), ...config.map(socketOf)];
  return { sockets: [...new Set(sockets)], silent: inFolders.flatMap(({ silent }) => silent) };
}

/** The control socket of a configuration. @throws CliError `input`; ConfigError */
export function socketOf(file: string): string {
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

/** What came of asking all that are meant. */
export interface Asked<T> {
  readonly answers: readonly { readonly socket: string; readonly answer: T }[];
  readonly failures: readonly AskFailure[];
}

/** What is wrong with one of several, in a sentence, and what to do. */
export interface AskFailure {
  readonly text: string;
  readonly hint?: string | undefined;
}

/**
 * Asks one after the other, or all at once; one that does not answer keeps nobody from being asked, nor from being told of.
 * @throws as `entitiesOf`
 */
export async function askEach<T>(
  chosen: ChosenSocket,
  order: 'in turn' | 'at once',
  ask: (socket: string) => Promise<T>,
): Promise<Asked<T>> {
  const { sockets, silent } = entitiesOf(chosen);
  const answers: { socket: string; answer: T }[] = [];
  const failures: AskFailure[] = silent.map((text) => ({ text, hint: UNANSWERED }));
  const one = async (socket: string): Promise<void> => {
    try {
      answers.push({ socket, answer: await ask(socket) });
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      failures.push({ text: error.message, hint: error.hint });
    }
  };
  if (order === 'at once') await Promise.all(sockets.map(one));
  else for (const socket of sockets) await one(socket);
  const at = ({ socket }: { socket: string }): number => sockets.indexOf(socket);
  return { answers: answers.sort((a, b) => at(a) - at(b)), failures };
}

/** For a command that was to ask all of them. @throws CliError `failed` if one could not be asked */
export function requireAll({ answers, failures }: Asked<unknown>): void {
  if (failures.length === 0) return;
  throw ofSeveral(failures, answers.length + failures.length, 'could not be asked, or refused');
}

/** What to do about one that does not answer. */
const UNANSWERED = 'Does the entity run, and as the user who asks?';

/** What is wrong with some of several: each in a line; of one, that alone. */
export function ofSeveral(failures: readonly AskFailure[], all: number, what: string): CliError {
  const texts = failures.map(({ text }) => text);
  const lines = [`${failures.length} of ${all} ${what}:`, ...texts].join('\n  ');
  const hint = failures.find((each) => each.hint !== undefined)?.hint;
  return new CliError('failed', texts.length === 1 ? (texts[0] ?? '') : lines, hint);
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
  if (!('value' in problem)) throw new CliError('failed', `${socket}: refused: status ${status}`);
  const { detail, error } = problem.value;
  throw new CliError(
    'failed',
    `${socket}: refused: ${detail}`,
    error === undefined ? undefined : hintFor(error),
  );
}

const PROBLEM = new Form(Type.Object({ detail: Type.String(), error: Type.Optional(Type.String()) }));

/** Of a folder with state. */
interface State {
  readonly sockets: string[];
  /** What locks say, by the path of what is locked. */
  readonly notes: Map<string, LockNote>;
  readonly unreadable: string[];
}

function entitiesIn(folder: string): FoundEntities {
  const state: State = { sockets: [], notes: new Map(), unreadable: [] };
  lookInto(folder, DEPTH, state);
  const silent = [...state.unreadable, ...silentIn(state)];
  if (state.sockets.length > 0) return { sockets: state.sockets, silent };
  throw new CliError(
    'input',
    [`${folder} has no control socket`, ...silent].join('\n  '),
    'Does an entity run that has its state there?',
  );
}

function lookInto(folder: string, depth: number, state: State): void {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (cause) {
    const error = unreadable(`the folder ${folder}`, cause);
    if (depth === DEPTH) throw error;
    state.unreadable.push(messageOf(error));
    return;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const at = path.join(folder, entry.name);
    if (entry.isDirectory() && depth > 1) lookInto(at, depth - 1, state);
    if (entry.isSocket() && (entry.name === SOCKET_NAME || entry.name.endsWith(`.${SOCKET_NAME}`)))
      state.sockets.push(at);
    const note = entry.isFile() && LOCK_NOTE.test(entry.name) ? readLockNote(at) : null;
    if (note !== null) state.notes.set(at.replace(/[./]lock\.json$/, ''), note);
  }
}

/** Who locks state and has no control socket. */
const UNASKED: readonly string[] = ['ue', 'up', 'audit-repair'];

/** Entities that have, or had, their state there, and no socket. */
function silentIn({ sockets, notes }: State): string[] {
  const hasSocket = (place: string): boolean =>
    sockets.includes(`${place}.${SOCKET_NAME}`) || sockets.includes(path.join(place, SOCKET_NAME));
  const entities = new Map<string, { readonly note: LockNote; readonly places: string[] }>();
  for (const [place, note] of notes) {
    // One entity may have several locks, and took them at one time.
    const key = JSON.stringify([note.entity, note.pid, note.since]);
    const known = entities.get(key);
    if (known === undefined) entities.set(key, { note, places: [place] });
    else known.places.push(place);
  }
  return [...entities.values()].flatMap(({ note, places }) =>
    UNASKED.includes(note.entity) || places.some(hasSocket) ? [] : [silence(note, places[0] ?? '')],
  );
}

function silence({ entity, pid, since, until }: LockNote, place: string): string {
  const whose = `${entity} of ${place}`;
  if (until !== undefined) return `${whose} does not run: it ended at ${until}`;
  return isRunning(pid)
    ? `${whose} (process ${pid}, since ${since}) has no control socket there: name its configuration by --config`
    : `${whose} does not run: process ${pid}, since ${since}, is gone`;
}

const PLACES = new Form(STATE_PLACES);
const SCHEMA: TSchema = STATE_PLACES;

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
      const text = `no entity answers at ${socketPath}: ${whyOf(cause)}`;
      reject(new CliError('failed', text, UNANSWERED, { cause }));
    });
    asked.end(json);
  });
}

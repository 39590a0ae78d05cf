/**
 * The control socket: HTTP over a Unix socket beside the entity's state, for whoever may use the state's files.
 *
 *     GET  /status       the status, JSON           GET  /log-level   { level }
 *     GET  /health       { ready, reasons }         POST /log-level   { level }
 *     GET  /metrics      Prometheus                 POST /drain       { ms } → { drained }
 *     POST /reload       what was taken, what was not           POST /backup { to, recipient } → the manifest
 *
 * The socket is made for its owner alone (0600). What a crash has left there is replaced; whoever opens it holds the lock
 * on the state, so nobody else listens there, unless two entities were given one path: then the second does not start.
 */
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';
import fastify from 'fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import Type from 'typebox';
import { ClavigerError } from '../bytes/errors.ts';
import type { Logger } from '../bytes/ports.ts';
import { Form, faultText, strict } from '../bytes/schema.ts';
import { sendProblem, useProblems } from '../net/problem.ts';
import { filePath } from './config-paths.ts';
import { LOG_LEVELS } from './log.ts';
import { METRICS_TYPE } from './metrics.ts';
import type { Operated } from './operated.ts';

export type ControlErrorCode =
  /** The path has too many octets for a Unix socket. */
  | 'path-too-long'
  /** Something else is at the path, or somebody listens there. */
  | 'in-the-way';

/** A control socket that cannot be opened. */
export class ControlError extends ClavigerError<ControlErrorCode> {}

/** Settings by which an entity's state is found, of whatever entity. */
export interface StatePlaces {
  readonly controlSocket?: string | undefined;
  readonly state?: string | undefined;
  readonly folder?: string | undefined;
  readonly store?: string | undefined;
  readonly x1?: object | undefined;
  /** What the process does of the entity; absent: all. */
  readonly roles?: readonly string[] | undefined;
  readonly database?: object | undefined;
  readonly audit?: string | undefined;
}

/** Of any configuration the settings by which the state is found; the others are passed over. */
export const STATE_PLACES = Type.Object({
  controlSocket: Type.Optional(filePath('path of the control socket')),
  state: Type.Optional(filePath('folder of a KMS')),
  folder: Type.Optional(filePath('folder of a LEMF')),
  store: Type.Optional(filePath('store of a DF or ADMF')),
  x1: Type.Optional(Type.Object({ store: Type.Optional(filePath('store of an element')) })),
  roles: Type.Optional(Type.Array(Type.String())),
  database: Type.Optional(Type.Object({})),
  audit: Type.Optional(filePath('audit log of an entity whose store is in a database')),
});

export const SOCKET_NAME = 'control.sock';

/** Parts of a DF that keep nothing. */
const WITHOUT_STATE: readonly string[] = ['intake', 'delivery'];
/** Octets of a path that a socket can have (`sun_path`, with its end). */
const LONGEST_PATH = 107;
/** Milliseconds for requests that are under way when the entity stops. */
const CLOSING_MS = 2_000;

/** Where the control socket of an entity is; `null`: its state is in memory alone, and there is none. */
export function controlPathOf(places: StatePlaces): string | null {
  const { controlSocket, state, folder, store, x1, roles, database, audit } = places;
  if (controlSocket !== undefined) return controlSocket;
  const home = state ?? folder;
  if (home !== undefined) return path.join(home, SOCKET_NAME);
  if (store === undefined && database !== undefined && audit !== undefined) return `${audit}.${SOCKET_NAME}`;
  const file = store ?? (x1 !== undefined && 'store' in x1 ? x1.store : undefined);
  if (typeof file !== 'string' || file === ':memory:') return null;
  // A role that has none of the state has a socket of its own, beside that of the process that has it.
  const [role = '', ...others] = roles ?? [];
  return WITHOUT_STATE.includes(role) && others.length === 0
    ? `${file}.${role}.${SOCKET_NAME}`
    : `${file}.${SOCKET_NAME}`;
}

export class ControlSocket {
  readonly #path: string;
  readonly #server: Server;
  readonly #app: FastifyInstance;

  private constructor(at: string, server: Server, app: FastifyInstance) {
    this.#path = at;
    this.#server = server;
    this.#app = app;
  }

  /** Called under the lock on the state. @throws ControlError */
  static async open(at: string, operated: Operated, logger: Logger): Promise<ControlSocket> {
    if (Buffer.byteLength(at) > LONGEST_PATH)
      throw new ControlError(
        'path-too-long',
        `the control socket ${at} has ${Buffer.byteLength(at)} octets, ${LONGEST_PATH} are possible: name a shorter path by the setting controlSocket`,
      );
    await clear(at);
    const made: { server: Server | null } = { server: null };
    const app = fastify({
      bodyLimit: 1 << 16,
      serverFactory: (handler) => (made.server = createServer(handler)),
    });
    mount(app, operated, logger);
    await app.ready();
    const { server } = made;
    if (server === null) throw new ControlError('in-the-way', 'no server was made');
    await listenPrivately(server, at);
    return new ControlSocket(at, server, app);
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    const last = setTimeout(() => this.#server.closeAllConnections(), CLOSING_MS);
    await closed;
    clearTimeout(last);
    await this.#app.close();
    rmSync(this.#path, { force: true });
  }
}

const LEVEL = new Form(strict({ level: Type.Enum([...LOG_LEVELS]) }));
const DRAIN = new Form(strict({ ms: Type.Integer({ minimum: 0, maximum: 3_600_000, default: 10_000 }) }));

const BACKUP = new Form(
  strict({
    to: Type.String({ pattern: '^/', errorMessage: 'an absolute path' }),
    recipient: Type.Optional(Type.String()),
  }),
);

function mount(app: FastifyInstance, operated: Operated, logger: Logger): void {
  useProblems(app, (error) => logger.error({ err: error }, 'a request at the control socket failed'));
  app.get('/status', () => operated.status());
  app.get('/health', async () => {
    const { ready, reasons } = await operated.status();
    return { ready, reasons };
  });
  app.get('/metrics', async (_request, reply) => reply.type(METRICS_TYPE).send(await operated.metrics()));
  app.post('/reload', () => operated.reload());
  app.get('/log-level', () => ({ level: operated.level() }));
  app.post('/log-level', (request, reply) => {
    const read = LEVEL.read(request.body);
    if (!('value' in read)) return refuse(reply, read.faults);
    return told(reply, () => {
      operated.setLevel(read.value.level);
      return { level: operated.level() };
    });
  });
  app.post('/backup', async (request, reply) => {
    const read = BACKUP.read(request.body);
    if (!('value' in read)) return refuse(reply, read.faults);
    return told(reply, () => operated.backup(read.value));
  });
  app.post('/drain', async (request, reply) => {
    const read = DRAIN.read(request.body ?? {});
    if (!('value' in read)) return refuse(reply, read.faults);
    return told(reply, async () => ({ drained: await operated.drain(read.value.ms) }));
  });
}

/** What comes of it, or why it was not done, with the kind of error by which whoever asked knows what to do. */
async function told(reply: FastifyReply, act: () => unknown): Promise<unknown> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof ClavigerError)) throw error;
    return sendProblem(reply, 400, error.message, { error: `${error.name} ${String(error.code)}` });
  }
}

function refuse(
  reply: FastifyReply,
  faults: readonly Parameters<typeof faultText>[0][],
): ReturnType<typeof sendProblem> {
  return sendProblem(reply, 400, faults.map((fault) => faultText(fault, 'the body', 'member')).join('; '));
}

/** Takes away the socket of a process that is no more. */
async function clear(at: string): Promise<void> {
  const found = lstatSync(at, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new ControlError('in-the-way', `${at} is in the way of the control socket`);
  if (await answers(at)) throw new ControlError('in-the-way', `another process listens at ${at}`);
  rmSync(at);
}

function answers(at: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(at);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** The socket is made under a mask, so that it is nobody else's at any moment; a worker thread has no mask to set. */
async function listenPrivately(server: Server, at: string): Promise<void> {
  const listening = new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });
  const mask = isMainThread ? process.umask(0o177) : null;
  try {
    server.listen(at);
  } finally {
    if (mask !== null) process.umask(mask);
  }
  await listening;
  chmodSync(at, 0o600);
}

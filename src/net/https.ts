/**
 * HTTPS as all our interfaces use it: a fastify server under the TLS profile (HTTP/2 with HTTP/1.1 by ALPN), and a
 * client that goes where the host map says while the certificate must bear the real name.
 */
import type { Http2SecureServer, Http2ServerRequest } from 'node:http2';
import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as passed } from 'node:timers/promises';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastify from 'fastify';
import { Agent, buildConnector, request } from 'undici';
import type { Dispatcher } from 'undici';
import { ClavigerError } from '../bytes/errors.ts';
import { systemWords, whyOf } from '../bytes/system-errors.ts';
import type { Logger } from '../bytes/ports.ts';
import { present } from '../bytes/present.ts';
import type { HostMap } from './hosts.ts';
import { ConnectionGuard } from './connections.ts';
import type { ConnectionLimits } from './connections.ts';
import { followTls, LiveTrust, showsRevoked } from './live-tls.ts';
import { mutualServer, NO_RESUMPTION, peerOf, secureContext } from './tls.ts';
import type { Peer, TlsMaterial, TrustMaterial } from './tls.ts';

export type HttpsErrorCode =
  /** No connection, or one that is not of the peer that was asked for. */
  | 'unreachable'
  /** No answer in time. */
  | 'timeout'
  /** The answer has more octets than are read. */
  | 'too-large';

/** A request that got no HTTP answer. */
export class HttpsError extends ClavigerError<HttpsErrorCode> {}

/** Clients that do not take their answers in this time keep no server from closing. */
const CLOSING_MS = 3_000;
/**
 * Connections of a client to one server, each with one POST at a time; what is more waits. Below the servers' `perPeer`.
 */
const CLIENT_CONNECTIONS = 16;
/** Streams of one HTTP/2 session at a time. */
const MOST_STREAMS = 100;

export interface HttpsServerOptions {
  /** The interface, for the log. */
  readonly name: string;
  readonly logger: Logger;
  /** Where the bounds of connections are others than `CONNECTION_LIMITS`. */
  readonly limits?: Partial<ConnectionLimits> | undefined;
  readonly tls: TlsMaterial;
  /** `mutual`: a client certificate is demanded; `server`: the server alone shows one (PPS, REQUEST_KEY). */
  readonly authentication: 'mutual' | 'server';
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** Octets of a request body at most; default 1 MiB. */
  readonly bodyLimit?: number;
  /** Whether TLS sessions may be resumed; default: yes. */
  readonly resumption?: boolean;
}

/** A fastify instance on HTTPS, without routes; `application/json` is parsed, add parsers for other types. */
export function httpsServer(options: HttpsServerOptions): FastifyInstance {
  const minVersion = options.minVersion ?? 'TLSv1.2';
  const context = (): SecureContextOptions => ({
    ...secureContext(options.tls, minVersion),
    ...(options.resumption === false ? NO_RESUMPTION : {}),
  });
  const mutual = options.authentication === 'mutual' ? mutualServer(options.tls, minVersion) : {};
  const server = fastify({
    http2: true,
    https: {
      ...mutual,
      ...context(),
      allowHTTP1: true,
      settings: { maxConcurrentStreams: MOST_STREAMS },
    },
    bodyLimit: options.bodyLimit ?? 1 << 20,
    forceCloseConnections: true,
    http2SessionTimeout: 0,
  }) as unknown as FastifyInstance;
  guard(server, options);
  followTls(server.server as unknown as Http2SecureServer, options.tls, context, () =>
    connectionsOf(server).cutRevoked((socket) => showsRevoked(socket, options.tls)),
  );
  return server;
}

/** The bounds of a server's connections, with their counters. */
export function connectionsOf(server: FastifyInstance): ConnectionGuard {
  const found = GUARDS.get(server.server);
  if (found === undefined) throw new HttpsError('unreachable', 'not a server of httpsServer');
  return found;
}

const GUARDS = new WeakMap<object, ConnectionGuard>();
/** What each server goes by. */
const MATERIAL = new WeakMap<object, TlsMaterial>();

function guard(server: FastifyInstance, options: HttpsServerOptions): void {
  const mutual = options.authentication === 'mutual';
  const connections = new ConnectionGuard({ ...options, limits: options.limits ?? {}, mutual });
  GUARDS.set(server.server, connections);
  MATERIAL.set(server.server, options.tls);
  const events = server.server as unknown as Http2SecureServer;
  connections.watch(events);
  if (mutual)
    events.on('secureConnection', (socket: TLSSocket) => countPeer(connections, socket, options.tls));
  events.on('session', (session) => connections.speaksHttp2(session.socket, session));
  events.on('request', (request, response) => connections.exchange(socketOf(request), { request, response }));
  // The hook does not wait: fastify, and with it the handlers' own hooks, goes on beside it.
  server.addHook('preClose', (done) => {
    void connections.close(CLOSING_MS);
    done();
  });
}

function countPeer(connections: ConnectionGuard, socket: TLSSocket, own: TlsMaterial): void {
  if (socket.authorized) connections.identified(socket, peerOf(socket, own).fingerprint);
}

type RawRequest = Pick<Http2ServerRequest, 'socket'> & {
  readonly stream?: { readonly session?: { readonly socket?: unknown } | undefined };
};

/** The connection that a request came on; a stream of HTTP/2 has it through its session. */
function socketOf(request: RawRequest): TLSSocket {
  return (request.stream?.session?.socket ?? request.socket) as TLSSocket;
}

/** Listens on `address:port` (0: any free port) and returns the port. */
export async function listen(server: FastifyInstance, address: string, port: number): Promise<number> {
  await server.listen({ host: address, port });
  const bound = server.server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}

/** The mutually authenticated client of a request, over HTTP/1.1 or HTTP/2. */
export function peerOfRequest(request: FastifyRequest): Peer {
  return peerOf(socketOf(request.raw), MATERIAL.get(request.server.server));
}

/** Does the work for a reply; the signal is aborted when the client goes before it is sent. */
export type Answering = <T>(reply: FastifyReply, work: (gone: AbortSignal) => Promise<T>) => Promise<T>;

/**
 * For handlers whose work takes time: `close` waits for what is under way, so that it is recorded and whoever asked gets the
 * answer.
 */
export function answering(server: FastifyInstance): Answering {
  const underWay = new Set<Promise<unknown>>();
  server.addHook('preClose', async () => {
    await Promise.race([Promise.allSettled(underWay), passed(CLOSING_MS, undefined, { ref: false })]);
  });
  return (reply, work) => {
    const gone = new AbortController();
    const closed = new Promise<void>((resolve) => {
      reply.raw.once('close', () => {
        if (!reply.raw.writableEnded) gone.abort();
        resolve();
      });
    });
    const done = work(gone.signal);
    const answered: Promise<unknown> = Promise.allSettled([done, closed]).then(() =>
      underWay.delete(answered),
    );
    underWay.add(answered);
    return done;
  };
}

export interface HttpsClientOptions {
  readonly hosts: HostMap;
  /** Authorities that servers must chain to; with `certificate` and `privateKey`, the client authenticates too. */
  readonly tls: TrustMaterial & Partial<TlsMaterial>;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** Milliseconds for a whole exchange; default 10,000. */
  readonly timeoutMs?: number;
  /** Octets of an answer at most; default 4 MiB. */
  readonly answerLimit?: number;
  /** Milliseconds without a request after which connections are closed: before a server does it; default 30,000. */
  readonly idleMs?: number;
}

export interface HttpsAnswer {
  readonly status: number;
  readonly contentType: string;
  /** The Link field (RFC 8288); empty if there is none. */
  readonly link: string;
  /** The Retry-After field (RFC 9110 10.2.3); empty if there is none. */
  readonly retryAfter: string;
  /** The Date field (RFC 9110 6.6.1), Unix milliseconds; `null` if there is none. */
  readonly date: number | null;
  readonly body: Uint8Array;
}

/** An answer whose body comes bit by bit. */
export interface StreamedAnswer extends Pick<HttpsAnswer, 'status' | 'contentType'> {
  readonly body: Readable;
}

/** Milliseconds after which to ask again by a Retry-After field: seconds or a date; `null`: it does not say. */
export function retryAfterMs(field: string, now: number): number | null {
  const text = field.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = /^[A-Z][a-z]+,? /.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

function dateOf(field: string): number | null {
  const date = Date.parse(field);
  return Number.isNaN(date) ? null : date;
}

/** A client with kept-alive connections (HTTP/2 where the server speaks it). */
export class HttpsClient {
  readonly #newAgent: () => Agent;
  #agent: Agent;
  #open = 0;
  #idle: NodeJS.Timeout | null = null;
  readonly #idleMs: number;
  #unfollow: () => void = () => undefined;
  readonly #timeoutMs: number;
  readonly #answerLimit: number;

  constructor(options: HttpsClientOptions) {
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#answerLimit = options.answerLimit ?? 4 << 20;
    this.#idleMs = options.idleMs ?? 30_000;
    this.#newAgent = () => {
      const connect = buildConnector({
        ca: options.tls.authorities,
        ...(options.tls.revocation === undefined ? {} : { crl: [...options.tls.revocation.pem] }),
        ...present({ cert: options.tls.certificate, key: options.tls.privateKey }),
        minVersion: options.minVersion ?? 'TLSv1.2',
        allowH2: true,
        timeout: this.#timeoutMs,
      });
      return new Agent({
        allowH2: true,
        connections: CLIENT_CONNECTIONS,
        bodyTimeout: this.#timeoutMs,
        headersTimeout: this.#timeoutMs,
        connect: (target, done) => {
          const port = Number(target.port === '' ? 443 : target.port);
          const endpoint = options.hosts.resolve(target.hostname, port);
          connect(
            {
              ...target,
              hostname: endpoint.address,
              port: String(endpoint.port),
              ...(isIP(target.hostname) === 0 ? { servername: target.hostname } : {}),
            },
            done,
          );
        },
      });
    };
    this.#agent = this.#newAgent();
    if (options.tls instanceof LiveTrust) this.#unfollow = options.tls.follow(() => this.#renew());
  }

  /**
   * One request; any HTTP status is an answer.
   * @throws HttpsError where there is none
   */
  async request(
    method: Dispatcher.HttpMethod,
    url: string,
    body?: { readonly type: string; readonly octets: Uint8Array },
  ): Promise<HttpsAnswer> {
    const signal = AbortSignal.timeout(this.#timeoutMs);
    this.#begin();
    try {
      const answer = await request(url, {
        method,
        dispatcher: this.#agent,
        signal,
        ...(body === undefined
          ? {}
          : {
              body: body.octets,
              headers: { 'content-type': body.type, 'content-length': String(body.octets.length) },
            }),
      });
      return {
        status: answer.statusCode,
        contentType: fieldOf(answer.headers, 'content-type'),
        link: fieldOf(answer.headers, 'link'),
        retryAfter: fieldOf(answer.headers, 'retry-after'),
        date: dateOf(fieldOf(answer.headers, 'date')),
        body: await this.#collect(answer.body),
      };
    } catch (cause) {
      if (cause instanceof HttpsError) throw cause;
      const code = signal.aborted ? 'timeout' : 'unreachable';
      throw new HttpsError(code, `no answer from ${url}: ${reasonOf(cause)}`, { cause });
    } finally {
      this.#end();
    }
  }

  /**
   * A GET whose answer goes on for as long as something comes within `silenceMs`; whoever asks takes it, or aborts it.
   * @throws HttpsError where there is no answer
   */
  async stream(url: string, signal: AbortSignal, silenceMs: number): Promise<StreamedAnswer> {
    this.#begin();
    try {
      const answer = await request(url, { dispatcher: this.#agent, signal, bodyTimeout: silenceMs });
      answer.body.once('close', () => this.#end());
      const { statusCode: status, headers, body } = answer;
      return { status, contentType: fieldOf(headers, 'content-type'), body };
    } catch (cause) {
      this.#end();
      throw new HttpsError('unreachable', `no answer from ${url}: ${reasonOf(cause)}`, { cause });
    }
  }

  async close(): Promise<void> {
    this.#unfollow();
    if (this.#idle !== null) clearTimeout(this.#idle);
    await this.#agent.destroy();
  }

  /** New requests go over new connections; those under way end on the old ones. */
  #renew(): void {
    const old = this.#agent;
    this.#agent = this.#newAgent();
    void old.close();
  }

  #begin(): void {
    this.#open += 1;
    if (this.#idle !== null) clearTimeout(this.#idle);
  }

  /** A request on a connection that the server is about to end would get no answer: idle ones are ended here first. */
  #end(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    this.#idle = setTimeout(() => {
      const idle = this.#agent;
      this.#agent = this.#newAgent();
      void idle.destroy();
    }, this.#idleMs);
    this.#idle.unref();
  }

  async #collect(body: AsyncIterable<unknown>): Promise<Uint8Array> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of body) {
      const octets = Buffer.from(chunk as Uint8Array);
      length += octets.length;
      if (length > this.#answerLimit) throw new HttpsError('too-large', 'the answer is too large');
      chunks.push(octets);
    }
    return new Uint8Array(Buffer.concat(chunks));
  }
}

function fieldOf(headers: Dispatcher.ResponseData['headers'], name: string): string {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}

/** What the system says in words, else OpenSSL's code; the codes of the HTTP client, and numbers, say less than words. */
function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  if (code === '' || code.startsWith('UND_ERR_') || systemWords(code) !== null) return whyOf(cause);
  return code;
}

/**
 * The console of a laboratory: the page on loopback, for a browser that has no certificate. What the page asks goes on to
 * the ADMF with the certificate of one officer of the laboratory, or to the LEMF with that of an analyst, and is on record
 * there as that person's.
 *
 *     browser ─ http, 127.0.0.1 ─► bridge ─ https, the person's certificate ─► the ADMF's door for officers, or the LEMF's for analysts
 *
 *     /open/TOKEN        once: gives the browser its session, and leads to the page
 *     /SESSION/console/  the page
 *     /SESSION/v1/…      the interface of that door
 *     /SESSION/…         what there is beside it (`beside.ts`)
 *
 * Others on the machine, and pages of other sites in the same browser, are kept out so:
 *
 *     who                                        by
 *     another user, without the link             the cookie of the session: HttpOnly, SameSite=Strict, for its path alone
 *     who has seen the link                      it works once
 *     a site whose name leads here (rebinding)   Host, which must be this address and port
 *     a page of another site or port             Sec-Fetch-Site and Origin; for what changes anything, a header as well
 *                                                that no other site can have a browser send
 *     another server on loopback                 cookies go to every port, but not to every path: none has this one
 */
import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastify from 'fastify';
import { utf8 } from '../bytes/octets.ts';
import type { Logger, Random } from '../bytes/ports.ts';
import type { OfficerConfig } from '../entities/admf/config-officer.ts';
import { EVENT_LIMITS } from '../net/event-streams.ts';
import { HostMap } from '../net/hosts.ts';
import { HttpsClient, HttpsError, listen } from '../net/https.ts';
import { PAGE_HEADERS, servePages } from '../net/pages.ts';
import type { PageFiles } from '../net/pages.ts';
import { sendProblem } from '../net/problem.ts';
import type { TlsMaterial } from '../net/tls.ts';
import { markup } from '../views/markup.ts';
import { EVENTS_PATH } from '../wire/officers/events.ts';
import { serveBeside } from './beside.ts';
import type { CallingLaboratory } from './beside.ts';

const ADDRESS = '127.0.0.1';
/** Octets of what is sent, and of what that is answered, at most. */
const BODY_LIMIT = 4 << 20;
const ANSWER_LIMIT = 4 << 20;
/** Connections of browsers at most. */
const CONNECTIONS = 64;
/** Milliseconds without a heartbeat after which the ADMF is taken for gone. */
const SILENCE_MS = 3 * EVENT_LIMITS.heartbeatMs;
/** Octets of token, session and the path of the session. */
const SECRET_OCTETS = 32;
const PATH_OCTETS = 16;

export interface BridgeOptions {
  readonly pages: PageFiles;
  /** Whose certificate it shows, and to whom. */
  readonly officer: Pick<OfficerConfig, 'url' | 'hosts' | 'timeoutMs' | 'lemf' | 'entities'>;
  readonly tls: TlsMaterial;
  readonly random: Random;
  readonly logger: Logger;
  /** 0: any free one. */
  readonly port: number;
  /** Whose phones can be told to call; absent: none. */
  readonly laboratory?: CallingLaboratory;
}

export interface Bridge {
  /** The link that works once. */
  readonly link: string;
  readonly port: number;
  close(): Promise<void>;
}

export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { officer, tls, random, logger } = options;
  const client = new HttpsClient({
    ...{ hosts: new HostMap(officer.hosts), tls, timeoutMs: officer.timeoutMs, answerLimit: ANSWER_LIMIT },
  });
  const secret = (octets: number): string => Buffer.from(random.bytes(octets)).toString('base64url');
  const session = new Session(secret(SECRET_OCTETS), secret(SECRET_OCTETS), secret(PATH_OCTETS));
  const server = fastify({
    ...{ bodyLimit: BODY_LIMIT, forceCloseConnections: true, exposeHeadRoutes: false },
  }) as unknown as FastifyInstance;
  server.server.maxConnections = CONNECTIONS;
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error instanceof HttpsError ? 502 : (error.statusCode ?? 500);
    if (status >= 500) logger.warn({ error }, 'the console could not ask its server');
    const detail = status === 502 ? 'the server does not answer' : 'the request cannot be used';
    return sendProblem(reply, status, detail, { code: status === 502 ? 'unreachable' : 'http' });
  });
  server.setNotFoundHandler((_request, reply) => sendProblem(reply, 404, 'no such resource'));
  server.addHook('onRequest', async (request, reply) => {
    const why = session.refusalOf(request);
    if (why !== null) await sendProblem(reply, why.status, why.detail, { code: why.code });
  });
  server.get<{ Params: { token: string } }>('/open/:token', (request, reply) =>
    session.opened(request.params.token, reply),
  );
  servePages(server, `${session.path}/console`, options.pages);
  passOn(server, session.path, officer, client);
  serveBeside(server, session.path, { officer, client, laboratory: options.laboratory ?? null });
  try {
    const port = await listen(server, ADDRESS, options.port);
    session.authority = `${ADDRESS}:${port}`;
    const close = async (): Promise<void> => {
      await server.close();
      await client.close();
    };
    return { port, link: session.link, close };
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** Who may ask, and how they come to. */
class Session {
  /** Host and port that a browser must name. */
  authority = '';
  #token: string | null;
  readonly #cookie: string;
  readonly path: string;

  constructor(token: string, cookie: string, path: string) {
    this.#token = token;
    this.#cookie = cookie;
    this.path = `/${path}`;
  }

  get link(): string {
    return `http://${this.authority}/open/${this.#token ?? ''}`;
  }

  /** Why a request is not taken; `null`: it is. */
  refusalOf({ method, url, headers }: FastifyRequest): {
    readonly status: number;
    readonly code: string;
    readonly detail: string;
  } | null {
    const { host, origin, cookie, 'sec-fetch-site': site = 'none' } = headers;
    const forbidden = (detail: string) => ({ status: 403, code: 'cross-site', detail });
    if (host !== this.authority) return forbidden('the request is for another host');
    if (origin !== undefined && origin !== `http://${this.authority}`)
      return forbidden('the page of another site has asked for it');
    if (url.startsWith('/open/')) return null;
    if (site !== 'same-origin' && site !== 'none')
      return forbidden('the page of another site has asked for it');
    if (method !== 'GET' && headers['x-claviger-console'] === undefined)
      return forbidden('no page of the console has asked for it');
    if (this.#isOpen(cookie)) return null;
    return {
      status: 401,
      code: 'closed',
      detail: 'this browser has no session: open the link of the console',
    };
  }

  /** Gives the browser its session, once. */
  opened(token: string, reply: FastifyReply): FastifyReply {
    void reply.headers({ ...PAGE_HEADERS, 'cache-control': 'no-store' });
    if (this.#token === null || !isSame(token, this.#token))
      return sendProblem(reply, 403, 'the link has been used, or is not the one of this console', {
        code: 'link-used',
      });
    this.#token = null;
    const cookie = `${COOKIE}=${this.#cookie}; HttpOnly; SameSite=Strict; Path=${this.path}/`;
    // Not redirected: that would go on as the navigation of whatever page or file has the link, without the cookie.
    return reply
      .headers({ 'set-cookie': cookie, refresh: `0; url=${this.path}/console/` })
      .type('text/html; charset=utf-8')
      .send(onTheWay(`${this.path}/console/`));
  }

  #isOpen(field: string | undefined): boolean {
    const pairs = (field ?? '').split(';').map((pair) => pair.trim().split('='));
    return pairs.some(([name, value = '']) => name === COOKIE && isSame(value, this.#cookie));
  }
}

const COOKIE = 'claviger-console';

/** What a browser has until it goes on, with the icon of the page: for one it would ask elsewhere. */
function onTheWay(page: string): string {
  const icon = markup`<link rel="icon" href="${page}icon.svg">`;
  return markup`<!doctype html><html lang="en">${icon}<title>Claviger</title><a href="${page}">Console</a></html>\n`.toString();
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [utf8(given), utf8(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** What is below `/v1/` goes to the server as it is, and its answer back, bit by bit: recordings may be long. */
function passOn(
  server: FastifyInstance,
  path: string,
  { url: origin, timeoutMs }: Pick<OfficerConfig, 'url' | 'timeoutMs'>,
  client: HttpsClient,
): void {
  const targetOf = ({ url }: FastifyRequest): string => origin + url.slice(path.length);
  const streamed =
    (silenceMs: number) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const { status, contentType, body } = await client.stream(targetOf(request), gone.signal, silenceMs);
      // What breaks off there ends here: the browser asks again.
      body.once('error', () => reply.raw.destroy());
      return reply.code(status).type(contentType).header('cache-control', 'no-store').send(body);
    };
  server.get(path + EVENTS_PATH, streamed(SILENCE_MS));
  server.get(`${path}/v1/*`, streamed(timeoutMs));
  server.post(`${path}/v1/*`, async (request, reply) => {
    const { body } = request;
    const sent = body instanceof Uint8Array ? { type: 'application/json', octets: body } : undefined;
    const answer = await client.request('POST', targetOf(request), sent);
    return reply
      .code(answer.status)
      .type(answer.contentType)
      .header('cache-control', 'no-store')
      .send(Buffer.from(answer.body));
  });
}

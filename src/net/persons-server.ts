/**
 * A door for people: HTTPS with X.509 on both sides, errors as problem details (RFC 9457) with the member `code`. Who a
 * person is, and what they may do, is in their certificate (`persons.ts`); every call is on record before it is answered
 * (`person-calls.ts`), here or where the answer comes from, and what cannot be put on record is answered 503.
 *
 *     connection ─► a person, else 403 ─► the role, else 403 ─► on record, if it changes anything ─► the route ─► on record ─► the answer
 */
import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ClavigerError } from '../bytes/errors.ts';
import type { Clock } from '../bytes/ports.ts';
import { EvidenceError } from '../evidence/log.ts';
import type { AuditLog } from '../evidence/log.ts';
import { RefusalLog } from '../evidence/refusals.ts';
import { answering, connectionsOf, httpsServer, peerOfRequest } from './https.ts';
import type { HttpsServerOptions } from './https.ts';
import { CallRecord } from './person-calls.ts';
import { personOf } from './persons.ts';
import type { Person } from './persons.ts';
import { problemOf, sendProblem } from './problem.ts';
import type { PersonRole } from './tls.ts';

export type PersonRefusalCode =
  /** The certificate is not that of one person who is admitted. */
  | 'not-admitted'
  /** A page of another site has a browser ask. */
  | 'cross-site'
  /** The person does not have the role that the call needs. */
  | 'role'
  /** The person has as many streams of events as they may have, or nobody may have more. */
  | 'too-many-streams'
  /** If-Match is not one entity tag, or is of another generation than the body. */
  | 'if-match';

/** A call at a door for people that is refused by who makes it, or how. */
export class PersonRefusal extends ClavigerError<PersonRefusalCode> {}

/** HTTP status of each refusal. */
export const PERSON_STATUS: Readonly<Record<PersonRefusalCode, number>> = {
  'if-match': 400,
  'not-admitted': 403,
  'cross-site': 403,
  role: 403,
  'too-many-streams': 429,
};

export interface PersonCall {
  readonly person: Person;
  /** Of the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
  /** By If-Match; `null`: it says nothing. */
  readonly generation: number | null;
}

export interface PersonAnswer {
  /** Default: 200. */
  readonly status?: number;
  /** What goes out as JSON; or octets, as they are. */
  readonly body: object | PersonOctets;
  /** For ETag. */
  readonly generation?: number;
  /** Where what was made is. */
  readonly location?: string;
}

/** An answer that is not JSON. */
export class PersonOctets {
  /** For Content-Type. */
  readonly type: string;
  readonly octets: Readable;
  /** `null`: not known before its end. */
  readonly length: number | null;

  constructor(type: string, octets: Readable, length: number | null = null) {
    this.type = type;
    this.octets = octets;
    this.length = length;
  }
}

export interface PersonRoute {
  readonly method: 'GET' | 'POST';
  /** As fastify has it. */
  readonly path: string;
  /** One of these is needed. */
  readonly roles: readonly PersonRole[];
  readonly answer: (call: PersonCall) => PersonAnswer | Promise<PersonAnswer>;
  /** Whether such a call is on record where the answer comes from, as far as it is at all: here are refusals of the door then. */
  readonly isRecordedThere?: boolean;
}

/** A route that is answered with events, until they end. */
export interface PersonStreamRoute extends Pick<PersonRoute, 'path' | 'roles'> {
  readonly method: 'GET';
  /** Content-Type. */
  readonly type: string;
  /** @throws PersonRefusal */
  readonly stream: (call: Pick<PersonCall, 'person' | 'query'>) => Readable;
}

export interface PersonsServerOptions extends Pick<
  HttpsServerOptions,
  'name' | 'tls' | 'logger' | 'limits' | 'bodyLimit'
> {
  /** Of the people, in the names of records: `officer`. */
  readonly kind: string;
  /** What the door is for; a certificate with none of these is nobody's. */
  readonly roles: readonly PersonRole[];
  readonly routes: readonly PersonRoute[];
  readonly streams: readonly PersonStreamRoute[];
  /** Who is admitted, as the setting `peers` has it. */
  readonly names: readonly string[];
  readonly audit: Pick<AuditLog, 'append'>;
  readonly clock: Clock;
  /** HTTP status of what routes refuse, and what is said of it if not what the error says; `null`: it is not a refusal of theirs. */
  readonly statusOf: (
    error: Error,
  ) => { readonly status: number; readonly code: string; readonly detail?: string } | null;
}

export function personsServer(options: PersonsServerOptions): FastifyInstance {
  const { routes, streams, names, roles: offered, logger, audit, clock, kind } = options;
  const server = httpsServer({ ...options, authentication: 'mutual', resumption: false });
  server.removeContentTypeParser('text/plain');
  const record = new CallRecord(audit, new RefusalLog(audit, clock), kind);
  const persons = new WeakMap<FastifyRequest, Person>();
  const codes = new WeakMap<FastifyReply, string>();
  const recordedThere = new WeakSet<FastifyRequest>();

  server.addHook('onRequest', (request, _reply, done) => {
    const person = personOf(peerOfRequest(request), names, offered);
    if (person !== null) persons.set(request, person);
    if (person === null) done(notAdmitted());
    else done(isOfAnotherSite(request) ? crossSite() : undefined);
  });

  server.addHook('onSend', (request, reply, payload, done) => {
    const person = persons.get(request);
    try {
      if (person === undefined) record.refused(peerOfRequest(request), request);
      else if (!recordedThere.has(request))
        record.answered(person, request, reply.statusCode, codes.get(reply) ?? null);
      done(null, payload);
    } catch (error) {
      logger.error({ error }, `a call of an ${kind} could not be put on record, and is not answered`);
      reply.removeHeader('etag').removeHeader('location').removeHeader('content-length');
      const unrecorded = problemOf(503, 'the call could not be put on record', { code: 'not-written' });
      void reply.code(503).type('application/problem+json');
      done(null, unrecorded);
    }
  });

  server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const { status, code, detail } = refusalOf(error, options);
    if (status >= 500) logger.error({ error }, `a call of an ${kind} failed`);
    codes.set(reply, code);
    return sendProblem(reply.header('cache-control', 'no-store'), status, detail, { code });
  });
  server.setNotFoundHandler((_request, reply) => {
    codes.set(reply, 'no-resource');
    return sendProblem(reply, 404, 'no such resource', { code: 'no-resource' });
  });

  const personOfCall = (request: FastifyRequest, roles: readonly PersonRole[]): Person => {
    const person = persons.get(request);
    if (person === undefined) throw notAdmitted();
    requireRole(person, roles);
    return person;
  };
  const answerBy = answering(server);
  for (const { method, path, roles, answer, isRecordedThere = false } of routes) {
    server.route<{ Params: Record<string, string> }>({
      method,
      url: path,
      handler: async (request, reply) => {
        const person = personOfCall(request, roles);
        if (isRecordedThere) recordedThere.add(request);
        const { params, query, body, headers } = request;
        const generation = generationOf(headers['if-match']);
        if (method === 'POST') record.asked(person, request);
        const call = { person, params, query, body, generation };
        return sendAnswer(reply, await answerBy(reply, async () => answer(call)));
      },
    });
  }
  for (const { method, path, roles, type, stream } of streams) {
    server.route({
      ...{ method, url: path, exposeHeadRoute: false },
      handler: (request, reply) => {
        const person = personOfCall(request, roles);
        const events = stream({ person, query: request.query });
        // An answer that never went out is not left by a reader.
        reply.raw.once('close', () => events.destroy());
        connectionsOf(server).lasts(reply.raw);
        return reply.type(type).header('cache-control', 'no-store').send(events);
      },
    });
  }
  return server;
}

function sendAnswer(reply: FastifyReply, answered: PersonAnswer): FastifyReply {
  void reply.code(answered.status ?? 200).header('cache-control', 'no-store');
  if (answered.generation !== undefined) void reply.header('etag', `"${answered.generation}"`);
  if (answered.location !== undefined) void reply.header('location', answered.location);
  const { body } = answered;
  if (!(body instanceof PersonOctets))
    return reply.type('application/json').send(Buffer.from(JSON.stringify(body)));
  if (body.length !== null) void reply.header('content-length', body.length);
  reply.raw.once('close', () => body.octets.destroy());
  return reply.type(body.type).header('x-content-type-options', 'nosniff').send(body.octets);
}

/** @throws PersonRefusal */
function requireRole({ name, roles: own }: Person, roles: readonly PersonRole[]): void {
  if (!roles.some((role) => own.includes(role)))
    throw new PersonRefusal(
      'role',
      `${name} has the roles ${own.join(', ')}; this takes ${roles.join(' or ')}`,
    );
}

function notAdmitted(): PersonRefusal {
  return new PersonRefusal(
    'not-admitted',
    'the certificate is not that of one person who is admitted, with a role of a person',
  );
}

function crossSite(): PersonRefusal {
  return new PersonRefusal('cross-site', 'the page of another site has asked for it, and not the person');
}

/**
 * Whether a browser asks because a page of another site wants it to: it would show the person's certificate all the same.
 * Browsers say so in Sec-Fetch-Site (Fetch Metadata) or Origin (RFC 6454); what opens a page of ours by a link is none.
 */
function isOfAnotherSite({ method, headers, host, routeOptions }: FastifyRequest): boolean {
  const { origin, 'sec-fetch-site': site = 'none', 'sec-fetch-mode': mode } = headers;
  if (origin !== undefined && origin !== `https://${host}`) return true;
  if (site === 'same-origin' || site === 'none') return false;
  const isVisit = method === 'GET' && mode === 'navigate' && routeOptions.url?.startsWith('/v1/') === false;
  return !isVisit;
}

/** If-Match (RFC 9110 13.1.1) with one strong tag of ours. @throws PersonRefusal */
function generationOf(field: string | undefined): number | null {
  if (field === undefined) return null;
  const digits = /^"([1-9]\d{0,14})"$/.exec(field)?.[1];
  if (digits === undefined)
    throw new PersonRefusal('if-match', 'If-Match is not one entity tag as ETag has it');
  return Number(digits);
}

/** Internals are not shown. */
function refusalOf(
  error: Error & { statusCode?: number },
  { statusOf }: Pick<PersonsServerOptions, 'statusOf'>,
): { status: number; code: string; detail: string } {
  if (error instanceof EvidenceError) {
    const status = error.code === 'not-written' ? 503 : 500;
    return { status, code: error.code, detail: 'the audit log cannot be used now: nothing was changed' };
  }
  if (error instanceof PersonRefusal)
    return { status: PERSON_STATUS[error.code], code: error.code, detail: error.message };
  const own = statusOf(error);
  if (own !== null) return { detail: error.message, ...own };
  const status = error.statusCode ?? 500;
  if (error instanceof ClavigerError || status >= 500)
    return { status: 500, code: 'failed', detail: 'the call could not be carried out' };
  return { status, code: 'http', detail: error.message };
}

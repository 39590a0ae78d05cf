/**
 * The ADMF's door for officers (`api/admf.openapi.yaml`): HTTPS with X.509 on both sides, JSON, errors as problem details
 * (RFC 9457) with the member `code`. Who a person is, and what they may do, is in their certificate (`persons.ts`); every
 * call is on record before it is answered (`call-record.ts`), and what cannot be put on record is answered 503.
 *
 *     connection ─► a person, else 403 ─► the role, else 403 ─► on record, if it changes anything ─► the route ─► on record ─► the answer
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ClavigerError } from '../../../bytes/errors.ts';
import type { Clock } from '../../../bytes/ports.ts';
import { EvidenceError } from '../../../evidence/log.ts';
import type { AuditLog } from '../../../evidence/log.ts';
import { RefusalLog } from '../../../evidence/refusals.ts';
import { answering, connectionsOf, httpsServer, peerOfRequest } from '../../../net/https.ts';
import type { HttpsServerOptions } from '../../../net/https.ts';
import { problemOf, sendProblem } from '../../../net/problem.ts';
import type { PersonRole } from '../../../net/tls.ts';
import { OfficersError } from '../../../wire/officers/errors.ts';
import { AdmfError } from '../errors.ts';
import type { AdmfErrorCode } from '../errors.ts';
import { CallRecord } from './call-record.ts';
import { personOf } from './persons.ts';
import type { Person } from './persons.ts';
import { OfficerRefusal } from './routes.ts';
import type { OfficerRefusalCode, OfficerRoute, OfficerStreamRoute } from './routes.ts';

/** HTTP status of each refusal. */
export const OFFICERS_STATUS: Readonly<Record<AdmfErrorCode | OfficerRefusalCode | 'malformed', number>> = {
  malformed: 400,
  'if-match': 400,
  'not-admitted': 403,
  'cross-site': 403,
  role: 403,
  'own-act': 403,
  'warrant-unknown': 404,
  'warrant-exists': 409,
  'wrong-state': 409,
  'change-pending': 409,
  'nothing-pending': 409,
  stale: 412,
  'invalid-warrant': 422,
  'invalid-act': 422,
  'generation-required': 428,
  'too-many-streams': 429,
  'provisioning-failed': 502,
  stopped: 503,
};

/** Octets: an import of as many warrants as it may have. */
const BODY_LIMIT = 4 << 20;

export interface OfficersServerOptions extends Pick<HttpsServerOptions, 'tls' | 'logger' | 'limits'> {
  readonly routes: readonly OfficerRoute[];
  readonly streams: readonly OfficerStreamRoute[];
  /** Who is admitted, as the setting `peers` has it. */
  readonly names: readonly string[];
  readonly audit: Pick<AuditLog, 'append'>;
  readonly clock: Clock;
}

export function officersServer(options: OfficersServerOptions): FastifyInstance {
  const { routes, streams, names, logger, audit, clock } = options;
  const server = httpsServer({
    ...{ name: 'officers', tls: options.tls, authentication: 'mutual', bodyLimit: BODY_LIMIT },
    ...{ logger, limits: options.limits, resumption: false },
  });
  server.removeContentTypeParser('text/plain');
  const record = new CallRecord(audit, new RefusalLog(audit, clock));
  const persons = new WeakMap<FastifyRequest, Person>();
  const codes = new WeakMap<FastifyReply, string>();

  server.addHook('onRequest', (request, _reply, done) => {
    const person = personOf(peerOfRequest(request), names);
    if (person !== null) persons.set(request, person);
    if (person === null) done(notAdmitted());
    else done(isOfAnotherSite(request) ? crossSite() : undefined);
  });

  server.addHook('onSend', (request, reply, payload, done) => {
    const person = persons.get(request);
    try {
      if (person === undefined) record.refused(peerOfRequest(request), request);
      else record.answered(person, request, reply.statusCode, codes.get(reply) ?? null);
      done(null, payload);
    } catch (error) {
      logger.error({ error }, 'a call of an officer could not be put on record, and is not answered');
      reply.removeHeader('etag').removeHeader('location');
      const unrecorded = problemOf(503, 'the call could not be put on record', { code: 'not-written' });
      void reply.code(503).type('application/problem+json');
      done(null, unrecorded);
    }
  });

  server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const { status, code, detail } = refusalOf(error);
    if (status >= 500) logger.error({ error }, 'a call of an officer failed');
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
  for (const { method, path, roles, answer } of routes) {
    server.route<{ Params: { liid?: string } }>({
      method,
      url: path,
      handler: async (request, reply) => {
        const person = personOfCall(request, roles);
        const { params, query, body, headers } = request;
        const generation = generationOf(headers['if-match']);
        if (method === 'POST') record.asked(person, request);
        const call = { person, liid: params.liid ?? '', query, body, generation };
        const answered = await answerBy(reply, async () => answer(call));
        void reply.code(answered.status ?? 200).header('cache-control', 'no-store');
        if (answered.generation !== undefined) void reply.header('etag', `"${answered.generation}"`);
        if (answered.location !== undefined) void reply.header('location', answered.location);
        return reply.type('application/json').send(Buffer.from(JSON.stringify(answered.body)));
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

/** @throws OfficerRefusal */
function requireRole({ name, roles: own }: Person, roles: readonly PersonRole[]): void {
  if (!roles.some((role) => own.includes(role)))
    throw new OfficerRefusal(
      'role',
      `${name} has the roles ${own.join(', ')}; this takes ${roles.join(' or ')}`,
    );
}

function notAdmitted(): OfficerRefusal {
  return new OfficerRefusal(
    'not-admitted',
    'the certificate is not that of one person who is admitted, with a role of a person',
  );
}

function crossSite(): OfficerRefusal {
  return new OfficerRefusal('cross-site', 'the page of another site has asked for it, and not the person');
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

/** If-Match (RFC 9110 13.1.1) with one strong tag of ours. @throws OfficerRefusal */
function generationOf(field: string | undefined): number | null {
  if (field === undefined) return null;
  const digits = /^"([1-9]\d{0,14})"$/.exec(field)?.[1];
  if (digits === undefined)
    throw new OfficerRefusal('if-match', 'If-Match is not one entity tag as ETag has it');
  return Number(digits);
}

/** Internals are not shown. */
function refusalOf(error: Error & { statusCode?: number }): { status: number; code: string; detail: string } {
  if (error instanceof EvidenceError) {
    const status = error.code === 'not-written' ? 503 : 500;
    return { status, code: error.code, detail: 'the audit log cannot be used now: nothing was changed' };
  }
  if (error instanceof AdmfError || error instanceof OfficerRefusal || error instanceof OfficersError)
    return { status: OFFICERS_STATUS[error.code], code: error.code, detail: error.message };
  const status = error.statusCode ?? 500;
  if (error instanceof ClavigerError || status >= 500)
    return { status: 500, code: 'failed', detail: 'the call could not be carried out' };
  return { status, code: 'http', detail: error.message };
}

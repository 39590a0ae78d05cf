/**
 * The admin listener, for monitoring: what a probe and Prometheus read, by HTTP on loopback. Elsewhere, and where names
 * of peers are given, it is HTTPS with certificates on both sides, for admitted operators and auditors; they also read
 * the status, auditors the audit log. An ADMF that is named there asks for people at its own door, whose roles it has seen
 * to (`watched.ts`), and says for whom it reads the audit log.
 *
 *     GET /healthz   200: it runs                              GET /status          operator, auditor, admf
 *     GET /readyz    200, or 503 with reasons                  GET /audit?from=N    auditor, admf; JSON lines, `most` of them
 *     GET /metrics   Prometheus
 */
import { isIP } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastify from 'fastify';
import type { Logger } from '../bytes/ports.ts';
import { canonicalAddress } from '../bytes/network-address.ts';
import type { ConnectionLimits } from '../net/connections.ts';
import { httpsServer, listen, peerOfRequest } from '../net/https.ts';
import { sendProblem, useProblems } from '../net/problem.ts';
import { hasRole, isAdmitted } from '../net/tls.ts';
import type { Role } from '../net/tls.ts';
import { readAuditLook } from './audit-look.ts';
import { ConfigError } from './config.ts';
import type { Listen } from './config.ts';
import { METRICS_TYPE } from './metrics.ts';
import type { ObservedEntity } from './operated.ts';

export interface AdminSettings extends Listen {
  readonly connections?: Partial<ConnectionLimits>;
  /** Names in certificates; needed where it is not on loopback, and if given, asked for there too. */
  readonly peers?: readonly string[] | undefined;
}

/** Connections on loopback at once. */
const MOST_LOCAL = 64;

export class AdminListener {
  readonly #server: FastifyInstance;
  readonly at: Listen;

  private constructor(server: FastifyInstance, at: Listen) {
    this.#server = server;
    this.at = at;
  }

  /** @throws ConfigError */
  static async open(
    settings: AdminSettings,
    operated: ObservedEntity,
    logger: Logger,
  ): Promise<AdminListener> {
    const { address, port } = settings;
    const server = isOpen(settings) ? localServer() : remoteServer(settings, operated, logger);
    useProblems(server, (error) => logger.error({ err: error }, 'a request at the admin listener failed'));
    mountHealth(server, operated);
    try {
      return new AdminListener(server, { address, port: await listen(server, address, port) });
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  stop(): Promise<void> {
    return this.#server.close();
  }
}

/** Whether whoever reaches it may ask, without a certificate. */
function isOpen({ address, peers = [] }: AdminSettings): boolean {
  if (peers.length > 0) return false;
  return isLoopback(address);
}

/** Whether only this machine reaches an address; a name may lead anywhere. */
export function isLoopback(address: string): boolean {
  const canonical = canonicalAddress(address);
  return isIP(canonical) === 4 ? canonical.startsWith('127.') : canonical === '::1';
}

function localServer(): FastifyInstance {
  const server = fastify({ bodyLimit: 1024, forceCloseConnections: true, requestTimeout: 10_000 });
  server.server.maxConnections = MOST_LOCAL;
  return server;
}

function remoteServer(settings: AdminSettings, operated: ObservedEntity, logger: Logger): FastifyInstance {
  const { peers = [], connections, address } = settings;
  if (peers.length === 0)
    throw new ConfigError(
      'configuration',
      `admin.peers is missing: ${address} is not a loopback address, and there certificates of these names alone are admitted`,
    );
  const server = httpsServer({
    name: 'admin',
    logger,
    limits: connections,
    tls: operated.operation.tls,
    authentication: 'mutual',
  });
  const admit =
    (...roles: Role[]) =>
    (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
      if (isAdmitted(peerOfRequest(request), { roles, names: peers })) done();
      else
        void sendProblem(
          reply,
          403,
          `for certificates with the role ${roles.join(' or ')}, and admitted names`,
        );
    };
  server.addHook('onRequest', admit('operator', 'auditor', 'admf'));
  server.get('/status', () => operated.status());
  server.get('/audit', { onRequest: admit('auditor', 'admf') }, (request, reply) =>
    sendAudit(request, reply, operated),
  );
  return server;
}

function mountHealth(server: FastifyInstance, operated: ObservedEntity): void {
  server.get('/healthz', (_request, reply) => reply.type('text/plain').send('runs\n'));
  server.get('/readyz', async (_request, reply) => {
    const { ready, reasons } = await operated.status();
    return reply
      .code(ready ? 200 : 503)
      .type('text/plain')
      .send(ready ? 'ready\n' : reasons.map((reason) => `${reason}\n`).join(''));
  });
  server.get('/metrics', async (_request, reply) => reply.type(METRICS_TYPE).send(await operated.metrics()));
}

/** Every look at the log is on the log, before it is answered. */
async function sendAudit(
  request: FastifyRequest,
  reply: FastifyReply,
  { operation }: ObservedEntity,
): Promise<FastifyReply> {
  const { audit } = operation;
  if (audit === null) return sendProblem(reply, 404, 'this entity keeps no audit log');
  const look = readAuditLook(request.query);
  if (typeof look === 'string') return sendProblem(reply, 400, look);
  const { from, most, for: whom } = look;
  const peer = peerOfRequest(request);
  if (hasRole(peer, 'auditor') !== (whom === null))
    return sendProblem(reply, 400, 'for: an ADMF says whom it asks for, and nobody else does');
  const lines = await audit.lines(from, most);
  // A console asks every few seconds: looks at nothing but looks leave no record.
  if (lines.some((line) => !line.includes('"kind":"audit-read"')))
    audit.record({
      kind: 'audit-read',
      by: peer.commonName,
      ...(whom === null ? {} : { for: whom }),
      from,
      most,
    });
  return reply.type('application/jsonl').send(lines.map((line) => `${line}\n`).join(''));
}

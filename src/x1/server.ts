/**
 * X1 over HTTPS (TS 103 221-1 clause 7): POST of `application/xml` to `/X1/NE` at an NE and `/X1/ADMF` at the ADMF, over
 * HTTP/1.1 and HTTP/2, with mutual TLS. Every X1 answer, errors of X1 included, is a 200; HTTP statuses say what is
 * wrong with the HTTP request: 403 the certificate lacks the role, 413 too large, 415 not XML; or that it cannot be
 * answered now: 503 the database is away. X1 has no error for that: each says that something is refused, for good.
 */
import type { FastifyInstance } from 'fastify';
import type { Logger } from '../bytes/ports.ts';
import type { X1Peer } from './endpoint.ts';
import { X1_ADMF_PATH, X1_NE_PATH, X1_SIZE_LIMIT } from '../wire/x1/names.ts';
import { connectionsOf, httpsServer, listen, peerOfRequest } from '../net/https.ts';
import { hasRole } from '../net/tls.ts';
import type { Role, TlsMaterial } from '../net/tls.ts';
import type { ConnectionGuard, ConnectionLimits } from '../net/connections.ts';
import type { Listen } from '../host/config.ts';
import { StorageError } from '../storage/errors.ts';

/** What answers X1 documents. */
export interface X1Answerer {
  handle(octets: Uint8Array, peer: X1Peer): Promise<Uint8Array>;
  /** A peer without the role has asked. */
  forbidden(peer: X1Peer): void;
}

export const X1_CONTENT_TYPE = 'application/xml';

const RETRY_AFTER_S = '1';

export interface X1Listener {
  readonly port: number;
  readonly connections: ConnectionGuard;
  close(): Promise<void>;
}

/** Listens where the settings say. @param mount which end of X1 it is: `mountX1Ne` or `mountX1Admf` */
export async function openX1Listener(
  { address, port, connections }: Listen & { readonly connections?: Partial<ConnectionLimits> },
  { tls, logger }: { readonly tls: TlsMaterial; readonly logger: Logger },
  mount: (server: FastifyInstance) => void,
): Promise<X1Listener> {
  const server = httpsServer({ name: 'X1', tls, authentication: 'mutual', logger, limits: connections });
  mount(server);
  try {
    return {
      port: await listen(server, address, port),
      connections: connectionsOf(server),
      close: () => server.close(),
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** The NE's end, for peers with the role of an ADMF. */
export function mountX1Ne(server: FastifyInstance, answerer: X1Answerer): void {
  mount(server, X1_NE_PATH, answerer, ['admf']);
}

/** The ADMF's end, for peers with the role of a network element. */
export function mountX1Admf(server: FastifyInstance, answerer: X1Answerer): void {
  mount(server, X1_ADMF_PATH, answerer, ['cscf', 'gateway', 'df', 'kms']);
}

function mount(server: FastifyInstance, path: string, answerer: X1Answerer, roles: readonly Role[]): void {
  // A scope of its own, so that what else the server offers does not take XML.
  void server.register((scope, _options, ready) => {
    scope.addContentTypeParser(
      [X1_CONTENT_TYPE, 'text/xml'],
      { parseAs: 'buffer', bodyLimit: X1_SIZE_LIMIT },
      (_request, body, done) => done(null, body),
    );
    scope.post(path, async (request, reply) => {
      const peer = peerOfRequest(request);
      if (!hasRole(peer, ...roles)) {
        answerer.forbidden(peer);
        return reply.code(403).send();
      }
      if (!(request.body instanceof Uint8Array)) return reply.code(415).send();
      const answer = await answerer.handle(new Uint8Array(request.body), peer).catch(nullIfAway);
      if (answer === null) return reply.code(503).header('retry-after', RETRY_AFTER_S).send();
      return reply.type(X1_CONTENT_TYPE).send(Buffer.from(answer));
    });
    ready();
  });
}

/** @throws any other error */
function nullIfAway(error: unknown): null {
  if (error instanceof StorageError && error.code === 'unavailable') return null;
  throw error;
}

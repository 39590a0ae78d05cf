/**
 * The ADMF's door for law enforcement agencies: HI1 (TS 103 120) by HTTPS with certificates on both sides, POST of
 * `application/xml` to `/` and to the paths of the workflows. What HI1 has an answer for is a 200; HTTP statuses say what
 * is wrong with the HTTP request:
 *
 *     403  the certificate is no agency's, or the sender is not one of that agency's end points
 *     413  more octets than a message may have
 *     415  not XML
 *     503  the exchange could not be put on record
 */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../../bytes/ports.ts';
import { EvidenceError } from '../../../evidence/log.ts';
import type { AuditLog } from '../../../evidence/log.ts';
import { RefusalLog } from '../../../evidence/refusals.ts';
import { answering, httpsServer, peerOfRequest } from '../../../net/https.ts';
import type { HttpsServerOptions } from '../../../net/https.ts';
import { isNamed } from '../../../net/tls.ts';
import type { Peer } from '../../../net/tls.ts';
import { HI1_SIZE_LIMIT } from '../../../wire/hi1/names.ts';
import type { Agency } from '../hi1/ports.ts';
import type { Hi1Service } from '../hi1/service.ts';
import { HI1_PATHS } from '../hi1/workflows.ts';

/** An agency with the certificate that it shows: a name in it, or its fingerprint (SHA-256). */
export interface BoundAgency extends Agency {
  readonly certificate: { readonly name?: string; readonly fingerprint?: string };
}

export interface Hi1ServerOptions extends Pick<HttpsServerOptions, 'tls' | 'logger' | 'limits'> {
  readonly agencies: readonly BoundAgency[];
  readonly service: Pick<Hi1Service, 'answer' | 'count'>;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

const HI1_CONTENT_TYPE = 'application/xml';

export function hi1Server({ agencies, service, audit, clock, ...https }: Hi1ServerOptions): FastifyInstance {
  const server = httpsServer({
    ...https,
    ...{ name: 'HI1', authentication: 'mutual', bodyLimit: HI1_SIZE_LIMIT, resumption: false },
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser([HI1_CONTENT_TYPE, 'text/xml'], { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  const refusals = new RefusalLog(audit, clock);
  const answers = answering(server);
  const forbid = (peer: Peer, path: string): void => {
    service.count('forbidden');
    refusals.record(peer.fingerprint, { kind: 'hi1-forbidden', peer: peer.commonName, path });
  };

  server.setErrorHandler((error, _request, reply) => {
    const isUnrecorded = error instanceof EvidenceError;
    if (isUnrecorded) https.logger.error({ error }, 'an exchange of HI1 could not be put on record');
    const status = isUnrecorded ? 503 : statusOf(error);
    if (status === 500) https.logger.error({ error }, 'an exchange of HI1 failed');
    return reply.code(status).send();
  });
  server.addHook('onRequest', async (request, reply) => {
    const peer = peerOfRequest(request);
    if (agencyOfPeer(agencies, peer) !== null) return;
    forbid(peer, request.url);
    await reply.code(403).send();
  });
  for (const path of HI1_PATHS)
    server.post(path, async (request, reply) => {
      const peer = peerOfRequest(request);
      const agency = agencyOfPeer(agencies, peer);
      const { body } = request;
      if (!(body instanceof Uint8Array)) return reply.code(415).send();
      const octets = new Uint8Array(body);
      const answer =
        agency === null ? null : await answers(reply, () => service.answer(octets, path, agency));
      if (answer !== null) return reply.type(HI1_CONTENT_TYPE).send(Buffer.from(answer));
      forbid(peer, path);
      return reply.code(403).send();
    });
  return server;
}

function statusOf(error: unknown): number {
  const status =
    typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : 500;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}

/** Whose certificate it is; `null`: no agency's. */
export function agencyOfPeer<A extends Pick<BoundAgency, 'certificate'>>(
  agencies: readonly A[],
  peer: Peer,
): A | null {
  const found = agencies.find(({ certificate: { name, fingerprint } }) => {
    if (fingerprint !== undefined) return fingerprint.toUpperCase() === peer.fingerprint;
    return name !== undefined && isNamed(peer, name);
  });
  return found ?? null;
}

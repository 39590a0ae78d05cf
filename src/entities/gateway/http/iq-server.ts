/** The gateway's end of Iq (`api/iq.openapi.yaml`): HTTPS, for CSCFs that are admitted by name. */
import type { FastifyInstance } from 'fastify';
import { BytesError } from '../../../bytes/errors.ts';
import {
  IQ_DESTINATION_STATUS,
  IQ_REQUEST_OCTETS,
  IQ_SESSIONS_PATH,
  decodeWanted,
  encodeAnchored,
} from '../../../wire/iq/sessions.ts';
import { decodeKnown, IQ_LOSSES_PATH } from '../../../wire/iq/losses.ts';
import { GatewayError } from '../errors.ts';
import { IqError } from '../../../wire/iq/errors.ts';
import type { GatewayErrorCode } from '../errors.ts';
import type { MediaGateway } from '../gateway.ts';
import { httpsServer, peerOfRequest } from '../../../net/https.ts';
import type { HttpsServerOptions } from '../../../net/https.ts';
import { sendProblem } from '../../../net/problem.ts';
import { isAdmitted } from '../../../net/tls.ts';
import type { Admission } from '../../../net/tls.ts';

/** HTTP status of each refusal. */
export const IQ_STATUS: Readonly<Record<GatewayErrorCode, number>> = {
  'no-ports': 503,
  'too-many': 503,
  destination: IQ_DESTINATION_STATUS,
};

/** What fastify takes from the path. */
interface OfSession {
  readonly Params: { readonly id: string };
}

export interface IqServerOptions extends Pick<HttpsServerOptions, 'tls' | 'logger' | 'limits'> {
  readonly gateway: MediaGateway;
  /** The CSCFs. */
  readonly admission: Admission;
}

export function iqServer(options: IqServerOptions): FastifyInstance {
  const { gateway, tls, logger, admission, limits } = options;
  const server = httpsServer({
    name: 'Iq',
    tls,
    authentication: 'mutual',
    bodyLimit: IQ_REQUEST_OCTETS,
    logger,
    limits,
  });

  server.addHook('onRequest', async (request, reply) => {
    const peer = peerOfRequest(request);
    if (isAdmitted(peer, admission)) return;
    logger.warn(
      { peer: peer.commonName },
      'media control refused: the client is not a CSCF that is admitted',
    );
    return sendProblem(reply, 403, 'the certificate has no role for it, or not a name that is admitted');
  });

  server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = statusOf(error);
    if (status >= 500) logger.warn({ error }, 'media control failed');
    return sendProblem(reply, status, error.message);
  });

  server.put<OfSession>(`${IQ_SESSIONS_PATH}:id`, async (request) =>
    encodeAnchored(await gateway.put(request.params.id, decodeWanted(request.body))),
  );

  server.delete<OfSession>(`${IQ_SESSIONS_PATH}:id`, async (request, reply) => {
    const ended = await gateway.delete(request.params.id);
    await reply.code(ended ? 204 : 404).send();
  });

  server.get<OfSession>(`${IQ_SESSIONS_PATH}:id`, async (request, reply) => {
    await reply.code(gateway.has(request.params.id) ? 204 : 404).send();
  });

  server.get(IQ_LOSSES_PATH, (request) => gateway.losses.since(decodeKnown(request.query)));

  // Who waits for losses must not keep the server from closing.
  server.addHook('preClose', (done) => {
    gateway.losses.close();
    done();
  });

  return server;
}

function statusOf(error: Error & { statusCode?: number }): number {
  if (error instanceof GatewayError) return IQ_STATUS[error.code];
  return error instanceof BytesError || error instanceof IqError ? 400 : (error.statusCode ?? 500);
}

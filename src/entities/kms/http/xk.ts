/**
 * The Xk server: HTTPS over TLS 1.3 alone, with mutual X.509 (`api/xk.openapi.yaml`). Failures are problem details
 * (RFC 9457) with the member `failureIndication`. A client without a certificate of our authority gets no connection; one
 * without the role gets a connection, the failure, and a record of it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { QUESTION_REFILL } from '../xk.ts';
import type { XkPeer, XkService } from '../xk.ts';
import type { FailureIndication, GetKeysResponse } from '../../../wire/xk/get-keys.ts';
import {
  encodeGetKeysResponse,
  GET_KEYS_PATH,
  isGetKeysFailure,
  wipeKeys,
} from '../../../wire/xk/get-keys.ts';
import { answering, httpsServer, peerOfRequest } from '../../../net/https.ts';
import type { HttpsServerOptions } from '../../../net/https.ts';
import { sendProblem, useProblems } from '../../../net/problem.ts';
import { isAdmitted } from '../../../net/tls.ts';
import type { Admission } from '../../../net/tls.ts';

/** Seconds: after them one more question about an exchange is answered, and a full queue has been worked off. */
const RETRY_AFTER = String(QUESTION_REFILL);

/** HTTP status of each failure. */
export const XK_STATUS: Readonly<Record<FailureIndication, number>> = {
  'not-authorised': 403,
  'target-not-party': 422,
  'messages-inconsistent': 422,
  'endpoint-not-compliant': 422,
  'epoch-destroyed': 410,
  'temporarily-unavailable': 503,
};

export interface XkServerOptions extends Pick<HttpsServerOptions, 'tls' | 'logger' | 'limits'> {
  readonly service: XkService;
  /** The delivery functions. */
  readonly admission: Admission;
  /** Names of the LEMFs that may ask as well. */
  readonly lemfs: readonly string[];
}

export function xkServer(options: XkServerOptions): FastifyInstance {
  const server = httpsServer({
    name: 'Xk',
    tls: options.tls,
    authentication: 'mutual',
    minVersion: 'TLSv1.3',
    resumption: false,
    logger: options.logger,
    limits: options.limits,
  });
  useProblems(server, (error) => options.logger.error({ err: error }, 'Xk: request failed'));
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  );
  const answer = answering(server);
  server.post(GET_KEYS_PATH, async (request, reply) => {
    const client = clientOf(request, options);
    const { body } = request;
    const text = typeof body === 'string' ? body : '';
    const response = await answer(reply, (gone) => options.service.ask(client, text, gone));
    if (response === null) return sendProblem(reply, 400, 'the body is not a get_keys request');
    return send(reply, response);
  });
  return server;
}

function clientOf(request: FastifyRequest, { admission, lemfs }: XkServerOptions): XkPeer {
  const peer = peerOfRequest(request);
  const isLemf = (name: string): boolean => isAdmitted(peer, { roles: ['lemf'], names: [name] });
  return { ...peer, admitted: isAdmitted(peer, admission), lemfNames: lemfs.filter(isLemf) };
}

function send(reply: FastifyReply, response: GetKeysResponse): FastifyReply {
  void reply.header('cache-control', 'no-store');
  if (isGetKeysFailure(response)) {
    const { failureIndication } = response;
    if (failureIndication === 'temporarily-unavailable') void reply.header('retry-after', RETRY_AFTER);
    return sendProblem(reply, XK_STATUS[failureIndication], 'no keys for this question', {
      failureIndication,
    });
  }
  const json = encodeGetKeysResponse(response);
  wipeKeys(response);
  reply.raw.once('close', () => json.wipe());
  const { buffer, byteOffset, byteLength } = json.expose();
  return reply.type('application/json').send(Buffer.from(buffer, byteOffset, byteLength));
}

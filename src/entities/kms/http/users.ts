/**
 * The KMS's interface to endpoints and to the KMSs' public: HTTPS where the server alone shows a certificate.
 *
 *     GET  path of the district URI    IBESysParams, `application/ibe-pp-data` (RFC 5408 section 4)
 *     POST /mikey                      REQUEST_KEY, `application/mikey` (RFC 3830 section 10.1, RFC 6267 section 4.2.1)
 *
 * A refused REQUEST_KEY is a MIKEY Error message in a 200; HTTP errors are for what is not a MIKEY message, and for a KMS that
 * has too much to do, 503, or for whoever asks for more than its share, 429: both with Retry-After, for a new request with
 * a T of its own. An address has so many requests under way, counted before anything of their bodies is read.
 */
import type { FastifyInstance } from 'fastify';
import { countedAddress } from '../../../bytes/network-address.ts';
import type { Clock } from '../../../bytes/ports.ts';
import { Quotas } from '../../../bytes/quotas.ts';
import {
  PPS_MEDIA_TYPE,
  encodePublication,
  pathOfDistrict,
  serialOfQuery,
} from '../../../wire/pps/publication.ts';
import type { PublishedParameters } from '../../../wire/pps/publication.ts';
import { RequestKeyError } from '../../../wire/request-key/errors.ts';
import { MIKEY_MEDIA_TYPE, REQUEST_KEY_PATH } from '../../../wire/request-key/transport.ts';
import type { District } from '../district.ts';
import { isUnavailable, KmsError } from '../errors.ts';
import { publish } from '../publication.ts';
import type { RequestKeyService } from '../request-key.ts';
import { answering, httpsServer } from '../../../net/https.ts';
import type { HttpsServerOptions } from '../../../net/https.ts';
import { sendProblem, useProblems } from '../../../net/problem.ts';

/** Seconds after which a full queue has long been worked off. */
const RETRY_AFTER = '10';
/** A request is a few hundred octets, with certificates a few thousand. */
const BODY_LIMIT = 32_768;
/** Requests of an address under way; it may be that of many phones. Of all together what takes 128 MiB at most. */
const ADDRESS_SHARE = { each: 256, all: 4096 };

export interface KmsUserServerOptions extends Pick<HttpsServerOptions, 'tls' | 'logger' | 'limits'> {
  readonly district: District;
  readonly requestKey: RequestKeyService;
  readonly clock: Clock;
}

export function kmsUserServer(options: KmsUserServerOptions): FastifyInstance {
  const { district, clock, logger } = options;
  const server = httpsServer({
    name: 'users',
    tls: options.tls,
    authentication: 'server',
    bodyLimit: BODY_LIMIT,
    logger,
    limits: options.limits,
  });
  useProblems(server, (error) => logger.error({ err: error }, 'request failed'));
  const addresses = new Quotas(ADDRESS_SHARE);
  server.addHook('onRequest', (request, reply, done) => {
    const end = addresses.begin(countedAddress(request.ip), 0);
    if (end === null) {
      void sendProblem(reply.header('retry-after', RETRY_AFTER), 429, 'too many requests of this address');
      return;
    }
    reply.raw.once('close', end);
    done();
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(MIKEY_MEDIA_TYPE, { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );

  server.get(pathOfDistrict(district.name), (request, reply) => {
    const serial = serialOfQuery(request.query);
    if (serial === undefined) return sendProblem(reply, 400, 'serial is not a number');
    const publication = published(district, clock.now() / 1000, serial);
    if (publication === undefined) return sendProblem(reply, 503, 'no parameters are in force');
    if (publication === null) return sendProblem(reply, 404, 'no such serial');
    const { body, link } = encodePublication(publication);
    if (link !== null) void reply.header('link', link);
    return reply.type(PPS_MEDIA_TYPE).send(body);
  });

  const answerBy = answering(server);
  server.post(REQUEST_KEY_PATH, async (request, reply) => {
    if (!(request.body instanceof Uint8Array))
      return sendProblem(reply, 415, `a body of ${MIKEY_MEDIA_TYPE} is expected`);
    try {
      const octets = new Uint8Array(request.body);
      const answer = await answerBy(reply, (gone) =>
        options.requestKey.answer(octets, gone, countedAddress(request.ip)),
      );
      // By the clock that T is judged by, for whoever's is off.
      void reply.header('date', new Date(clock.now()).toUTCString()).header('cache-control', 'no-store');
      return await reply.type(MIKEY_MEDIA_TYPE).send(Buffer.from(answer));
    } catch (error) {
      if (error instanceof RequestKeyError && error.code === 'malformed')
        return sendProblem(reply, 400, error.message);
      if (error instanceof KmsError && error.code === 'share')
        return sendProblem(reply.header('retry-after', RETRY_AFTER), 429, 'more requests than a share');
      if (isUnavailable(error) || (error instanceof KmsError && isForTheMoment(error)))
        return sendProblem(reply.header('retry-after', RETRY_AFTER), 503, 'no keys can be computed now');
      throw error;
    }
  });
  return server;
}

function isForTheMoment({ code }: KmsError): boolean {
  return code === 'busy' || code === 'cancelled';
}

/** What is published; `undefined` while no parameters are in force. */
function published(
  district: District,
  now: number,
  serial: number | null,
): PublishedParameters | null | undefined {
  try {
    return publish(district, now, serial);
  } catch (error) {
    if (error instanceof KmsError && error.code === 'no-parameters') return undefined;
    throw error;
  }
}

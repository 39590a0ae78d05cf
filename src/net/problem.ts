/** Problem details for HTTP APIs (RFC 9457), the one form of HTTP errors. */
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import Type from 'typebox';
import type { Static } from 'typebox';

export const PROBLEM = Type.Object(
  {
    type: Type.String({ format: 'uri-reference' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String(),
  },
  { title: 'Problem', description: 'Problem details, RFC 9457' },
);

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

/** The octets of a problem. */
export function problemOf(
  status: number,
  detail: string,
  members: Readonly<Record<string, unknown>> = {},
): Buffer {
  const problem: Static<typeof PROBLEM> = {
    type: 'about:blank',
    title: TITLES[status] ?? 'Error',
    status,
    detail,
  };
  return Buffer.from(JSON.stringify({ ...problem, ...members }));
}

export function sendProblem(
  reply: FastifyReply,
  status: number,
  detail: string,
  members: Readonly<Record<string, unknown>> = {},
): FastifyReply {
  return reply
    .code(status)
    .type('application/problem+json')
    .send(problemOf(status, detail, members));
}

/** Makes whatever fastify itself refuses, and what a handler throws, problem details; internals are not shown. */
export function useProblems(server: FastifyInstance, onFailure: (error: Error) => void): void {
  server.setErrorHandler((error: FastifyError, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return sendProblem(reply, status, error.message);
    onFailure(error);
    return sendProblem(reply, 500, 'the request could not be processed');
  });
  server.setNotFoundHandler((_request, reply) => sendProblem(reply, 404, 'no such resource'));
}

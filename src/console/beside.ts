/**
 * What the bridge has beside the officers' interface, for the page alone:
 *
 *     GET  /SESSION/bridge                what there is: usual LEMF, entities that may be watched, whether a laboratory
 *     GET  /SESSION/watch/NAME/status     of the admin listener of NAME (`host/watched.ts`), asked with the person's
 *                         …/metrics       certificate: who may not read it is refused there, and every look at an
 *                         …/audit?from=N  audit log is on that log
 *     GET  /SESSION/laboratory            who can call whom, and the last call
 *     POST /SESSION/laboratory/calls      has one call another
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import Type from 'typebox';
import { Form, strict } from '../bytes/schema.ts';
import type { OfficerConfig } from '../entities/admf/config-officer.ts';
import { LOOKS, WatchedEntities, WatchError } from '../host/watched.ts';
import type { WatchedEntityName, WatchErrorCode } from '../host/watched.ts';
import type { HttpsClient } from '../net/https.ts';
import { sendProblem } from '../net/problem.ts';

/** What `/bridge` answers. */
export interface BridgeAnswer {
  /** Where deliveries go unless the officer says otherwise; `null`: that is not known. */
  readonly lemf: { readonly hi2: LemfPlace; readonly hi3: LemfPlace | null } | null;
  /** Those that the person's configuration names. */
  readonly entities: readonly WatchedEntityName[];
  /** Whether calls can be made. */
  readonly laboratory: boolean;
}

interface LemfPlace {
  readonly host: string;
  readonly port: number;
}

/** A call of a laboratory. */
export interface LaboratoryCall {
  readonly caller: string;
  readonly callee: string;
  /** When it was dialled, Unix milliseconds. */
  readonly at: number;
  readonly state: 'under-way' | 'over' | 'failed';
  /** What came of it, or why it failed; empty: it is under way. */
  readonly told: string;
}

/** What `/laboratory` answers. */
export interface LaboratoryAnswer {
  readonly people: readonly string[];
  /** The newest first. */
  readonly calls: readonly LaboratoryCall[];
}

/** A laboratory whose phones can be told to call. */
export interface CallingLaboratory {
  state(): LaboratoryAnswer;
  /** Whether the call is made; `busy`: one is under way, `nobody`: there is no such phone. */
  call(caller: string, callee: string): 'made' | 'busy' | 'nobody';
}

export interface BesideOptions {
  readonly officer: Pick<OfficerConfig, 'lemf' | 'entities'>;
  readonly client: Pick<HttpsClient, 'request'>;
  readonly laboratory: CallingLaboratory | null;
}

/** @param path of the session */
export function serveBeside(server: FastifyInstance, path: string, options: BesideOptions): void {
  const { officer, laboratory } = options;
  const watched = new WatchedEntities(officer.entities ?? [], options.client);
  const answer: BridgeAnswer = {
    lemf: officer.lemf === undefined ? null : { hi2: officer.lemf.hi2, hi3: officer.lemf.hi3 ?? null },
    entities: watched.names,
    laboratory: laboratory !== null,
  };
  server.get(`${path}/bridge`, (_request, reply) => fresh(reply).send(answer));
  for (const look of LOOKS)
    server.get<{ Params: { name: string } }>(`${path}/watch/:name/${look}`, async (request, reply) => {
      const [, query = ''] = request.url.split('?');
      try {
        const { type, octets } = await watched.look(request.params.name, look, query);
        return await fresh(reply).headers(AS_IT_IS).type(type).send(Buffer.from(octets));
      } catch (error) {
        if (!(error instanceof WatchError)) throw error;
        return sendProblem(reply, WATCH_STATUS[error.code], error.message, { code: error.code });
      }
    });
  if (laboratory !== null) serveLaboratory(server, `${path}/laboratory`, laboratory);
}

/** HTTP status of each. */
const WATCH_STATUS: Readonly<Record<WatchErrorCode, number>> = {
  ...{ 'bad-look': 400, 'not-shown': 403, 'not-watched': 404, absent: 404, unreachable: 502 },
};

/** No browser takes it for something else. */
const AS_IT_IS = { 'x-content-type-options': 'nosniff' };

const ORDER = new Form(strict({ caller: Type.String(), callee: Type.String() }));

const REFUSALS = {
  busy: [409, 'a call is under way: wait for its end'],
  nobody: [404, 'there is no such phone, or it would call itself'],
} as const;

function serveLaboratory(server: FastifyInstance, at: string, laboratory: CallingLaboratory): void {
  server.get(at, (_request, reply) => fresh(reply).send(laboratory.state()));
  server.post(`${at}/calls`, (request, reply) => {
    const read = ORDER.read(jsonOf(request.body));
    if (!('value' in read)) return sendProblem(reply, 400, 'who calls whom is expected', { code: 'form' });
    const { caller, callee } = read.value;
    const done = laboratory.call(caller, callee);
    if (done === 'made') return fresh(reply).code(202).send(laboratory.state());
    const [status, detail] = REFUSALS[done];
    return sendProblem(reply, status, detail, { code: done });
  });
}

/** A body as the bridge takes it: octets of JSON. */
function jsonOf(body: unknown): unknown {
  try {
    return body instanceof Uint8Array ? JSON.parse(Buffer.from(body).toString('utf8')) : null;
  } catch {
    return null;
  }
}

function fresh(reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'no-store');
}

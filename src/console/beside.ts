/**
 * What the bridge has beside the officers' interface, for the page alone:
 *
 *     GET  /SESSION/bridge                what there is: usual LEMF, entities that may be watched, whether a laboratory
 *     GET  /SESSION/watch/NAME/status     of the admin listener of NAME (`host/admin.ts`), asked with the person's
 *                         …/metrics       certificate: who may not read it is refused there, and every look at an
 *                         …/audit?from=N  audit log is on that log
 *     GET  /SESSION/laboratory            who can call whom, and the last call
 *     POST /SESSION/laboratory/calls      has one call another
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import Type from 'typebox';
import { Form, strict } from '../bytes/schema.ts';
import type { OfficerConfig } from '../entities/admf/config-officer.ts';
import { HttpsError } from '../net/https.ts';
import type { HttpsClient } from '../net/https.ts';
import { sendProblem } from '../net/problem.ts';

/** An entity that the person may watch. */
export interface WatchedEntityName {
  /** As its certificate has it: `kms.home1.example`. */
  readonly name: string;
  /** `kms`, `df`, … */
  readonly kind: string;
}

/** What `/bridge` answers. */
export interface BridgeAnswer {
  /** Where deliveries go unless the officer says otherwise; `null`: that is not known. */
  readonly lemf: { readonly hi2: LemfPlace; readonly hi3: LemfPlace | null } | null;
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

/** What of an admin listener is passed on. */
const LOOKS = ['status', 'metrics', 'audit'] as const;

/** @param path of the session */
export function serveBeside(server: FastifyInstance, path: string, options: BesideOptions): void {
  const { officer, laboratory } = options;
  const entities = watchedBy(officer);
  const answer: BridgeAnswer = {
    lemf: officer.lemf === undefined ? null : { hi2: officer.lemf.hi2, hi3: officer.lemf.hi3 ?? null },
    entities: [...entities].map(([name, { kind }]) => ({ name, kind })),
    laboratory: laboratory !== null,
  };
  server.get(`${path}/bridge`, (_request, reply) => fresh(reply).send(answer));
  for (const look of LOOKS)
    server.get<{ Params: { name: string } }>(`${path}/watch/:name/${look}`, (request, reply) => {
      const { name } = request.params;
      const entity = entities.get(name);
      if (entity === undefined) return sendProblem(reply, 404, 'no such entity is watched');
      const [, query = ''] = request.url.split('?');
      const url = `${entity.url}/${look}${query === '' ? '' : `?${query}`}`;
      return passLook(reply, name, () => options.client.request('GET', url));
    });
  if (laboratory !== null) serveLaboratory(server, `${path}/laboratory`, laboratory);
}

/** By name. */
function watchedBy({
  entities = [],
}: BesideOptions['officer']): Map<string, NonNullable<OfficerConfig['entities']>[number]> {
  return new Map(entities.map((entity) => [new URL(entity.url).hostname, entity]));
}

async function passLook(
  reply: FastifyReply,
  name: string,
  ask: () => ReturnType<HttpsClient['request']>,
): Promise<FastifyReply> {
  try {
    const { status, contentType, body } = await ask();
    return await fresh(reply).code(status).type(contentType).send(Buffer.from(body));
  } catch (error) {
    if (!(error instanceof HttpsError)) throw error;
    return sendProblem(reply, 502, `${name} does not answer`, { code: 'unreachable' });
  }
}

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

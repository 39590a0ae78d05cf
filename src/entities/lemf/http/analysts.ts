/**
 * What analysts may ask of a LEMF (`api/lemf.openapi.yaml`): a door for people (`net/persons-server.ts`), for the role `analyst` alone. JSON but for
 * audio and exports; each call is on the LEMF's audit log.
 *
 *     GET /v1/self                             whom the LEMF takes the caller for
 *     GET /v1/events                           that something has come, of which call; or was recovered
 *     GET /v1/calls?before=N&limit=N           calls, the newest first
 *     GET /v1/calls/ID                         the calls of a communication: parties, ladder, what was recovered
 *     GET /v1/calls/ID/records/N?source=S      a PDU of HI2 by its place, and the MIKEY messages in it
 *     GET /v1/calls/ID/files/NAME              audio as it was recovered, or packets that were not decoded
 *     GET /v1/calls/ID/export                  all that `claviger lemf export` writes of it, as one file (tar)
 */
import { open } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import type { Quotas } from '../../../bytes/quotas.ts';
import { faultText, Form, strict, Unfit } from '../../../bytes/schema.ts';
import { ClavigerError } from '../../../bytes/errors.ts';
import { isSystemError } from '../../../bytes/system-errors.ts';
import { EVENTS_TYPE } from '../../../net/event-streams.ts';
import type { EventStream } from '../../../net/event-streams.ts';
import type { Person } from '../../../net/persons.ts';
import { PersonOctets, PersonRefusal, personsServer } from '../../../net/persons-server.ts';
import type { PersonRoute, PersonStreamRoute, PersonsServerOptions } from '../../../net/persons-server.ts';
import type { CaseAnswers, CaseQuestion } from '../case-views.ts';
import { LemfError } from '../errors.ts';

export type AnalystRefusalCode =
  /** There is no such call, record or file. */
  | 'unknown'
  /** The query is not one of this call. */
  | 'malformed'
  /** This program exports nothing. */
  | 'no-export';

/** A call of an analyst that cannot be answered. */
export class AnalystRefusal extends ClavigerError<AnalystRefusalCode> {}

/** HTTP status of each refusal. */
export const ANALYSTS_STATUS: Readonly<Record<AnalystRefusalCode, number>> = {
  malformed: 400,
  unknown: 404,
  'no-export': 404,
};

/** Makes an export of one communication as it is asked for. @param id as `case-views.ts` names it */
export type CallExporter = (id: string) => Promise<Readable>;

export interface AnalystsOptions extends Pick<
  PersonsServerOptions,
  'tls' | 'logger' | 'limits' | 'names' | 'audit' | 'clock'
> {
  /** Name of the LEMF. */
  readonly lemf: string;
  /** Where audio is. */
  readonly folder: string;
  /** @throws LemfError */
  readonly show: <Q extends CaseQuestion>(question: Q) => Promise<CaseAnswers[Q['kind']]>;
  /** The stream of events of one person; `null`: there are too many. */
  readonly stream: (person: Person) => EventStream | null;
  /** `null`: this program has none. */
  readonly exporter: CallExporter | null;
  /** How many exports may be made at a time. */
  readonly exports: Quotas;
}

const ROLES = ['analyst'] as const;
const MOST_CALLS = 1000;
const USUAL_CALLS = 200;

export function analystsServer(options: AnalystsOptions): FastifyInstance {
  return personsServer({
    ...options,
    ...{ name: 'analysts', kind: 'analyst', roles: ROLES, bodyLimit: 1024 },
    routes: analystRoutes(options),
    streams: [analystEvents(options)],
    statusOf: (error) => {
      if (error instanceof AnalystRefusal) return { status: ANALYSTS_STATUS[error.code], code: error.code };
      const isBusy = error instanceof LemfError && error.code === 'busy';
      return isBusy ? { status: 503, code: error.code } : null;
    },
  });
}

export function analystEvents({ stream: begin }: Pick<AnalystsOptions, 'stream'>): PersonStreamRoute {
  return {
    ...{ method: 'GET', path: '/v1/events', roles: ROLES, type: EVENTS_TYPE },
    stream: ({ person, query }) => {
      read(NOTHING, query);
      const stream = begin(person);
      if (stream !== null) return stream;
      const told = `${person.name} has as many streams of events as one may have, or there are too many in all`;
      throw new PersonRefusal('too-many-streams', told);
    },
  };
}

export function analystRoutes({
  lemf,
  folder,
  show,
  exporter,
  exports,
  clock,
}: Pick<AnalystsOptions, 'lemf' | 'folder' | 'show' | 'exporter' | 'exports' | 'clock'>): PersonRoute[] {
  const get = (at: string, answer: PersonRoute['answer']): PersonRoute => ({
    ...{ method: 'GET', path: at, roles: ROLES },
    answer,
  });
  return [
    get('/v1/self', ({ query, person: { name, roles } }) => {
      read(NOTHING, query);
      return { body: { name, roles, lemf, exports: exporter !== null } };
    }),
    get('/v1/calls', async ({ query }) => {
      const { before = null, limit = USUAL_CALLS } = read(SELECTION, query);
      return { body: await show({ kind: 'calls', before, most: limit }) };
    }),
    get('/v1/calls/:id', async ({ params, query }) => {
      read(NOTHING, query);
      return { body: { calls: found(await show({ kind: 'call', id: params['id'] ?? '' })) } };
    }),
    get('/v1/calls/:id/records/:place', async ({ params, query }) => {
      const { source = null } = read(SOURCE, query);
      const { id = '', place = '' } = params;
      if (!/^\d{1,9}$/.test(place)) throw unknown();
      return { body: found(await show({ kind: 'record', id, source, place: Number(place) })) };
    }),
    get('/v1/calls/:id/files/:name', async ({ params, query }) => {
      read(NOTHING, query);
      const { id = '', name = '' } = params;
      found(await show({ kind: 'file', id, name }));
      return { body: await fileAt(path.join(folder, name), name.endsWith('.wav') ? 'audio/wav' : OCTETS) };
    }),
    get('/v1/calls/:id/export', async ({ person, params, query }) => {
      read(NOTHING, query);
      if (exporter === null) throw new AnalystRefusal('no-export', 'this program exports nothing');
      const { id = '' } = params;
      found(await show({ kind: 'call', id }));
      const release = exports.begin(person.name, clock.now() / 1000);
      if (release === null) throw new LemfError('busy', 'as many exports are being made as may be');
      try {
        const octets = await exporter(id);
        octets.once('close', release);
        return { body: new PersonOctets('application/x-tar', octets) };
      } catch (error) {
        release();
        throw error;
      }
    }),
  ];
}

const OCTETS = 'application/octet-stream';

/** A whole number in a query. */
function number(expected: string, min: number, max: number) {
  return Type.Decode(Type.String({ errorMessage: expected }), (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) throw new Unfit(expected);
    return value;
  });
}

const NOTHING = new Form(strict({}));
const SOURCE = new Form(strict({ source: Type.Optional(Type.String({ maxLength: 300 })) }));
const SELECTION = new Form(
  strict({
    before: Type.Optional(number('a whole number', 0, Number.MAX_SAFE_INTEGER)),
    limit: Type.Optional(number(`a whole number from 1 to ${MOST_CALLS}`, 1, MOST_CALLS)),
  }),
);

/** @throws AnalystRefusal `malformed` */
function read<T>(
  form: { readOr(json: unknown, or: (faults: readonly Fault[]) => Error): T },
  query: unknown,
): T {
  return form.readOr({ ...(query as object) }, (faults) => {
    const told = faults.map((fault) => faultText(fault, 'the query', 'parameter'));
    return new AnalystRefusal('malformed', told.join('; '));
  });
}

type Fault = Parameters<typeof faultText>[0];

/** @throws AnalystRefusal `unknown` */
function found<T>(answer: T | null): T {
  if (answer === null) throw unknown();
  return answer;
}

function unknown(): AnalystRefusal {
  return new AnalystRefusal('unknown', 'there is no such call, record or file');
}

/** As it was when it was opened: recovery puts another in its place. @throws AnalystRefusal `unknown` */
async function fileAt(file: string, type: string): Promise<PersonOctets> {
  try {
    const handle = await open(file);
    const { size } = await handle.stat();
    return new PersonOctets(type, handle.createReadStream({ end: Math.max(0, size - 1) }), size);
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') throw unknown();
    throw error;
  }
}

/**
 * The ADMF's door for officers (`api/admf.openapi.yaml`): a door for people (`net/persons-server.ts`) whose routes take
 * JSON and answer it.
 */
import type { FastifyInstance } from 'fastify';
import { personsServer, PERSON_STATUS } from '../../../net/persons-server.ts';
import type { PersonRefusalCode, PersonsServerOptions } from '../../../net/persons-server.ts';
import { OFFICE_ROLES } from '../../../net/tls.ts';
import { WatchError } from '../../../host/watched.ts';
import type { WatchErrorCode } from '../../../host/watched.ts';
import { StorageError } from '../../../storage/errors.ts';
import { OfficersError } from '../../../wire/officers/errors.ts';
import { AdmfError } from '../errors.ts';
import type { AdmfErrorCode } from '../errors.ts';
import { OfficerRefusal } from './routes.ts';
import type { OfficerRefusalCode, OfficerRoute, OfficerStreamRoute } from './routes.ts';

/** HTTP status of each refusal. */
export const OFFICERS_STATUS: Readonly<
  Record<
    AdmfErrorCode | OfficerRefusalCode | PersonRefusalCode | WatchErrorCode | 'malformed' | 'unavailable',
    number
  >
> = {
  ...PERSON_STATUS,
  malformed: 400,
  'bad-look': 400,
  'own-act': 403,
  'warrant-unknown': 404,
  'not-watched': 404,
  absent: 404,
  'warrant-exists': 409,
  'wrong-state': 409,
  'change-pending': 409,
  'nothing-pending': 409,
  stale: 412,
  'invalid-warrant': 422,
  'invalid-act': 422,
  'generation-required': 428,
  'too-many-looks': 429,
  'provisioning-failed': 502,
  // Not the caller is refused, but the ADMF.
  'not-shown': 502,
  unreachable: 502,
  stopped: 503,
  unavailable: 503,
};

/** Where the database is, is not an officer's concern. */
const AWAY = {
  status: OFFICERS_STATUS.unavailable,
  code: 'unavailable',
  detail: 'the database cannot be used now: nothing was changed',
};

/** Octets: an import of as many warrants as it may have. */
const BODY_LIMIT = 4 << 20;

export interface OfficersServerOptions extends Pick<
  PersonsServerOptions,
  'tls' | 'logger' | 'limits' | 'names' | 'audit' | 'clock'
> {
  readonly routes: readonly OfficerRoute[];
  readonly streams: readonly OfficerStreamRoute[];
}

export function officersServer(options: OfficersServerOptions): FastifyInstance {
  return personsServer({
    ...options,
    ...{ name: 'officers', kind: 'officer', roles: OFFICE_ROLES, bodyLimit: BODY_LIMIT },
    routes: options.routes.map((route) => ({
      ...route,
      answer: ({ params: { liid = '', entity = '' }, ...call }) => route.answer({ ...call, liid, entity }),
    })),
    statusOf: (error) => {
      if (error instanceof StorageError && error.code === 'unavailable') return AWAY;
      return error instanceof AdmfError ||
        error instanceof OfficerRefusal ||
        error instanceof OfficersError ||
        error instanceof WatchError
        ? { status: OFFICERS_STATUS[error.code], code: error.code }
        : null;
    },
  });
}

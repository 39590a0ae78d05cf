/**
 * Looks at other entities for auditors and operators at the ADMF's door: at their admin listeners, with the ADMF's own
 * certificate. The ADMF sees to the role; what is read of an audit log is on that log, with the name of the person.
 *
 * A page looks at all entities every few seconds. Looks of one person, and of all, are so many at a time; one more is
 * refused (429), and asked for again.
 */
import { Readable } from 'node:stream';
import type { Clock } from '../../../bytes/ports.ts';
import type { Quotas } from '../../../bytes/quotas.ts';
import { auditLookQuery, readAuditLook } from '../../../host/audit-look.ts';
import { LOOKS } from '../../../host/watched.ts';
import type { Look, WatchedEntities } from '../../../host/watched.ts';
import { PersonOctets } from '../../../net/persons-server.ts';
import type { PersonRole } from '../../../net/tls.ts';
import { OfficersError } from '../../../wire/officers/errors.ts';
import { decodeNoSelection, WATCH_PATH } from '../../../wire/officers/system.ts';
import { OfficerRefusal } from './routes.ts';
import type { OfficerCall, OfficerRoute } from './routes.ts';

/** Looks under way: of one person as many as a connection of a browser has streams. */
export const LOOK_LIMITS = { each: 100, all: 400 };

/** As at the admin listeners. */
const LOOKERS: Readonly<Record<Look, readonly PersonRole[]>> = {
  status: ['auditor', 'operator'],
  metrics: ['auditor', 'operator'],
  audit: ['auditor'],
};

export interface WatchRoutesOptions {
  readonly watched: Pick<WatchedEntities, 'names' | 'look'>;
  /** Of looks under way. */
  readonly looks: Pick<Quotas, 'begin'>;
  readonly clock: Clock;
}

export function watchRoutes({ watched, looks, clock }: WatchRoutesOptions): OfficerRoute[] {
  const list: OfficerRoute = {
    ...{ method: 'GET', path: WATCH_PATH, roles: ['auditor', 'operator'] },
    answer: ({ query }) => {
      decodeNoSelection(query);
      return { body: { entities: watched.names } };
    },
  };
  const looked = LOOKS.map((look): OfficerRoute => ({
    ...{ method: 'GET', path: `${WATCH_PATH}/:entity/${look}`, roles: LOOKERS[look], isRecordedThere: true },
    answer: async (call) => {
      const query = queryOf(look, call);
      const end = looks.begin(call.person.name, clock.now() / 1000);
      if (end === null) throw new OfficerRefusal('too-many-looks', 'too many looks are under way: ask again');
      try {
        const { type, octets } = await watched.look(call.entity, look, query);
        return { body: new PersonOctets(type, Readable.from([Buffer.from(octets)]), octets.length) };
      } finally {
        end();
      }
    },
  }));
  return [list, ...looked];
}

/** What the entity is asked, in the name of the person. @throws OfficersError */
function queryOf(look: Look, { query, person }: OfficerCall): string {
  if (look !== 'audit') {
    decodeNoSelection(query);
    return '';
  }
  const asked = readAuditLook(query);
  if (typeof asked === 'string') throw new OfficersError('malformed', asked);
  if (asked.for !== null) throw new OfficersError('malformed', 'for: the ADMF says it');
  return auditLookQuery({ ...asked, for: person.name });
}

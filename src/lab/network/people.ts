/** The people of a laboratory's home: what each may do, at the ADMF and at the admin listeners, and what each is configured with. */
import { endpointText } from '../../bytes/network-address.ts';
import type { PersonRole, TlsFiles } from '../../net/tls.ts';
import type { HomePlan, Service } from './home.ts';
import { hostOf } from './home.ts';

export const PEOPLE: Readonly<Record<string, readonly PersonRole[]>> = {
  'officer-1': ['officer', 'approver'],
  'officer-2': ['officer', 'approver'],
  auditor: ['auditor'],
  operator: ['operator'],
};

/** Where an entity's admin listener is. */
export interface WatchedEntity {
  readonly entity: Service;
  readonly address: string;
  readonly port: number;
}

/** The ports that configurations of people name; hosts lead to the real ones. */
const OFFICERS_PORT = 8443;
const ADMIN_PORT = 9464;

/** As certificates name a person of a home. */
export function personName(person: string, { domain }: Pick<HomePlan, 'domain'>): string {
  return `${person}.${domain}`;
}

/** Who is admitted at the admin listeners of a home. */
export function watchersOf(home: Pick<HomePlan, 'domain'>): string[] {
  return Object.entries(PEOPLE).flatMap(([person, roles]) =>
    isWatcher(roles) ? [personName(person, home)] : [],
  );
}

/**
 * What `claviger warrant` and `claviger console` take of a person: the door for officers of the home's ADMF, where its
 * LEMF is, and of whoever may watch the entities, where these are.
 */
export function personConfig(
  person: string,
  home: HomePlan,
  tls: TlsFiles,
  watched: readonly WatchedEntity[],
): object {
  const door = `${hostOf('admf', home)}:${OFFICERS_PORT}`;
  const entities = isWatcher(PEOPLE[person] ?? [])
    ? watched.map((each) => ({ ...each, host: `${each.entity}.${home.domain}:${ADMIN_PORT}` }))
    : [];
  return {
    url: `https://${door}`,
    tls,
    hosts: {
      [door]: endpointText({ address: home.address, port: home.ports['admf.officers'] ?? 0 }),
      ...Object.fromEntries(entities.map((each) => [each.host, endpointText(each)])),
    },
    lemf: {
      hi2: { host: hostOf('lemf', home), port: 7512 },
      hi3: { host: hostOf('lemf', home), port: 7513 },
    },
    ...(entities.length === 0
      ? {}
      : { entities: entities.map(({ entity, host }) => ({ kind: entity, url: `https://${host}` })) }),
  };
}

function isWatcher(roles: readonly PersonRole[]): boolean {
  return roles.includes('auditor') || roles.includes('operator');
}

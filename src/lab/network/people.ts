/**
 * The people of a laboratory's home: what each may do, at the ADMF, at the LEMF and at the admin listeners, and what each is
 * configured with.
 */
import path from 'node:path';
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

/** Who listens at the LEMF. */
export const ANALYST = 'analyst';

/** Where an entity's admin listener is. */
export interface WatchedEntity {
  readonly entity: Service;
  /** `kms`, or `kms-2` of several. */
  readonly process: string;
  /** The port that configurations name: processes of one entity have one name. */
  readonly nominal: number;
  readonly address: string;
  readonly port: number;
}

/** The ports that configurations of people name; hosts lead to the real ones. */
const DOOR_PORT = 8443;
/** The first of the processes of an entity. */
const ADMIN_PORT = 9464;

/** Gives the processes of a home their admin listeners. @param next gives a free port */
export function watchedOf(
  processes: readonly { readonly kind: Service; readonly name: string }[],
  address: string,
  next: () => number,
): WatchedEntity[] {
  return processes.map(({ kind, name }, at) => {
    const before = processes.slice(0, at).filter((other) => other.kind === kind).length;
    return { entity: kind, process: name, nominal: ADMIN_PORT + before, address, port: next() };
  });
}

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
  const door = `${hostOf('admf', home)}:${DOOR_PORT}`;
  const entities = isWatcher(PEOPLE[person] ?? [])
    ? watched.map((each) => ({ ...each, host: `${each.entity}.${home.domain}:${each.nominal}` }))
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

/** What the door for analysts of the home's LEMF takes of its analyst. @param port where the door is */
export function configOfAnalyst(home: HomePlan, tls: TlsFiles, port: number): object {
  const door = `${hostOf('lemf', home)}:${DOOR_PORT}`;
  return {
    url: `https://${door}`,
    tls,
    hosts: { [door]: endpointText({ address: home.address, port }) },
  };
}

/** What entities have in their settings for people: two approve at the ADMF, and the LEMF recovers what its analyst sees. */
export function settingsForPeople(
  home: HomePlan,
  { state, analysts: port }: { readonly state: string; readonly analysts: number },
): Partial<Record<Service, object>> {
  const { address } = home;
  const peers = Object.keys(PEOPLE).map((person) => personName(person, home));
  return {
    admf: { approval: 'two', officers: { address, port: home.ports['admf.officers'], peers } },
    lemf: {
      analysts: { address, port, peers: [personName(ANALYST, home)] },
      recoverInto: path.join(state, home.name, 'recovered'),
    },
  };
}

function isWatcher(roles: readonly PersonRole[]): boolean {
  return roles.includes('auditor') || roles.includes('operator');
}

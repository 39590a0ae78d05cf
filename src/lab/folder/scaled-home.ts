/**
 * A home whose KMS and DF are several processes each, with a PostgreSQL server and a NATS server between them:
 *
 *     phones, X1 ──► kms-1 ─┐         CSCF ──X2──► df-intake-1 ─┐          ┌── df-mediation-1, -2, -3 ── PostgreSQL
 *                           ├── PostgreSQL                      ├── NATS ──┤
 *     Xk ──────────► kms-2 ─┘      gateway ──X3──► df-intake-2 ─┘          └── df-delivery-1, -2 ──HI2/HI3──► LEMF
 *
 * Of several that could do the same each has part of the work, as with names of several addresses: where one of them is
 * away, who is led to it waits for it.
 */
import path from 'node:path';
import { endpointText } from '../../bytes/network-address.ts';
import { hostOf, SERVICES } from '../network/home.ts';
import type { HomePlan, Service } from '../network/home.ts';
import type { HomeConfigs } from '../network/home-configs.ts';
import type { PortRange } from '../network/ports.ts';
import { databaseUser, passwordFile, streamsName, streamUser } from '../engines/users.ts';
import type { DatabaseEntity, StreamRole } from '../engines/users.ts';
import type { EnginePorts, NamedProcess } from './lab-folder.ts';

/** Processes of an entity that do the same. */
interface Rank {
  readonly name: string;
  readonly count: number;
  /** Of a DF: what they do of it. */
  readonly role?: StreamRole;
}

/** How many processes there are of what: the one place that says it. */
export const RANKS: Readonly<Partial<Record<Service, readonly Rank[]>>> = {
  kms: [{ name: 'kms', count: 2 }],
  df: [
    { name: 'df-intake', count: 2, role: 'intake' },
    { name: 'df-mediation', count: 3, role: 'mediation' },
    { name: 'df-delivery', count: 2, role: 'delivery' },
  ],
};

/** Octets that may wait in the streams of a laboratory's DF. */
const STREAM_OCTETS = {
  ...{ signallingOctets: 64 << 20, contentOctets: 256 << 20 },
  ...{ hi2Octets: 256 << 20, hi3Octets: 2 ** 30 },
};
/** A laboratory's DF has another in its place soon. */
const LEASE_MS = 5_000;
/** Connections of a process to the database: several processes share a small server. */
const CONNECTIONS = 8;

/** What a home consists of: one process of each entity, or where it is scaled as many as there are ranks of it. */
export function processesOf(isScaled: boolean): NamedProcess[] {
  return SERVICES.flatMap((kind) => {
    const ranks = isScaled ? RANKS[kind] : undefined;
    if (ranks === undefined) return [{ kind, name: kind }];
    return ranks.flatMap(({ name, count }) =>
      Array.from({ length: count }, (_, at) => ({ kind, name: `${name}-${at + 1}` })),
    );
  });
}

export interface ScaledPlace {
  /** Folder of the laboratory's engines. */
  readonly engines: string;
  readonly ports: EnginePorts;
  /** Folder of what the home's entities keep. */
  readonly state: string;
  /** Where further listeners get their ports. */
  readonly range: PortRange;
}

export type ConfiguredProcess = NamedProcess & { readonly config: Readonly<Record<string, unknown>> };

/** The configurations of all of a home's processes, made of those of one process each. */
export function scaledHome(
  home: HomePlan,
  one: HomeConfigs['entities'] & { readonly mailbox: Record<string, unknown> | null },
  place: ScaledPlace,
): ConfiguredProcess[] {
  const scaled = new ScaledHome(home, place);
  return SERVICES.flatMap((kind): ConfiguredProcess[] => {
    const config = one[kind];
    if (config === null) return [];
    if (kind === 'kms') return scaled.kms(config);
    if (kind === 'df') return scaled.df(config);
    return [{ kind, name: kind, config: scaled.led(kind, config) }];
  });
}

class ScaledHome {
  readonly #home: HomePlan;
  readonly #place: ScaledPlace;
  /** Ports of the processes of an entity, by listener: the first has that of the plan. */
  readonly #ports: Readonly<Record<string, readonly number[]>>;

  constructor(home: HomePlan, place: ScaledPlace) {
    this.#home = home;
    this.#place = place;
    const ports = (listener: string, count: number): number[] =>
      Array.from({ length: count }, (_, at) => (at === 0 ? (home.ports[listener] ?? 0) : place.range.tcp()));
    const countOf = (kind: Service, wanted: StreamRole | null): number =>
      RANKS[kind]?.find(({ role }) => wanted === null || role === wanted)?.count ?? 1;
    const kms = countOf('kms', null);
    this.#ports = {
      ...Object.fromEntries(
        ['kms.users', 'kms.xk', 'kms.x1'].map((listener) => [listener, ports(listener, kms)]),
      ),
      'df.x2x3': ports('df.x2x3', countOf('df', 'intake')),
      'df.x1': ports('df.x1', countOf('df', 'mediation')),
    };
  }

  kms(config: Readonly<Record<string, unknown>>): ConfiguredProcess[] {
    const listens = (setting: 'users' | 'xk' | 'x1', at: number): object => ({
      ...(config[setting] as object),
      port: this.#port(`kms.${setting}`, at),
    });
    return this.#each('kms', 'kms').map(({ name, at }) => ({
      kind: 'kms',
      name,
      config: {
        ...config,
        ...{ users: listens('users', at), xk: listens('xk', at), x1: listens('x1', at) },
        state: this.#kept(name),
        database: this.#database('kms', name),
      },
    }));
  }

  df(config: Readonly<Record<string, unknown>>): ConfiguredProcess[] {
    return (RANKS.df ?? []).flatMap(({ name: rank, role = 'mediation' }) =>
      this.#each('df', rank).map(({ name, at }): ConfiguredProcess => {
        const {
          x2x3,
          x1,
          store: _,
          ...others
        } = config as {
          readonly x2x3: object;
          readonly x1: { readonly listen: object; readonly store: unknown };
          readonly store: unknown;
        };
        const { store: __, listen, ...ofX1 } = x1;
        const isIntake = role === 'intake';
        // Who does not mediate keeps nothing, but has a name for it, by which its control socket is found.
        const keeps =
          role === 'mediation'
            ? {
                x1: { ...ofX1, listen: { ...listen, port: this.#port('df.x1', at) } },
                database: this.#database('df', name),
              }
            : {
                x1: {
                  ...ofX1,
                  listen: { address: this.#home.address },
                  store: this.#kept(`${name}-tasks.db`),
                },
                store: this.#kept(`${name}.db`),
              };
        return {
          kind: 'df',
          name,
          config: {
            ...{
              ...others,
              ...keeps,
              roles: [role],
              streams: this.#streams(role, name),
            },
            x2x3: { ...x2x3, port: isIntake ? this.#port('df.x2x3', at) : 0 },
            audit: this.#kept(`${name}-audit.jsonl`),
            hosts: this.#hosts(config, [['kms', 8443, 'kms.xk', at + 1]]),
          },
        };
      }),
    );
  }

  /** Of an entity that is one process, with the way to those that are several. */
  led(kind: Service, config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    if (kind === 'gateway') return { ...config, hosts: this.#hosts(config, [['df', 6514, 'df.x2x3', 1]]) };
    return config;
  }

  #each(kind: Service, rank: string): { readonly name: string; readonly at: number }[] {
    const count = RANKS[kind]?.find(({ name }) => name === rank)?.count ?? 0;
    return Array.from({ length: count }, (_, at) => ({ name: `${rank}-${at + 1}`, at }));
  }

  /** A configuration's hosts, where some lead to another of several processes: its number, round and round. */
  #hosts(
    config: Readonly<Record<string, unknown>>,
    ways: readonly (readonly [entity: 'kms' | 'df', nominal: number, listener: string, at: number])[],
  ): object {
    const led = ways.map(([entity, nominal, listener, at]): [string, string] => [
      `${hostOf(entity, this.#home)}:${nominal}`,
      endpointText({ address: this.#home.address, port: this.#port(listener, at) }),
    ]);
    return { ...(config['hosts'] as object), ...Object.fromEntries(led) };
  }

  #port(listener: string, at: number): number {
    const all = this.#ports[listener] ?? [];
    return all[at % all.length] ?? 0;
  }

  #kept(name: string): string {
    return path.join(this.#place.state, this.#home.name, name);
  }

  #database(entity: DatabaseEntity, instance: string): object {
    const { engines, ports } = this.#place;
    const user = databaseUser(entity, this.#home.name);
    return {
      ...{ engine: 'postgresql', host: '127.0.0.1', port: ports.postgresql, name: user },
      ...{ user, passwordFile: passwordFile(engines, 'postgresql', user) },
      ...{ schema: user, instance, connections: CONNECTIONS },
    };
  }

  /** @param process its name: of one that delivers also that of its leases */
  #streams(role: StreamRole, process: string): object {
    const { engines, ports } = this.#place;
    const user = streamUser(role, this.#home.name);
    return {
      servers: [`127.0.0.1:${ports.nats}`],
      ...{ user, passwordFile: passwordFile(engines, 'nats', user), name: streamsName(this.#home.name) },
      ...{ ...STREAM_OCTETS, leaseMs: LEASE_MS },
      ...(role === 'delivery' ? { instance: process } : {}),
    };
  }
}

/**
 * The people of a network whose entities are in one process: a certificate for each, and for those who may watch an
 * admin listener at each entity, as `claviger ENTITY run` would have it.
 */
import type { Runtime } from '../../host/runtime.ts';
import { AdminListener } from '../../host/admin.ts';
import { EntityStatus } from '../../host/entity-status.ts';
import type { ToldOperation } from '../../host/entity-status.ts';
import type { TlsFiles } from '../../net/tls.ts';
import type { Entity, HomeName, HomePlan, Service } from './home.ts';
import { ANALYST, configOfAnalyst, PEOPLE, personConfig, personName } from './people.ts';
import { settingsForPeople, watchedOf, watchersOf } from './people.ts';
import type { WatchedEntity } from './people.ts';
import type { LabPki } from './pki.ts';

/** Somebody, with the configuration that `claviger console` takes. */
export interface LabPerson {
  /** `officer-1.home1` */
  readonly name: string;
  readonly config: object;
}

interface OpenAdmin {
  readonly home: HomeName;
  readonly listener: AdminListener;
  readonly watched: WatchedEntity;
}

/** Where people find what is theirs. */
interface PeoplePlaces {
  /** Where entities keep their state. */
  readonly state: string;
  /** A port for each home's door for analysts. */
  readonly newPort: () => number;
}

export class LabPeople {
  readonly #homes: readonly HomePlan<HomeName>[];
  readonly #state: string;
  /** By person and home. */
  readonly #issued: ReadonlyMap<string, TlsFiles>;
  /** Ports of doors for analysts, by home. */
  readonly #analysts: ReadonlyMap<string, number>;
  /** By entity and home. */
  readonly #open = new Map<string, OpenAdmin>();

  private constructor(
    homes: readonly HomePlan<HomeName>[],
    issued: ReadonlyMap<string, TlsFiles>,
    { state, newPort }: PeoplePlaces,
  ) {
    this.#homes = homes;
    this.#issued = issued;
    this.#state = state;
    this.#analysts = new Map(homes.map(({ name }) => [name, newPort()]));
  }

  static async issue(
    pki: LabPki,
    homes: readonly HomePlan<HomeName>[],
    places: PeoplePlaces,
  ): Promise<LabPeople> {
    const issued = new Map<string, TlsFiles>();
    for (const home of homes)
      for (const [person, roles] of Object.entries({ ...PEOPLE, [ANALYST]: ['analyst'] as const })) {
        const subject = { commonName: personName(person, home), dnsNames: [], roles };
        issued.set(`${person}.${home.name}`, await pki.issue(subject));
      }
    return new LabPeople(homes, issued, places);
  }

  /** What an entity is to have in its settings for them. */
  settingsOf(entity: Service, name: HomeName): object | undefined {
    const places = { state: this.#state, analysts: this.#analysts.get(name) ?? 0 };
    return settingsForPeople(this.#homeOf(name), places)[entity];
  }

  /** Has an entity watched that has been started. */
  async open(entity: Entity, name: HomeName, operation: ToldOperation, runtime: Runtime): Promise<void> {
    const home = this.#homeOf(name);
    const settings = { address: home.address, port: 0, peers: watchersOf(home) };
    const status = new EntityStatus(operation, runtime.clock);
    const listener = await AdminListener.open(settings, status, runtime.logger);
    const own = [{ kind: entity, name: entity }];
    for (const watched of watchedOf(own, home.address, () => listener.at.port))
      this.#open.set(`${entity}.${name}`, { home: name, listener, watched });
  }

  /** Before the entity is stopped. */
  async close(entity: Entity, name: HomeName): Promise<void> {
    const open = this.#open.get(`${entity}.${name}`);
    this.#open.delete(`${entity}.${name}`);
    await open?.listener.stop();
  }

  /** All of them, those of the first home first, with the entities that are watched now. */
  all(): LabPerson[] {
    return this.#homes.flatMap((home) => {
      const own = [...this.#open.values()].filter((each) => each.home === home.name);
      const watched = own.map((each) => each.watched);
      return [...Object.keys(PEOPLE), ANALYST].flatMap((person) => {
        const name = `${person}.${home.name}`;
        const tls = this.#issued.get(name);
        if (tls === undefined) return [];
        const port = this.#analysts.get(home.name) ?? 0;
        const config =
          person === ANALYST ? configOfAnalyst(home, tls, port) : personConfig(person, home, tls, watched);
        return [{ name, config }];
      });
    });
  }

  #homeOf(name: HomeName): HomePlan<HomeName> {
    const home = this.#homes.find((each) => each.name === name);
    if (home === undefined) throw new Error(`there is no ${name}`);
    return home;
  }
}

/**
 * The whole network on loopback: two homes, each with KMS, CSCF, media gateway, ADMF, DF and LEMF, and their phones, in
 * one process. Every entity is started from the configuration that its own command would take, and speaks to the others
 * through sockets alone.
 */
import path from 'node:path';
import { pinoLogger } from '../../host/log.ts';
import type { LogLevel } from '../../host/log.ts';
import { frozenClock, seededRandom, systemClock, systemRandom } from '../../host/runtime.ts';
import type { Runtime } from '../../host/runtime.ts';
import { mailboxConfig } from '../../entities/mailbox/config.ts';
import { startMailbox } from '../../entities/mailbox/start.ts';
import type { RunningMailbox } from '../../entities/mailbox/start.ts';
import { ueConfig } from '../../entities/ue/config.ts';
import { startUe } from '../../entities/ue/start.ts';
import type { RunningUe } from '../../entities/ue/start.ts';
import type { Logger } from '../../bytes/ports.ts';
import type { DfEvent } from '../../entities/df/events.ts';
import type { LemfEvent } from '../../entities/lemf/ports.ts';
import type { Datagrams } from '../../media/datagrams.ts';
import { udpDatagrams } from '../../net/datagrams.ts';
import { makeFolder } from '../../storage/files.ts';
import { configureHome } from './home-configs.ts';
import type { HomeConfigs } from './home-configs.ts';
import { localEntity, startLabEntity } from './entities.ts';
import type { LabEntity, RunningEntities, EntitySighting, TaskName, Tasks, Watching } from './entities.ts';
import { HOMES, hostOf, identityOf, planHome, SIP_TLS, START_ORDER } from './home.ts';
import type { CertifiedPhones, Entity, HomeName, HomePlan, Plan, Service } from './home.ts';
import { LabPeople } from './lab-people.ts';
import type { LabPerson } from './lab-people.ts';
import { LabPki } from './pki.ts';
import { listened, tapped } from './media-tap.ts';
import type { MediaListener } from './media-tap.ts';
import { findPorts, LOOPBACK_ADDRESS } from './ports.ts';
import type { PortBlock } from './ports.ts';
import { SignallingRecord } from './signalling.ts';
import type { SipListener } from './signalling.ts';
import type { StreamObserver } from '../../net/tls-listener.ts';
import type { Timeline } from '../timeline.ts';
import { x1Tap } from './x1-tap.ts';
import { ignoringSeed } from './phone-faults.ts';
import type { PhoneFault } from './phone-faults.ts';

/** A day in the life of the reproducible runs: 2027-03-19T07:17:20Z. */
export const REPRODUCIBLE_TIME = 1_805_440_640_000;
const DAY_MS = 86_400_000;
/** Of its certificates before a run. */
const VALID_DAYS_BEFORE = 7;
/** After it: longer than what is left where their end is warned of (`host/validity.ts`). */
const VALID_DAYS = 60;

export interface NetworkOptions {
  /** Folder for the entities' state, certificates and keys. */
  readonly state: string;
  /** Folder for the record; `null`: none is kept. */
  readonly out: string | null;
  readonly users: Readonly<Record<HomeName, readonly string[]>>;
  /** Names of the phones of users who have several: `desk` of bob is the phone `bob.desk`. */
  readonly devices?: Readonly<Record<string, readonly string[]>>;
  /** Phones that prove themselves to their KMS by certificates; default: none. */
  readonly certified?: CertifiedPhones;
  /** Days that certificates last from a run on; default: longer than their end is warned of. */
  readonly validDays?: number;
  readonly timeline: Timeline;
  readonly revealSecrets?: boolean;
  /** Time and randomness of signalling and media from a seed; never for anything but reproducible runs. */
  readonly seed?: string;
  /** First port of the block; `null`: any free block. */
  readonly portBase?: number | null;
  /** Everything is on ::1 instead of 127.0.0.1. */
  readonly ipv6?: boolean;
  /** SIP is over TLS, of phones and between homes. */
  readonly sipTls?: boolean;
  readonly log?: LogLevel;
  /** Settings of all phones, in place of their usual ones. */
  readonly phoneSettings?: Readonly<Record<string, unknown>>;
  /** Settings of single phones, in place of those, by user. */
  readonly phoneSettingsOf?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The configuration of a party in place of its usual one. @param party `alice`, `cscf.home1` */
  readonly configure?: (
    party: string,
    config: Readonly<Record<string, unknown>>,
  ) => Readonly<Record<string, unknown>>;
  /** Told of every datagram that a phone receives, before the phone. */
  readonly onHeard?: (user: string, octets: Uint8Array) => void;
  /** Faults of phones, by user. */
  readonly phoneFaults?: Readonly<Record<string, readonly PhoneFault[]>>;
  /** Entities that whoever runs the laboratory starts, from `configOf`, perhaps in processes of their own. */
  readonly leaveOut?: readonly { readonly entity: Entity; readonly home: HomeName }[];
  /** Told of every datagram that phones and gateways send. */
  readonly onMedia?: MediaListener;
  /** Told of every SIP message that phones and CSCFs send. */
  readonly onSip?: SipListener;
  /** Told of what DFs and LEMFs read and write within TLS. */
  readonly onStream?: StreamObserver;
  readonly onDf?: (home: HomeName, event: DfEvent) => void;
  readonly onLemf?: (home: HomeName, event: LemfEvent) => void;
  /** Whether there are people: officers at the ADMFs, and who may watch the entities, which are in this process then. */
  readonly people?: boolean;
  /** Makes exports for the analysts among them. */
  readonly exporter?: NonNullable<Watching['exporter']>;
  /** Who runs the entities, if not this process; phones are in this process in any case. */
  readonly hosting?: Hosting;
}

/** Runs the entities of a network elsewhere than in this process. */
export interface Hosting {
  /** @param sees told of what it tells, in the order of time with that of others */
  start(
    entity: Entity,
    home: HomeName,
    config: Record<string, unknown>,
    sees: (sighting: EntitySighting) => void,
  ): Promise<LabEntity>;
  /** Something that was seen in this process, to be told of in its order. */
  inOrder(tell: () => void): void;
  /** Resolves when all that has happened so far was told of. */
  settled(): Promise<void>;
}

type RunningHome = { [E in Entity]: RunningEntities[E] | null };

export class Network {
  readonly plan: Plan<HomeName>;
  readonly signalling: SignallingRecord;
  readonly #options: NetworkOptions;
  readonly #block: PortBlock;
  readonly #configs: Readonly<Record<HomeName, HomeConfigs>>;
  /** By entity and home. */
  readonly #configured = new Map<string, Record<string, unknown>>();
  readonly #homes: Record<HomeName, RunningHome> = { home1: nobody(), home2: nobody() };
  /** All that run, by name. */
  readonly #entities = new Map<string, LabEntity>();
  readonly #phones = new Map<string, RunningUe>();
  readonly #people: LabPeople | null;
  #stopped = false;

  private constructor(
    options: NetworkOptions,
    block: PortBlock,
    plan: Plan<HomeName>,
    configs: Record<HomeName, HomeConfigs>,
    people: LabPeople | null,
  ) {
    this.#options = options;
    this.#people = people;
    this.#block = block;
    this.plan = plan;
    this.#configs = configs;
    const { out, timeline, onSip } = options;
    const record = out === null ? null : path.join(out, 'signalling');
    this.signalling = new SignallingRecord(record, timeline, onSip);
    for (const home of HOMES) {
      const { address, ports } = plan.homes[home];
      for (const listener of ['cscf.sip', SIP_TLS])
        this.signalling.listens(`cscf.${home}`, { address, port: ports[listener] ?? 0 });
    }
  }

  /**
   * Lays the network out without starting anything: ports, certificates, configurations. `stop` gives the ports back,
   * also where nothing was started.
   */
  static async layOut(options: NetworkOptions): Promise<Network> {
    const address = options.ipv6 === true ? LOOPBACK_ADDRESS.ipv6 : LOOPBACK_ADDRESS.ipv4;
    const block = await findPorts(options.portBase ?? null, address);
    const random = options.seed === undefined ? systemRandom() : seededRandom(options.seed, 'plan');
    const homes = {
      home1: planHome('home1', options.users.home1, block, random, 0, options.sipTls, options.devices),
      home2: planHome('home2', options.users.home2, block, random, 1, options.sipTls, options.devices),
    };
    makeFolder(options.state, 0o700);
    const { state, out } = options;
    const { certified = [], revealSecrets = false, validDays = VALID_DAYS } = options;
    const plan: Plan<HomeName> = { state, out, revealSecrets, certified, homes };
    const times = [systemClock().now(), ...(options.seed === undefined ? [] : [REPRODUCIBLE_TIME])];
    const validity = {
      from: Math.min(...times) - VALID_DAYS_BEFORE * DAY_MS,
      to: Math.max(...times) + validDays * DAY_MS,
    };
    const pki = await LabPki.create(path.join(state, 'pki'), validity);
    const configs = {
      home1: await configureHome(plan, homes.home1, pki),
      home2: await configureHome(plan, homes.home2, pki),
    };
    const places = { state, newPort: () => block.tcp() };
    const people = options.people === true ? await LabPeople.issue(pki, Object.values(homes), places) : null;
    return new Network(options, block, plan, configs, people);
  }

  /** Lays out and starts everything but the phones' registrations. */
  static async start(options: NetworkOptions): Promise<Network> {
    const network = await Network.layOut(options);
    const wanted = (entity: Entity, home: HomeName): boolean =>
      options.leaveOut?.some((other) => other.entity === entity && other.home === home) !== true;
    try {
      for (const entity of START_ORDER) {
        const homes = HOMES.filter((home) => wanted(entity, home));
        await Promise.all(homes.map((home) => network.startEntity(entity, home)));
      }
      for (const home of HOMES) {
        for (const phone of Object.keys(network.#configs[home].phones))
          await network.#startPhone(home, phone);
      }
    } catch (error) {
      await network.stop();
      throw error;
    }
    return network;
  }

  /** The configuration of an entity, as its own command takes it; what is changed in it is what the entity starts with. */
  configOf(entity: Service, home: HomeName): Record<string, unknown> {
    const name = `${entity}.${home}`;
    const known = this.#configured.get(name);
    if (known !== undefined) return known;
    const { entities, mailbox } = this.#configs[home];
    const config = entity === 'mailbox' ? mailbox : entities[entity];
    if (config === null) throw new Error(`${home} has no mailbox`);
    const forPeople = this.#people?.settingsOf(entity, home);
    const configured = { ...(this.#options.configure?.(name, config) ?? config), ...forPeople };
    this.#configured.set(name, configured);
    return configured;
  }

  /** The usual configuration of a phone, as `claviger ue run` takes it. @param name of the user, or of one of several phones */
  phoneConfigOf(name: string): Record<string, unknown> {
    const config = this.#configs[this.homeOf(name).name].phones[name];
    if (config === undefined) throw new Error(`there is no phone of ${name}`);
    return config;
  }

  /** The configuration of a home's law enforcement agency, as `claviger hi1 send` takes it. */
  agencyConfigOf(home: HomeName): Record<string, unknown> {
    return this.#configs[home].agency;
  }

  /** A running entity of this process. @throws Error if it does not run here */
  running<E extends Entity>(entity: E, home: HomeName): NonNullable<RunningHome[E]> {
    const running = this.#homes[home][entity];
    if (running === null) throw new Error(`${entity}.${home} is not running`);
    return running;
  }

  /** @param name of the user, or of one of the user's phones: `bob.desk` */
  phone(name: string): RunningUe {
    const phone = this.#phones.get(name);
    if (phone === undefined) throw new Error(`there is no phone of ${name}`);
    return phone;
  }

  /** Of all that run. */
  get phoneNames(): string[] {
    return [...this.#phones.keys()];
  }

  /** With their configurations as things are now; none where no people were asked for. */
  people(): LabPerson[] {
    return this.#people?.all() ?? [];
  }

  /** SIP identity of a user, or of the user of a phone. */
  identity(name: string): string {
    return identityOf(this.homeOf(name), userOf(name));
  }

  /** Home of a user, or of the user of a phone. */
  homeOf(name: string): HomePlan<HomeName> {
    const user = userOf(name);
    const home = HOMES.find((each) => this.#options.users[each].includes(user));
    if (home === undefined) throw new Error(`${user} has no home`);
    return this.plan.homes[home];
  }

  /** Has an entity do something, wherever it runs. @throws Error if it does not run */
  perform<T extends TaskName>(
    [entity, home]: readonly [Tasks[T]['of'], HomeName],
    task: T,
    given: Tasks[T]['with'],
  ): Promise<Tasks[T]['gives']> {
    const running = this.#entities.get(`${entity}.${home}`);
    if (running === undefined) throw new Error(`${entity}.${home} is not running`);
    return running.perform(task, given);
  }

  /** Resolves when all that entities have done so far was told of. */
  async settled(): Promise<void> {
    await this.#options.hosting?.settled();
  }

  /** Starts an entity, again with the state that it left. */
  async startEntity(entity: Entity, home: HomeName): Promise<void> {
    if (this.#stopped) throw new Error('the network is stopped');
    const name = `${entity}.${home}`;
    const config = this.configOf(entity, home);
    const { hosting, timeline } = this.#options;
    const sees = (sighting: EntitySighting): void => this.#sees(name, home, sighting);
    this.#entities.set(
      name,
      hosting === undefined
        ? localEntity(entity, await this.#startHere(entity, home, sees))
        : await hosting.start(entity, home, config, sees),
    );
    await this.settled();
    timeline.add('lab', name, '', `${hostOf(entity, this.plan.homes[home])} is up`);
  }

  /** Stops an entity and leaves its state. */
  async stopEntity(entity: Entity, home: HomeName): Promise<void> {
    const name = `${entity}.${home}`;
    const running = this.#entities.get(name);
    if (running === undefined) return;
    this.#entities.delete(name);
    this.#homes[home][entity] = null;
    await this.#people?.close(entity, home);
    await running.stop();
    await this.settled();
    this.#options.timeline.add('lab', name, '', 'is down');
  }

  /** Registers every phone: parameters, keys and seeds, then SIP. */
  async register(): Promise<void> {
    for (const [user, phone] of this.#phones) {
      this.#options.timeline.add(
        'REQUEST_KEY',
        user,
        `kms.${this.homeOf(user).name}`,
        'parameters, private keys, seeds',
      );
      await phone.ue.register();
    }
  }

  /** One phone after the other, so that the order of what they still send is the same in every run. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const phone of this.#phones.values()) await phone.stop();
    for (const entity of START_ORDER.toReversed()) {
      await Promise.all(HOMES.map((home) => this.stopEntity(entity, home)));
    }
    this.#block.release();
  }

  async #startHere<E extends Entity>(
    entity: E,
    home: HomeName,
    sees: (sighting: EntitySighting) => void,
  ): Promise<RunningEntities[E]> {
    const name = `${entity}.${home}`;
    const runtime = this.#runtime(name);
    const datagrams = this.#datagrams(name, runtime.logger);
    const running = await startLabEntity(entity, this.configOf(entity, home), runtime, {
      ...{ sees, datagrams, exporter: this.#options.exporter },
    });
    const slot: { [K in Entity]: RunningEntities[K] | null } = this.#homes[home];
    slot[entity] = running;
    await this.#people?.open(entity, home, running.operation, runtime);
    return running;
  }

  #sees(name: string, home: HomeName, sighting: EntitySighting): void {
    const { onDf, onLemf, onMedia, timeline } = this.#options;
    switch (sighting.kind) {
      case 'df':
        onDf?.(home, sighting.event);
        break;
      case 'lemf':
        onLemf?.(home, sighting.event);
        break;
      case 'sip':
        this.signalling.observer(name)(sighting.seen);
        break;
      case 'x1':
        x1Tap(timeline)(sighting.from, sighting.to, sighting.octets);
        break;
      case 'media':
        onMedia?.(sighting.sent);
        break;
    }
  }

  async #startPhone(home: HomeName, user: string): Promise<void> {
    const faults = this.#options.phoneFaults?.[user] ?? [];
    const runtime = this.#runtime(user);
    // On a busy machine a repeated 183 (RFC 3262), or a 180 that overtakes the 200 to PRACK, would make two runs differ.
    const patience =
      this.#options.seed === undefined ? {} : { t1: 5000, answer: { ringMs: 1500, answerMs: 1500 } };
    // Reports say what has come so far, and come by chance: whoever counts packets, or compares runs, has none.
    const { phoneSettings, phoneSettingsOf, onHeard, configure } = this.#options;
    const usual = {
      ...this.#configs[home].phones[user],
      ...patience,
      rtcp: { intervalMs: 0 },
      ...phoneSettings,
      ...phoneSettingsOf?.[user],
    };
    const config = ueConfig(configure?.(user, usual) ?? usual);
    const datagrams = this.#datagrams(user, runtime.logger);
    const phone = await startUe(config, runtime, {
      datagrams: onHeard === undefined ? datagrams : listened(datagrams, (octets) => onHeard(user, octets)),
      keys: (held) => (faults.includes('ue-ignores-seed') ? ignoringSeed(held, runtime.random) : held),
    });
    const record = this.signalling.observer(user);
    const { hosting } = this.#options;
    phone.observe(hosting === undefined ? record : (observed) => hosting.inOrder(() => record(observed)));
    this.#phones.set(user, phone);
  }

  /** Starts the mailbox of a home that has a user of that name, again with what it has kept. Whoever starts it stops it. */
  async startMailbox(home: HomeName): Promise<RunningMailbox> {
    const config = this.configOf('mailbox', home);
    const name = `mailbox.${home}`;
    const runtime = this.#runtime(name);
    const running = await startMailbox(mailboxConfig(config), runtime, this.#datagrams(name, runtime.logger));
    running.observe(this.signalling.observer(name));
    this.#options.timeline.add('lab', name, '', 'is up');
    return running;
  }

  #datagrams(party: string, logger: Logger): Datagrams {
    const { onMedia } = this.#options;
    const datagrams = udpDatagrams(logger);
    return onMedia === undefined ? datagrams : tapped(datagrams, party, onMedia);
  }

  #runtime(name: string): Runtime {
    const { seed, log, onStream: observe } = this.#options;
    const logger = pinoLogger(log ?? 'silent', name);
    if (seed === undefined) return { clock: systemClock(), random: systemRandom(), logger, observe };
    return { clock: frozenClock(REPRODUCIBLE_TIME), random: seededRandom(seed, name), logger, observe };
  }
}

/** Whose phone it is. */
export function userOf(phone: string): string {
  return phone.split('.', 1)[0] ?? phone;
}

function nobody(): RunningHome {
  return { kms: null, cscf: null, gateway: null, df: null, admf: null, lemf: null };
}

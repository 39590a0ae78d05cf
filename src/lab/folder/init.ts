/**
 * `claviger init`: homes, their certificates and configurations, and people who may work on warrants. It is made beside
 * the place where it is to be, and moved there whole.
 */
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import Type from 'typebox';
import type { TSchema } from 'typebox';
import type { Random } from '../../bytes/ports.ts';
import { TLS_FILES } from '../../host/config.ts';
import { mapPaths } from '../../host/config-paths.ts';
import { programVersion } from '../../host/version.ts';
import type { TlsFiles } from '../../net/tls.ts';
import { makeFolder, writeWhole } from '../../storage/files.ts';
import { schemaOf } from '../check/configurations.ts';
import { LabError } from '../errors.ts';
import { configureHome } from '../network/home-configs.ts';
import { MAILBOX_USER, planHome, SERVICES } from '../network/home.ts';
import type { HomePlan, Plan, Service } from '../network/home.ts';
import { ANALYST, configOfAnalyst, PEOPLE, personConfig, personName } from '../network/people.ts';
import { settingsForPeople, watchedOf, watchersOf } from '../network/people.ts';
import type { WatchedEntity } from '../network/people.ts';
import { LabPki } from '../network/pki.ts';
import { composeFile } from '../packaging/compose.ts';
import { prometheusFiles } from '../packaging/prometheus.ts';
import type { WatchedHome } from '../packaging/prometheus.ts';
import { laboratoryPlace, systemdUnits } from '../packaging/systemd.ts';
import { LOOPBACK_ADDRESS, PortRange } from '../network/ports.ts';
import { AUTHORITY_DAYS, CERTIFICATE_DAYS, createAuthority, revokeIn, validityFrom } from '../pki/folder.ts';
import { ENGINES, makeEngines } from '../engines/engines.ts';
import { isHeld } from '../processes/run-note.ts';
import { agencyRequests } from './agency-requests.ts';
import { HOME_NAME, LabFolder, NOTE } from './lab-folder.ts';
import type { LabHome } from './lab-folder.ts';
import { processesOf, scaledHome } from './scaled-home.ts';
import type { ConfiguredProcess, ScaledPlace } from './scaled-home.ts';

export interface InitOptions {
  readonly folder: string;
  readonly homes: readonly string[];
  readonly portBase: number;
  /** A loopback address, where everything listens; default 127.0.0.1. */
  readonly address?: string;
  /** Whether a laboratory that is there gives way. */
  readonly force: boolean;
  /** Whether certificates are issued by an authority under the one that peers know; default: no. */
  readonly intermediate?: boolean;
  /** Whether entities look at revocation lists; default: no. */
  readonly revocation?: boolean;
  /** Whether phones prove themselves to their KMS by certificates; default: no, by pre-shared keys. */
  readonly phoneCertificates?: boolean;
  /** Whether LEMFs may ask the KMS of their home for keys themselves; default: no. */
  readonly lemfsAsk?: boolean;
  /** Whether KMS and DF are several processes each, with engines between them (docs/scale.md); default: no. */
  readonly scaled?: boolean;
  /** Unix milliseconds. */
  readonly now: number;
  readonly random: Random;
  /** What units start, if not this Node.js with this package: absolute. */
  readonly program?: LabProgram;
}

/** Node.js, the command line's script and the package's folder. */
export interface LabProgram {
  readonly node: string;
  readonly script: string;
  readonly root: string;
}

/** What was made, for whoever asked. */
export interface MadeLab {
  readonly homes: readonly LabHome[];
  readonly people: readonly string[];
  readonly ports: { readonly from: number; readonly to: number };
}

/** Two subscribers a home, as far as the ports of a block go. */
const USERS = [
  ['alice', 'carol'],
  ['bob', 'dave'],
  ['erin', 'frank'],
  ['grace', 'heidi'],
] as const;

/** Homes of several processes an entity, as far as the ports of a block go. */
const MOST_SCALED = 2;

/** Where an officer's configuration has paths. */
const OFFICER_PATHS = Type.Object({ tls: TLS_FILES });

/** Folders that are not a home's. */
const TAKEN: readonly string[] = ['pki', 'state', 'run', 'lab'];

/** Makes a laboratory. @throws LabError `options`, `folder`, FileError; then nothing was changed */
export async function initLab(options: InitOptions): Promise<MadeLab> {
  const { folder, homes } = options;
  checkHomes(homes, options.scaled === true);
  checkPlace(folder, options);
  const next = `${path.resolve(folder)}.new-${process.pid}`;
  const parents = makeFolder(path.dirname(next));
  try {
    makeFolder(next, 0o700);
    const made = await makeLab(next, options);
    if (existsSync(folder)) rmSync(folder, { recursive: true });
    renameSync(next, path.resolve(folder));
    return made;
  } catch (error) {
    rmSync(next, { recursive: true, force: true });
    for (const parent of parents.toReversed()) rmSync(parent, { recursive: true, force: true });
    throw error;
  }
}

function checkHomes(homes: readonly string[], isScaled: boolean): void {
  const wrong = homes.find((name) => !HOME_NAME.test(name) || TAKEN.includes(name));
  if (wrong !== undefined)
    throw new LabError(
      'options',
      `${wrong} is not a home's name: 1 to 5 letters and digits, small, a letter first, and none of ${TAKEN.join(', ')}`,
    );
  if (new Set(homes).size < homes.length) throw new LabError('options', 'a home is named twice');
  const most = isScaled ? MOST_SCALED : USERS.length;
  if (homes.length < 1 || homes.length > most)
    throw new LabError('options', `1 to ${most} homes are expected`);
}

/** Whether `folder` is free, or a laboratory that may go. */
function checkPlace(folder: string, { force, now }: Pick<InitOptions, 'force' | 'now'>): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isDirectory()) throw new LabError('folder', `${folder} is not a folder; nothing was touched`);
  const [first] = readdirSync(folder);
  if (first === undefined) return;
  if (!LabFolder.isThere(folder))
    throw new LabError('folder', `${folder} holds something else (${first}); nothing was touched`);
  if (!force)
    throw new LabError(
      'folder',
      `${folder} is a laboratory already; --force makes it anew, without its keys and all that it has received; nothing was touched`,
    );
  const lab = LabFolder.open(folder);
  if (isHeld(lab, now)) throw new LabError('running', `${folder} runs; nothing was touched`);
  const [foreign] = lab.foreign();
  if (foreign !== undefined)
    throw new LabError('folder', `${folder} holds more than a laboratory (${foreign}); nothing was touched`);
}

async function makeLab(folder: string, options: InitOptions): Promise<MadeLab> {
  const { homes, portBase, address, now, random, intermediate = false } = options;
  const range = new PortRange(portBase, address ?? LOOPBACK_ADDRESS.ipv4);
  const plans = homes.map((name, at) =>
    planHome(name, [...(USERS[at] ?? []), MAILBOX_USER], range, random, at),
  );
  const plan: Plan = {
    state: path.join(folder, 'state'),
    out: null,
    revealSecrets: false,
    ...(options.phoneCertificates === true ? { certified: 'all' as const } : {}),
    ...(options.lemfsAsk === true ? { lemfsAsk: true } : {}),
    homes: Object.fromEntries(plans.map((home) => [home.name, home])),
  };
  const at = path.join(folder, 'pki');
  const order = { name: `Claviger laboratory`, days: AUTHORITY_DAYS, intermediate, now };
  const authority = await createAuthority(at, order);
  const lists =
    options.revocation === true ? await revokeIn(at, [], { days: CERTIFICATE_DAYS, now }) : undefined;
  const pki = new LabPki(at, authority, validityFrom(now, CERTIFICATE_DAYS, authority), lists?.file);
  makeFolder(plan.state, 0o700);
  const isScaled = options.scaled === true;
  const processes = processesOf(isScaled);
  const admin = plans.map(({ address }) => watchedOf(processes, address, () => range.tcp()));
  const analysts = plans.map(() => range.tcp());
  const engines = isScaled ? { postgresql: range.tcp(), nats: range.tcp() } : null;
  if (engines !== null)
    makeEngines(
      path.join(folder, ENGINES),
      plans.map(({ name }) => name),
      random,
    );
  const watched: WatchedHome[] = [];
  const place = { engines: path.join(folder, ENGINES), state: plan.state, range };
  for (const [at, home] of plans.entries())
    watched.push(
      await makeHome(folder, plan, home, {
        ...{ pki, now, random, admin: admin[at] ?? [], analysts: analysts[at] ?? 0 },
        scaled: engines === null ? null : { ...place, ports: engines },
      }),
    );
  const made = plans.map(({ name, subscribers }) => ({
    name,
    users: subscribers.map(({ user }) => user).filter((user) => user !== MAILBOX_USER),
    mailbox: true,
    processes: isScaled ? processes.filter(({ kind, name }) => kind !== name) : [],
  }));
  const note = { version: 1, homes: made, ...(engines === null ? {} : { engines }) };
  writeWhole(path.join(folder, NOTE), jsonText(note), { mode: 0o600 });
  writeOperated(folder, options, watched);
  const to = Math.max(
    ...plans.flatMap(({ media, subscribers }) => [media.to, ...subscribers.map((each) => each.media.to)]),
  );
  return { homes: made, people: [...Object.keys(PEOPLE), ANALYST], ports: { from: portBase, to } };
}

async function makeHome(
  folder: string,
  plan: Plan,
  home: HomePlan,
  {
    pki,
    admin,
    analysts,
    scaled,
    ...times
  }: {
    readonly pki: LabPki;
    readonly now: number;
    readonly random: Random;
    readonly admin: readonly WatchedEntity[];
    /** Port of the LEMF's door for analysts. */
    readonly analysts: number;
    /** `null`: each entity is one process. */
    readonly scaled: ScaledPlace | null;
  },
): Promise<WatchedHome> {
  const own = path.join(folder, home.name);
  makeFolder(own, 0o700);
  const write = (name: string, schema: TSchema, config: object): void => {
    const relative = mapPaths(schema, config, (file) =>
      path.isAbsolute(file) ? path.relative(own, file) : file,
    );
    writeWhole(path.join(own, `${name}.json`), jsonText(relative), { mode: 0o600 });
  };
  const { entities, phones, mailbox, agency } = await configureHome(plan, home, pki);
  const services = { ...entities, mailbox };
  const all = scaled === null ? singly(services) : scaledHome(home, services, scaled);
  const configs = new Map(all.map(({ name, config }) => [name, config]));
  const more = settingsForPeople(home, { state: plan.state, analysts });
  const watchers = watchersOf(home);
  for (const { entity, process, address, port } of admin)
    write(process, schemaOf(entity), {
      ...{ ...configs.get(process), ...more[entity], admin: { address, port, peers: watchers } },
    });
  for (const [user, config] of Object.entries(phones)) write(user, schemaOf('ue'), config);
  const issued = new Map<string, TlsFiles>();
  for (const [person, roles] of Object.entries(PEOPLE)) {
    const tls = await pki.issue({ commonName: personName(person, home), dnsNames: [], roles });
    issued.set(person, tls);
    write(person, OFFICER_PATHS, personConfig(person, home, tls, admin));
  }
  const analyst = await pki.issue({
    commonName: personName(ANALYST, home),
    dnsNames: [],
    roles: ['analyst'],
  });
  write(ANALYST, schemaOf('analyst'), configOfAnalyst(home, analyst, analysts));
  write('agency', schemaOf('agency'), agency);
  makeFolder(path.join(own, 'hi1'), 0o700);
  for (const [name, octets] of Object.entries(agencyRequests(home, times)))
    writeWhole(path.join(own, 'hi1', `${name}.xml`), octets, { mode: 0o600 });
  const operator = issued.get('operator');
  if (operator === undefined) throw new LabError('options', `${home.name} has no operator`);
  return { home: home.name, domain: home.domain, entities: admin, tls: operator };
}

/** The configurations of entities that are one process each. */
function singly(services: Readonly<Record<Service, Record<string, unknown> | null>>): ConfiguredProcess[] {
  return SERVICES.map((kind) => ({ kind, name: kind, config: services[kind] ?? {} }));
}

function thisProgram(): LabProgram {
  const script = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
  return { node: process.execPath, script, root: path.resolve(script, '../../..') };
}

/** What runs and watches the laboratory besides `claviger up`: units, containers, Prometheus. */
function writeOperated(folder: string, options: InitOptions, watched: readonly WatchedHome[]): void {
  const { homes, program = thisProgram() } = options;
  const owner = userInfo();
  const put = (at: string, files: Readonly<Record<string, string>>): void => {
    makeFolder(path.join(folder, at), 0o700);
    for (const [name, text] of Object.entries(files))
      writeWhole(path.join(folder, at, name), text, { mode: 0o600 });
  };
  put('prometheus', prometheusFiles(watched, path.join(folder, 'prometheus')));
  // Units and containers know of no engines.
  if (options.scaled === true) return;
  const place = laboratoryPlace({ ...program, folder: path.resolve(options.folder), user: owner.username });
  put('systemd', Object.fromEntries(systemdUnits(place).map(({ name, text }) => [name, text])));
  const image = `claviger:${programVersion()}`;
  put('', { 'compose.yaml': composeFile({ homes, image, user: `${owner.uid}:${owner.gid}` }) });
}

function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2) + '\n';
}

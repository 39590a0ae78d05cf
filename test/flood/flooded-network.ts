/**
 * What is flooded: two homes, every entity of them a process, phones in this one, and warrants on alice and on mallory. Whether it
 * still does its work is asked by a call of hers: whether it is set up, and whether the LEMF gets its keys and content.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { admfConfig } from '../../src/entities/admf/config.ts';
import { startAdmf } from '../../src/entities/admf/start.ts';
import type { Warrant } from '../../src/entities/admf/warrants.ts';
import { systemClock, systemRandom } from '../../src/host/runtime.ts';
import { placeCall } from '../../src/lab/scenarios/call.ts';
import { warrantOn } from '../../src/lab/scenarios/warrants.ts';
import type { Entity, HomeName } from '../../src/lab/network/home.ts';
import { ENTITIES, HOMES } from '../../src/lab/network/home.ts';
import { Network } from '../../src/lab/network/network.ts';
import { Timeline } from '../../src/lab/timeline.ts';
import type { Observed } from '../../src/sip/transactions.ts';
import type { EpsIri } from '../../src/wire/hi/eps-iri.ts';
import { keyedUserOf } from './keyed-users.ts';
import { SpeltCalls } from '../e2e/spelt-calls.ts';
import { psPdusOf } from '../support/handed-over.ts';
import { silent } from '../support/silent.ts';
import { FloodedProcess } from './processes.ts';

const USERS = { home1: ['alice', 'carol'], home2: ['bob'] };
/** A subscriber of home1 of bad intent, with the credentials of `RawPhone`; and one of home2, with whom she has plans. */
export const MALLORY = 'mallory';
export const OSCAR = 'oscar';
/** Another of home1, who leaves calls up. */
export const PAT = 'pat';
const RAW: Readonly<Record<HomeName, readonly string[]>> = { home1: [MALLORY, PAT], home2: [OSCAR] };
/** A target of home1 with keys of her own, and a subscriber who does not want to be heard with her. */
const KEYED = ['trudy', 'peggy'] as const;
/** Milliseconds without a message after which home1's CSCF forgets a call. */
export const CALL_IDLE_MS = 20_000;
/** Calls that it lets one caller have at once. */
export const CALLS_OF_ONE = 20;
const LEFT_MS = 30_000;
/** A second of a tone that is not silence. */
const TONE = Int16Array.from({ length: 8000 }, (_, at) => 8000 * Math.sin(at / 3));

/** What came of a call of alice's, as far as the LEMF has it. */
export interface Intercepted {
  readonly keys: number;
  readonly records: number;
  readonly content: number;
  /** Records that say that a key is missing. */
  readonly failures: number;
}

export class FloodedNetwork {
  readonly #network: Network;
  readonly #folder: string;
  readonly #processes = new Map<string, FloodedProcess>();
  readonly #configs = new Map<string, Record<string, unknown>>();

  private constructor(network: Network, folder: string) {
    this.#network = network;
    this.#folder = folder;
  }

  static async start(folder: string): Promise<FloodedNetwork> {
    const network = await Network.start({
      ...{ state: path.join(folder, 'state'), out: null, users: USERS },
      timeline: new Timeline(() => performance.now()),
      leaveOut: HOMES.flatMap((home) => ENTITIES.map((entity) => ({ entity, home }))),
    });
    const flooded = new FloodedNetwork(network, folder);
    mkdirSync(path.join(folder, 'configurations'));
    try {
      for (const entity of ['kms', 'lemf', 'df', 'gateway', 'cscf', 'admf'] as const)
        await Promise.all(HOMES.map((home) => flooded.#start(entity, home)));
      await network.register();
      await flooded.interceptedCall();
    } catch (error) {
      await flooded.stop();
      throw error;
    }
    return flooded;
  }

  /** How often the KMS of home1 has been asked for keys, by its audit log. */
  get questions(): number {
    const log = readFileSync(path.join(this.#folder, 'state', 'home1', 'kms', 'audit.jsonl'), 'utf8');
    return log.split('"kind":"get-keys').length - 1;
  }

  /** Calls of trudy's, who is a target, to peggy. */
  async keyedCalls(): Promise<SpeltCalls> {
    const [trudy, peggy] = KEYED.map(keyedUserOf);
    if (trudy === undefined || peggy === undefined) throw new Error('two users');
    return SpeltCalls.start(this.#network, this.port('home1', 'cscf.sip'), trudy, peggy);
  }

  /** Where the LEMF of home1 puts what it recovers. */
  get recovered(): string {
    return path.join(this.#folder, 'audio');
  }

  /** The configuration that an entity runs with. */
  configOf(entity: Entity, home: HomeName): Record<string, unknown> {
    return this.#configs.get(`${entity}.${home}`) ?? {};
  }

  /** Packets of a call that the LEMF has. */
  contentOf(callId: string): number {
    return this.#atLemf(callId).content;
  }

  /** SIP messages that the LEMF has with this text in them. */
  messagesWith(text: string): number {
    return recordsAt(this.#lemf).filter(({ sipMessage }) => Buffer.from(sipMessage ?? []).includes(text))
      .length;
  }

  /** Alarms that the LEMF has of a warrant on a user of home1. */
  alarmsOf(user: string): string[] {
    const { liid } = this.warrant(user);
    return psPdusOf(path.join(this.#lemf, 'hi2.ber')).flatMap(({ header, payload }) =>
      payload.kind === 'hi1' && payload.operation.kind === 'alarm' && header.liid === liid
        ? [payload.operation.alarm.information]
        : [],
    );
  }

  /** Ends an entity, and leaves its state. */
  async end(entity: Entity, home: HomeName): Promise<void> {
    if ((await this.process(entity, home).end()) === null) throw new Error(`${entity}.${home} did not end`);
  }

  /** Starts an entity that was ended. @param changes settings that it has otherwise until it is started anew */
  async startAgain(entity: Entity, home: HomeName, changes: Record<string, unknown> = {}): Promise<void> {
    const folder = path.join(this.#folder, 'configurations');
    const config = { ...this.configOf(entity, home), ...changes };
    this.#processes.set(`${entity}.${home}`, await FloodedProcess.start(entity, home, config, folder));
  }

  /** A port of an entity, such as `cscf.sip`. */
  port(home: HomeName, listener: string): number {
    return this.#network.plan.homes[home].ports[listener] ?? 0;
  }

  process(entity: Entity, home: HomeName): FloodedProcess {
    const running = this.#processes.get(`${entity}.${home}`);
    if (running === undefined) throw new Error(`${entity}.${home} was not started`);
    return running;
  }

  get processes(): FloodedProcess[] {
    return [...this.#processes.values()];
  }

  /** Ports of the media of home1's gateway. */
  get gatewayPorts(): { readonly from: number; readonly to: number } {
    return this.#network.plan.homes.home1.media;
  }

  /** Where alice's phone speaks SIP from, as its Via says. */
  phonePort(user: string): number {
    return this.#network.homeOf(user).subscribers.find((each) => each.user === user)?.sip ?? 0;
  }

  identity(user: string): string {
    return this.#network.identity(user);
  }

  /** Tells of every message that a phone receives or sends. */
  observe(user: string, observer: (observed: Observed) => void): void {
    this.#network.phone(user).observe(observer);
  }

  /** A phone registers again. */
  async register(user: string): Promise<void> {
    await this.#network.phone(user).ue.register();
  }

  /** Alice calls bob, and the LEMF gets it: records, the two keys, and content. @throws Error if it does not */
  async interceptedCall(): Promise<Intercepted> {
    return this.handedOver(await this.call());
  }

  /** Alice calls bob, and they hear each other. Gives the Call-ID. @throws Error if they do not */
  async call(): Promise<string> {
    const [caller, callee] = ['alice', 'bob'];
    const recordings = { [caller]: TONE, [callee]: TONE };
    const { callId, ...ends } = await placeCall(this.#network, {
      ...{ caller, callee, recordings, elapsed: () => performance.now() },
    });
    for (const { user, heard } of [ends.caller, ends.callee])
      if (heard.length < TONE.length / 2) throw new Error(`${user} heard ${heard.length} samples`);
    return callId;
  }

  /** Waits until the LEMF has records, the two keys and so much content of a call. @throws Error if it gets them not */
  async handedOver(callId: string, content = 50): Promise<Intercepted> {
    let found = this.#atLemf(callId);
    for (const end = performance.now() + LEFT_MS; performance.now() < end; found = this.#atLemf(callId)) {
      if (found.keys >= 2 && found.content >= content) return found;
      await sleep(500);
    }
    throw new Error(`of the call the LEMF has ${JSON.stringify(found)}`);
  }

  async stop(): Promise<void> {
    await this.#network.stop();
    await Promise.all(this.processes.map((each) => each.end()));
  }

  async #start(entity: Entity, home: HomeName): Promise<void> {
    const config = { ...this.#network.configOf(entity, home), ...this.#changes(entity, home) };
    if (entity === 'admf' && home === 'home1') await this.#putWarrantsOnRecord(config);
    this.#configs.set(`${entity}.${home}`, config);
    await this.startAgain(entity, home);
  }

  /** What a flood wants otherwise than a laboratory. */
  #changes(entity: Entity, home: HomeName): Record<string, unknown> {
    const known = this.#network.configOf(entity, home)['subscribers'] as object[];
    if (entity === 'lemf' && home === 'home1') return { recoverInto: this.recovered };
    if (entity === 'kms' && home === 'home1') {
      const keyed = KEYED.map(keyedUserOf).map(({ user, identity, psk }) => ({
        ...{ id: user, publicIdentities: [identity], devices: [{ credential: user, psk, identity }] },
      }));
      return { subscribers: [...known, ...keyed] };
    }
    if (entity !== 'cscf') return {};
    const raw = RAW[home].map((user) => ({
      identity: `sip:${user}@${home}.example`,
      username: `${user}@${home}.example`,
      password: `password-of-${user}`,
    }));
    if (home !== 'home1') return { subscribers: [...known, ...raw] };
    const keyed = KEYED.map(keyedUserOf).map(({ user, identity, password }) => ({
      ...{ identity, username: user, password },
    }));
    const limits = { callIdleMs: CALL_IDLE_MS, maxCallsOfOne: CALLS_OF_ONE };
    return { ...limits, subscribers: [...known, ...raw, ...keyed] };
  }

  /** With an ADMF in this process, before the flooded one takes its state over. */
  async #putWarrantsOnRecord(config: Record<string, unknown>): Promise<void> {
    const runtime = { clock: systemClock(), random: systemRandom(), logger: silent };
    const running = await startAdmf(admfConfig(config), runtime);
    try {
      for (const user of ['alice', MALLORY, KEYED[0]])
        await running.desk.enter(this.warrant(user), { by: 'flood' }, { submit: true });
    } finally {
      await running.stop();
    }
  }

  /** A warrant on a user of home1, known or not. */
  warrant(user: string): Warrant {
    const warrant = warrantOn(this.#network, 'alice', Date.now());
    if (user === 'alice') return warrant;
    const targets = [{ name: 'sipUri', value: `sip:${user}@home1.example` }];
    return { ...warrant, liid: `LIID-${user.toUpperCase()}`, targets };
  }

  get #lemf(): string {
    return path.join(this.#folder, 'state', 'home1', 'lemf');
  }

  #atLemf(callId: string): Intercepted {
    const records = recordsAt(this.#lemf);
    const named = records.filter(({ sipMessage }) => Buffer.from(sipMessage ?? []).includes(callId));
    const cins = new Set(named.map(({ cin }) => cin));
    const own = records.filter(({ cin }) => cins.has(cin));
    const hi3 = psPdusOf(path.join(this.#lemf, 'hi3.ber'));
    return {
      records: own.length,
      keys: own.reduce((sum, { keys }) => sum + (keys?.length ?? 0), 0),
      failures: own.filter(({ mediaSecFailure }) => mediaSecFailure !== undefined).length,
      content: hi3.filter(({ header, payload }) => payload.kind === 'cc' && cins.has(callOf(header))).length,
    };
  }
}

/** LIID and CIN: one call of one warrant. */
function callOf({ liid, cin }: { readonly liid: string; readonly cin?: number | undefined }): string {
  return `${liid} ${cin ?? ''}`;
}

/** The records of HI2 that a LEMF has stored. */
function recordsAt(lemf: string): (EpsIri & { readonly cin: string })[] {
  return psPdusOf(path.join(lemf, 'hi2.ber')).flatMap(({ header, payload }) =>
    payload.kind === 'iri'
      ? payload.records.flatMap(({ contents }) =>
          contents.kind === 'eps' ? [{ ...contents.record, cin: callOf(header) }] : [],
        )
      : [],
  );
}

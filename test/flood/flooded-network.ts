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
import { psPdusOf } from '../support/handed-over.ts';
import { silent } from '../support/silent.ts';
import { FloodedProcess } from './processes.ts';

const USERS = { home1: ['alice', 'carol'], home2: ['bob'] };
/** A subscriber of home1 of bad intent, with the credentials of `RawPhone`. */
export const MALLORY = 'mallory';
const LEFT_MS = 20_000;
/** A second of a tone that is not silence. */
const TONE = Int16Array.from({ length: 8000 }, (_, at) => 8000 * Math.sin(at / 3));

/** What came of a call of alice's, as far as the LEMF has it. */
export interface Intercepted {
  readonly keys: number;
  readonly records: number;
  readonly content: number;
}

export class FloodedNetwork {
  readonly #network: Network;
  readonly #folder: string;
  readonly #processes = new Map<string, FloodedProcess>();

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
  async interceptedCall(caller = 'alice', callee = 'bob'): Promise<Intercepted> {
    const recordings = { [caller]: TONE, [callee]: TONE };
    const { callId, ...ends } = await placeCall(this.#network, {
      ...{ caller, callee, recordings, elapsed: () => performance.now() },
    });
    for (const { user, heard } of [ends.caller, ends.callee])
      if (heard.length < TONE.length / 2) throw new Error(`${user} heard ${heard.length} samples`);
    let found = this.#atLemf(callId);
    for (const end = performance.now() + LEFT_MS; performance.now() < end; found = this.#atLemf(callId)) {
      if (found.keys >= 2 && found.content > 50) return found;
      await sleep(200);
    }
    throw new Error(`of alice's call the LEMF has ${JSON.stringify(found)}`);
  }

  async stop(): Promise<void> {
    await this.#network.stop();
    await Promise.all(this.processes.map((each) => each.end()));
  }

  async #start(entity: Entity, home: HomeName): Promise<void> {
    const config = { ...this.#network.configOf(entity, home) };
    if (entity === 'admf' && home === 'home1') await this.#putWarrantsOnRecord(config);
    if (entity === 'cscf' && home === 'home1') {
      const identity = `sip:${MALLORY}@home1.example`;
      const more = { identity, username: `${MALLORY}@home1.example`, password: `password-of-${MALLORY}` };
      config['subscribers'] = [...(config['subscribers'] as object[]), more];
    }
    const folder = path.join(this.#folder, 'configurations');
    this.#processes.set(`${entity}.${home}`, await FloodedProcess.start(entity, home, config, folder));
  }

  /** With an ADMF in this process, before the flooded one takes its state over. */
  async #putWarrantsOnRecord(config: Record<string, unknown>): Promise<void> {
    const runtime = { clock: systemClock(), random: systemRandom(), logger: silent };
    const running = await startAdmf(admfConfig(config), runtime);
    try {
      for (const user of ['alice', MALLORY])
        await running.desk.enter(this.#warrant(user), { by: 'flood' }, { submit: true });
    } finally {
      await running.stop();
    }
  }

  #warrant(user: string): Warrant {
    const warrant = warrantOn(this.#network, 'alice', Date.now());
    if (user === 'alice') return warrant;
    const targets = [{ name: 'sipUri', value: `sip:${user}@home1.example` }];
    return { ...warrant, liid: `LIID-${user.toUpperCase()}`, targets };
  }

  #atLemf(callId: string): Intercepted {
    const folder = path.join(this.#folder, 'state', 'home1', 'lemf');
    const cins = new Set<number | undefined>();
    const hi2 = psPdusOf(path.join(folder, 'hi2.ber'));
    let [records, keys] = [0, 0];
    for (const { header, payload } of hi2) {
      if (payload.kind !== 'iri') continue;
      for (const { contents } of payload.records) {
        if (contents.kind !== 'eps') continue;
        const { sipMessage } = contents.record;
        if (sipMessage !== undefined && Buffer.from(sipMessage).includes(callId)) cins.add(header.cin);
        if (!cins.has(header.cin)) continue;
        records++;
        keys += contents.record.keys?.length ?? 0;
      }
    }
    const hi3 = psPdusOf(path.join(folder, 'hi3.ber'));
    const content = hi3.filter(({ header, payload }) => payload.kind === 'cc' && cins.has(header.cin));
    return { keys, records, content: content.length };
  }
}

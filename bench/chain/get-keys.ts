/**
 * What an answer to get_keys costs a KMS (R-15's and R-3's questions over Xk): processor time of its process, all threads,
 * for each answer over mutual TLS, divided by what such questions cost the engine. Both are processes of their own, and take
 * turns in one run, so that both see the same machine:
 *
 *     KMS as shipped (its state on a disk) ◄── mutual TLS, HTTP/2 ── this process: so many questions at a time
 *     GetKeys (`engine-process.ts`): from the JSON of the question to the JSON of the answer
 *
 *     warm-up, in turns, until answers of the KMS get no cheaper │ E K E K E … K E     a round of K by the mean of the E around it
 *
 * V8 compiles for the first thousand answers or so, which is a matter of how long a KMS has run and not of what an answer
 * costs. Questions are of exchanges that were made for the run; each is put in several spellings of its target, which are different
 * questions to a KMS, so that each claims a place of its own as those of different calls do.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { utf8 } from '../../src/bytes/octets.ts';
import { present } from '../../src/bytes/present.ts';
import { EngineGenerator } from '../../src/entities/kms/generator.ts';
import { GetKeys } from '../../src/entities/kms/get-keys/get-keys.ts';
import { SqliteKmsStore } from '../../src/entities/kms/store/sqlite.ts';
import { systemClock, systemRandom } from '../../src/host/runtime.ts';
import { canonicalIdentity, periodStart } from '../../src/ibake/identity.ts';
import { Initiator } from '../../src/ibake/initiator.ts';
import { defaultEngine } from '../../src/ibe/default-engine.ts';
import { LabPki } from '../../src/lab/network/pki.ts';
import { startEntityProcess } from '../../src/lab/processes/entity-process.ts';
import type { LabProcess } from '../../src/lab/processes/lab-process.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { HttpsClient } from '../../src/net/https.ts';
import { loadTls } from '../../src/net/tls.ts';
import type { TlsMaterial } from '../../src/net/tls.ts';
import {
  decodeGetKeysRequest,
  decodeGetKeysResponse,
  encodeGetKeysRequest,
  encodeGetKeysResponse,
  GET_KEYS_PATH,
  isGetKeysFailure,
} from '../../src/wire/xk/get-keys.ts';
import { recordsOf } from '../../test/entities/kms/get-keys/support/questions.ts';
import { endpointFor } from '../../test/ibake/support/network.ts';
import { answered, completed } from '../../test/ibake/support/scenario.ts';
import { homesOf, loadVector } from '../../test/ibake/support/vectors.ts';
import { freePort } from '../../test/support/child.ts';
import { EngineProcesses } from '../ceiling.ts';
import { threadTimes } from '../processor.ts';
import type { ThreadTime } from '../processor.ts';
import { middle, quantile } from '../statistics.ts';
import { LeanAsker } from './lean-asker.ts';

export interface GetKeysLoad {
  /** Answers that are measured. */
  readonly answers: number;
  /** Questions under way at a time. */
  readonly atOnce: number;
  /** Answers before that, of the KMS and of the engine; absent: until those of the KMS get no cheaper. */
  readonly warmUp?: number;
  readonly kms?: AskedKmsSettings;
}

export interface AskedKmsSettings {
  /** Threads of the KMS that answer; absent: as shipped. */
  readonly workers?: number;
  /** Per cent of the time that each of them may work; absent: as shipped. */
  readonly share?: number;
  /** Options of node for the KMS. */
  readonly nodeOptions?: readonly string[];
  /** Whether it is asked at the least cost (`lean-asker.ts`); absent: as a DF asks. */
  readonly lean?: boolean;
}

/** Who puts questions. */
interface Asker {
  /** @throws if it gets no keys */
  ask(question: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface GetKeysCost {
  /** Processor time of an answer by the KMS, divided by that of the engine alone: the median of the rounds. */
  readonly ratio: number;
  /** The quarters of the rounds beside it: half of them lie between. */
  readonly spread: readonly [number, number];
  /** Milliseconds of processor time of an answer, the medians of the rounds. */
  readonly kmsMs: number;
  readonly engineMs: number;
  /** What of `kmsMs` are the thread of the listeners, those that answer, and all others: means. */
  readonly threads: { readonly listeners: number; readonly answering: number; readonly others: number };
  /** Answers a second, of wall time. */
  readonly rate: number;
  readonly answers: number;
  /** Answers before that. */
  readonly warmUp: number;
}

const VECTOR = 'exchange-1.json';
const HOST = 'kms.home1.example';
const XID = '29f28e1c-f230-486a-a860-f5a784ab9172';
const SCRIPT = fileURLToPath(new URL('./watched-main.js', import.meta.url));
const QUESTIONS = 960;
/** Spellings of the target of one exchange, each with and without `midCall`: below the KMS's bound of 32. */
const SPELLINGS = 8;
const ROUNDS = 12;
/** Answers of a round before what is measured, and such rounds at least and at most. */
const WARMING = 100;
const LEAST_WARMING = 10;
const MOST_WARMING = 30;
/** Rounds whose mean is compared with that of as many before them, and what a fall of it is at least. */
const COMPARED = 5;
const FALL = 0.02;
const READY_MS = 60_000;
/** Of the KMS's threads that answer (`question-worker.ts`). */
const ANSWERING_NICENESS = 10;

/** @param folder for all that is kept: on a disk, as the state of a KMS is */
export async function getKeysCost(folder: string, { kms, ...load }: GetKeysLoad): Promise<GetKeysCost> {
  const each = Math.ceil(load.answers / ROUNDS);
  const questions = makeQuestions((load.warmUp ?? WARMING * MOST_WARMING) + each * ROUNDS);
  const asked = await AskedKms.start(folder, questions, kms);
  const engine = await EngineProcesses.start('questions', 0, 1);
  try {
    return await measured(asked, engine, { each, atOnce: load.atOnce, ...present({ warmUp: load.warmUp }) });
  } finally {
    await Promise.all([asked.end(), engine.end()]);
  }
}

/** A KMS in a process of its own, and who puts questions to it. */
export class AskedKms {
  readonly #kms: LabProcess;
  readonly #asker: Asker;
  readonly question: () => Uint8Array;

  private constructor(kms: LabProcess, asker: Asker, questions: readonly Uint8Array[]) {
    this.#kms = kms;
    this.#asker = asker;
    let next = 0;
    this.question = () => questions[next++ % questions.length] ?? new Uint8Array();
  }

  static async start(
    folder: string,
    questions: readonly Uint8Array[],
    settings: AskedKmsSettings = {},
  ): Promise<AskedKms> {
    const pki = await LabPki.create(path.join(folder, 'pki'), Date.now());
    const port = await freePort();
    const kms = await startKmsProcess(folder, pki, port, settings);
    const tls = loadTls(await pki.issue({ commonName: 'df', dnsNames: ['df'], roles: ['df'] }), Date.now());
    const asker = settings.lean === true ? await LeanAsker.connect(HOST, port, tls) : dfAsker(port, tls);
    return new AskedKms(kms, asker, questions);
  }

  get pid(): number {
    return this.#kms.pid;
  }

  /** So many questions, so many at a time. @throws if one gets no keys */
  put(count: number, atOnce: number): Promise<void> {
    return putQuestions((question) => this.#asker.ask(question), this.question, count, atOnce);
  }

  async end(): Promise<void> {
    await this.#asker.close();
    await this.#kms.end(READY_MS);
  }
}

/** Whether a thread of a KMS's process is one of those that answer: they have a niceness of their own. */
export function isAnswering({ thread, nice }: ThreadTime, pid: number): boolean {
  return thread !== pid && nice === ANSWERING_NICENESS;
}

/* ---------------------------------------------------------------- questions */

const vector = loadVector(VECTOR);
const TARGET = canonicalIdentity(vector.kms.initiator.user.uri).addressOfRecord;

/** JSON of questions, no two alike. @param count at least so many: one that is put again claims nothing, and costs less */
export function makeQuestions(count = QUESTIONS): Uint8Array[] {
  const exchanges = Math.ceil(count / (2 * SPELLINGS));
  const homes = Object.values(homesOf(vector));
  const io = { clock: systemClock(), random: systemRandom() };
  const [alice, bob] = [vector.kms.initiator, vector.kms.responder].map(({ user: { uri } }) =>
    endpointFor(homes, { addressOfRecord: canonicalIdentity(uri).addressOfRecord, device: uri }, io),
  );
  if (alice === undefined || bob === undefined) throw new Error('a call has two parties');
  const calls = Array.from({ length: exchanges }, () => {
    const offer = Initiator.offer(alice, { callee: bob.addressOfRecord.uri, media: [{ ssrc: 0x01020304 }] });
    return completed(offer, answered(bob, offer.message));
  });
  return Array.from({ length: 2 * SPELLINGS }, (_, n) =>
    calls.map(({ iMessage1, rMessage1, iMessage2, rMessage2 }) =>
      utf8(
        encodeGetKeysRequest({
          ...{ targetKmsIdentity: spelling(n >> 1), xid: XID, updates: [], midCall: n % 2 === 1 },
          ...{ iMessage1, rMessage1, iMessage2, rMessage2 },
        }),
      ),
    ),
  ).flat();
}

/** The host's first letters in upper case, as bits of `n` say. */
function spelling(n: number): string {
  const at = TARGET.indexOf('@') + 1;
  const letters = Array.from(TARGET, (letter, place) =>
    place >= at && ((n >> (place - at)) & 1) === 1 ? letter.toUpperCase() : letter,
  );
  return letters.join('');
}

/* ------------------------------------------------------------------ the KMS */

/** What the questions are answered from where there is no store, and which addresses of the target are asked about. */
export function questionRecords() {
  const records = recordsOf(vector, 'initiator');
  const serials = records.serialsFor(periodStart(Date.now() / 1000, records.keyLifetime));
  return { records, serials, covered: new Set([TARGET]) };
}

/** What a store has of the target whose exchanges are asked about. */
export async function coverTarget(
  store: Pick<SqliteKmsStore, 'putWarrant' | 'issueSeed' | 'putSubscriber'>,
): Promise<void> {
  const { initiator: home } = vector.kms;
  const now = Math.floor(Date.now() / 1000);
  const begun = now - 3600;
  await store.putWarrant({ xid: XID, periods: [{ targets: [TARGET], start: begun, end: Infinity }] });
  const period = periodStart(now, home.keyLifetime);
  await store.issueSeed({ uri: home.user.uri, period, serial: home.serial, credential: 'target' });
  // It has held its names before: exchanges were made before the KMS starts.
  await store.putSubscriber({ id: 'target', publicIdentities: [TARGET], aliases: [], devices: [] }, begun);
}

/** Settings of the district that the questions are of, and of the target. @param file with the district's secrets */
export function districtSettings(file: string) {
  const { initiator: home } = vector.kms;
  return {
    name: HOST,
    admf: { identifier: 'admf', url: 'https://admf/X1/ADMF' },
    district: {
      ...{ name: home.district, keyLifetime: home.keyLifetime },
      ...{ hosts: [canonicalIdentity(home.user.uri).host], files: [file] },
    },
    subscribers: [
      {
        id: 'target',
        publicIdentities: [TARGET],
        devices: [{ credential: 'target', psk: 'a1'.repeat(32), identity: home.user.uri }],
      },
    ],
  };
}

/** Writes the district's secrets to a file. */
export function writeDistrict(file: string): void {
  writeFileSync(file, JSON.stringify({ ...vector.kms.initiator, notBefore: 0 }), { mode: 0o600 });
}

async function startKmsProcess(
  folder: string,
  pki: LabPki,
  port: number,
  { workers, share, nodeOptions = [] }: AskedKmsSettings,
): Promise<LabProcess> {
  const state = path.join(folder, 'kms');
  const [district, file] = [path.join(folder, 'district.json'), path.join(folder, 'kms.json')];
  mkdirSync(state, { mode: 0o700 });
  writeDistrict(district);
  const store = await SqliteKmsStore.open(path.join(state, 'kms.db'));
  await coverTarget(store);
  await store.close();
  const config = {
    ...districtSettings(district),
    tls: await pki.issue({ commonName: HOST, dnsNames: [HOST], roles: ['kms'] }),
    state,
    xk: { port, peers: ['df'] },
    interception: present({ workers, share }),
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return startEntityProcess({
    ...{ entity: 'kms', name: 'kms', file, script: SCRIPT, nodeOptions, args: ['--blind', '--log', 'error'] },
    ...{ readyMs: READY_MS, onMessage: () => undefined },
  });
}

/* -------------------------------------------------------------- measurement */

interface Turns {
  /** Answers of a round. */
  readonly each: number;
  readonly atOnce: number;
  readonly warmUp?: number;
}

/** Milliseconds of processor time for an answer, by what it was spent in. */
type KmsRound = GetKeysCost['threads'];

async function measured(kms: AskedKms, engine: EngineProcesses, turns: Turns): Promise<GetKeysCost> {
  const { each, atOnce } = turns;
  const warmUp = await warmedUp(kms, engine, turns);
  const rounds: KmsRound[] = [];
  const engineMs = [await engineRound(engine, each)];
  let wall = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    rounds.push(await kmsRound(kms, each, atOnce));
    wall += performance.now() - begun;
    engineMs.push(await engineRound(engine, each));
  }
  const kmsMs = rounds.map(sumOf);
  const ratios = kmsMs.map((ms, n) => (2 * ms) / ((engineMs[n] ?? NaN) + (engineMs[n + 1] ?? NaN)));
  const mean = (of: keyof KmsRound): number => rounds.reduce((sum, round) => sum + round[of], 0) / ROUNDS;
  return {
    ratio: middle(ratios),
    spread: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
    ...{ kmsMs: middle(kmsMs), engineMs: middle(engineMs) },
    threads: { listeners: mean('listeners'), answering: mean('answering'), others: mean('others') },
    ...{ rate: (1000 * each * ROUNDS) / wall, answers: each * ROUNDS, warmUp },
  };
}

/** As many answers of both. Gives how many that were. */
async function warmedUp(
  kms: AskedKms,
  engine: EngineProcesses,
  { atOnce, warmUp: wanted }: Turns,
): Promise<number> {
  if (wanted !== undefined) {
    await kms.put(wanted, atOnce);
    await engineRound(engine, wanted);
    return wanted;
  }
  const costs: number[] = [];
  while (costs.length < LEAST_WARMING || (costs.length < MOST_WARMING && isFalling(costs))) {
    costs.push(sumOf(await kmsRound(kms, WARMING, atOnce)));
    await engineRound(engine, WARMING);
  }
  return costs.length * WARMING;
}

function isFalling(costs: readonly number[]): boolean {
  const sum = (some: readonly number[]): number => some.reduce((all, cost) => all + cost, 0);
  return sum(costs.slice(-COMPARED)) < (1 - FALL) * sum(costs.slice(-2 * COMPARED, -COMPARED));
}

async function kmsRound(kms: AskedKms, count: number, atOnce: number): Promise<KmsRound> {
  const before = threadTimes(kms.pid);
  await kms.put(count, atOnce);
  const spent = { listeners: 0, answering: 0, others: 0 };
  for (const time of threadTimes(kms.pid)) {
    const known = before.find(({ thread }) => thread === time.thread);
    const isListener = time.thread === kms.pid;
    const kind = isListener ? 'listeners' : isAnswering(time, kms.pid) ? 'answering' : 'others';
    spent[kind] += (time.ranMs - (known?.ranMs ?? 0)) / count;
  }
  return spent;
}

function sumOf({ listeners, answering, others }: KmsRound): number {
  return listeners + answering + others;
}

/** Milliseconds of processor time of the engine's process, all threads, for an answer. */
async function engineRound(engine: EngineProcesses, count: number): Promise<number> {
  const { ranMs, besideMs, done } = await engine.round(1, count);
  return (ranMs + besideMs) / done;
}

/** Puts so many questions, so many at a time. @throws what `ask` throws */
export async function putQuestions<Question>(
  ask: (question: Question) => Promise<void>,
  question: () => Question,
  count: number,
  atOnce: number,
): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) await ask(question());
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

/** Puts a question as a DF does, and reads the answer. @throws if it gets no keys */
export async function askAsDf(client: HttpsClient, question: Uint8Array): Promise<void> {
  const body = { type: 'application/json', octets: question };
  const answer = await client.request('POST', `https://${HOST}${GET_KEYS_PATH}`, body);
  const response = decodeGetKeysResponse(new TextDecoder().decode(answer.body));
  if (isGetKeysFailure(response)) throw new Error(`get_keys: ${response.failureIndication}`);
}

function dfAsker(port: number, tls: TlsMaterial): Asker {
  const hosts = new HostMap({ [`${HOST}:443`]: `127.0.0.1:${port}` });
  const client = new HttpsClient({ hosts, tls, minVersion: 'TLSv1.3' });
  return { ask: (question) => askAsDf(client, question), close: () => client.close() };
}

/** What a question costs the engine in this process, from its JSON to that of its answer. */
export function engineAlone(): (question: Uint8Array) => Promise<void> {
  const { records, covered } = questionRecords();
  const service = new GetKeys(records, new EngineGenerator(defaultEngine()));
  return async (question) => {
    const request = decodeGetKeysRequest(new TextDecoder().decode(question));
    const response = await service.answer({ request, covered });
    if (isGetKeysFailure(response)) throw new Error(response.failureIndication);
    encodeGetKeysResponse(response).wipe();
  };
}

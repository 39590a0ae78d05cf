/**
 * A call between two test subscribers under a test warrant, in a network that runs:
 *
 *     entities ready? ─► warrant entered, approved, active ─► phones register ─► call ─► what DF and LEMF have of it
 *                     ─► warrant withdrawn, gone ─► second call ─► what DF and LEMF have of that
 *
 * It goes on after a link has failed as far as there is something to be learned, and leaves neither a warrant nor a
 * registration, whatever happens.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ClavigerError, messageOf } from '../../bytes/errors.ts';
import type { UeConfig } from '../../entities/ue/config.ts';
import { startUe } from '../../entities/ue/start.ts';
import type { RunningUe } from '../../entities/ue/start.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import type { Runtime } from '../../host/runtime.ts';
import { LabError } from '../errors.ts';
import { compareSamples, recording, spoken, talk } from '../scenarios/call.ts';
import type { CallOutcome } from '../scenarios/call.ts';
import type {
  CallEvidence,
  Deed,
  DfEvidence,
  EndEvidence,
  Inspected,
  LemfEvidence,
  SelfTestEvidence,
} from './evidence.ts';
import { LemfWindow } from './lemf-window.ts';

/** Those who work at the ADMF. */
export interface Officers {
  /** Enters a warrant on a SIP identity, and has it approved where that is needed. @param until Unix milliseconds */
  enter(warrant: { readonly liid: string; readonly target: string; readonly until: number }): Promise<void>;
  state(liid: string): Promise<string>;
  withdraw(liid: string): Promise<void>;
}

/** What can be asked of the network besides; `null`, or a text that says why: it cannot. */
export interface Inspectors {
  readonly ready: (() => Promise<{ readonly asked: number; readonly unready: readonly string[] }>) | null;
  readonly away: (() => Promise<readonly string[]>) | null;
  /** What the DF has counted so far. */
  readonly df: (() => Promise<DfEvidence>) | string;
  /** Folder of the LEMF's files. */
  readonly lemf: { readonly folder: string } | string;
  /** Waits until nothing is on its way to the LEMF, so many milliseconds at most, as far as somebody can be asked. */
  readonly drain: (ms: number) => Promise<void>;
}

export interface SelfTestParts {
  readonly caller: UeConfig;
  readonly callee: UeConfig;
  readonly officers: Officers;
  readonly inspectors: Inspectors;
  readonly runtime: Runtime;
  /** How long one thing may take. */
  readonly waitMs: number;
  /** Told of what is being done. */
  readonly tell: (what: string) => void;
  /** Ends the test early; what it has begun is cleared away. */
  readonly signal: AbortSignal;
}

/** How long the test warrant lasts if nobody withdraws it. */
const WARRANT_MS = 3_600_000;
/** Samples of either recording: speech from half a second on. */
const FIRST = 4_000;
const LENGTHS = { caller: 12_000, callee: 10_800, second: 3_200 };
/** An element that is away at so many looks in a row is not waited for any longer. */
const AWAY_LOOKS = 5;
/** How long it is waited at once for what is on its way. */
const DRAIN_MS = 2_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2_000;
/** What is still on its way where nobody can be asked whether there is. */
const LATE_MS = 1_000;

const STOPPED = 'the self-test was told to stop before its end';

const UNDONE: Deed = { done: false };

export class SelfTest {
  readonly liid: string;
  readonly #parts: SelfTestParts;
  readonly #stopped: Promise<never>;
  #isEntered = false;

  constructor(parts: SelfTestParts) {
    this.#parts = parts;
    this.liid = `SELFTEST-${Math.floor(parts.runtime.clock.now())}`;
    const { signal } = parts;
    this.#stopped = new Promise((_, reject) => {
      const stop = (): void => reject(new LabError('call', STOPPED));
      signal.addEventListener('abort', stop, { once: true });
    });
    this.#stopped.catch(() => undefined);
  }

  /** @throws LabError, and what starting a phone throws: then nothing was entered */
  async run(): Promise<SelfTestEvidence> {
    const phones: RunningUe[] = [];
    try {
      const start = async (config: UeConfig): Promise<RunningUe> => {
        const phone = await startUe(config, this.#parts.runtime);
        phones.push(phone);
        return phone;
      };
      const [caller, callee] = [await start(this.#parts.caller), await start(this.#parts.callee)];
      return await Promise.race([this.#course(caller, callee), this.#stopped]);
    } finally {
      if (this.#isEntered) await this.#withdraw().catch(() => undefined);
      await Promise.race([Promise.all(phones.map((phone) => phone.stop())), sleep(this.#parts.waitMs)]);
    }
  }

  /** @throws LabError once it was told to stop: what has begun is cleared away by `run` */
  #begin(what: string): void {
    const { signal, tell } = this.#parts;
    if (signal.aborted) throw new LabError('call', STOPPED);
    tell(what);
  }

  async #course(caller: RunningUe, callee: RunningUe): Promise<SelfTestEvidence> {
    const { inspectors } = this.#parts;
    this.#begin('asking entities how they are');
    const entities = (await inspectors.ready?.()) ?? null;
    const window = this.#window();
    const before = await this.#counted();
    this.#begin(`entering the warrant ${this.liid}`);
    const entered = await attempt(() => this.#enter());
    const active = entered.trouble === null ? await attempt(() => this.#until('active')) : UNDONE;
    const away = troubled(active) ? ((await inspectors.away?.()) ?? []) : [];
    this.#begin('registering the phones');
    const ends = { caller: await register(caller), callee: await register(callee) };
    const isUp = [ends.caller, ends.callee].every(({ registration }) => isFine(registration));
    const said = [saying('alice', LENGTHS.caller), saying('bob', LENGTHS.callee)] as const;
    if (isUp) this.#begin('calling');
    const call = isUp ? await this.#call(caller, callee, said) : null;
    const isIntercepted = call?.trouble === null && isFine(active);
    const left = await this.#left(before, window, said.map(spoken), isIntercepted);
    this.#begin('withdrawing the warrant');
    const withdrawn = entered.trouble === null ? await attempt(() => this.#withdraw()) : UNDONE;
    const isGone = isFine(withdrawn) && call?.trouble === null;
    const second = isGone ? await this.#second(caller, callee) : null;
    return { entities, entered, active, away, ...ends, call, ...left, withdrawn, second };
  }

  async #enter(): Promise<void> {
    const { officers, caller, runtime } = this.#parts;
    const until = runtime.clock.now() + WARRANT_MS;
    this.#isEntered = true;
    await officers.enter({ liid: this.liid, target: caller.identity, until });
  }

  async #withdraw(): Promise<void> {
    this.#isEntered = false;
    await this.#parts.officers.withdraw(this.liid);
    await this.#until('ended');
  }

  /** @throws LabError where it does not come to that in time */
  async #until(goal: 'active' | 'ended'): Promise<void> {
    const { officers, inspectors, waitMs, signal } = this.#parts;
    const began = performance.now();
    let looks = 0;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
      const state = await officers.state(this.liid);
      if (state === goal) return;
      looks = ((await inspectors.away?.()) ?? []).length === 0 ? 0 : looks + 1;
      const ms = performance.now() - began;
      if (ms > waitMs || looks > AWAY_LOOKS || (signal.aborted && goal === 'active'))
        throw new LabError(
          'call',
          `the warrant is ${state}, and not ${goal}, after ${Math.round(ms / 1000)} s`,
        );
      await sleep(pause);
    }
  }

  async #call(
    caller: RunningUe,
    callee: RunningUe,
    [mine, yours]: readonly [Int16Array, Int16Array],
  ): Promise<CallEvidence> {
    try {
      const outcome = await this.#talk(caller, callee, mine, yours);
      return {
        ...{ trouble: null, keysFailed: false },
        sas: [outcome.caller.sas, outcome.callee.sas],
        heard: [
          compareSamples(outcome.callee.heard, spoken(mine)),
          compareSamples(outcome.caller.heard, spoken(yours)),
        ],
      };
    } catch (error) {
      const keysFailed = chainOf(error).some(
        (each) => each instanceof EndpointError && ['key-exchange', 'no-key'].includes(each.code),
      );
      return { trouble: troubleOf(error), keysFailed, sas: [null, null], heard: [] };
    }
  }

  #talk(caller: RunningUe, callee: RunningUe, mine: Int16Array, yours: Int16Array): Promise<CallOutcome> {
    return talk(
      { user: 'caller', ue: caller.ue, says: mine },
      { user: 'callee', ue: callee.ue, says: yours },
      this.#parts.callee.identity,
      () => performance.now(),
    );
  }

  async #second(caller: RunningUe, callee: RunningUe): Promise<NonNullable<SelfTestEvidence['second']>> {
    this.#begin('calling once more');
    const before = await this.#counted();
    const window = this.#window();
    const short = saying('alice', LENGTHS.second);
    const { trouble } = await this.#call(caller, callee, [short, short]);
    return { trouble, ...(await this.#left(before, window, [], false)) };
  }

  /** What there is of a call, once it is complete, or time is up. @param isExpected whether something should be there */
  async #left(
    before: Inspected<DfEvidence>,
    window: Inspected<LemfWindow>,
    said: readonly Int16Array[],
    isExpected: boolean,
  ): Promise<{ readonly df: Inspected<DfEvidence>; readonly lemf: Inspected<LemfEvidence> }> {
    const { inspectors, waitMs } = this.#parts;
    const end = performance.now() + waitMs;
    for (let pause = LATE_MS; ; pause *= 2) {
      await inspectors.drain(Math.max(0, Math.min(DRAIN_MS, end - performance.now())));
      await sleep(Math.min(pause, LATE_MS));
      const now = await this.#counted();
      const df = 'seen' in before && 'seen' in now ? { seen: since(before.seen, now.seen) } : now;
      const lemf = 'seen' in window ? { seen: window.seen.look(this.liid, said) } : window;
      if (!isExpected || isComplete(df, lemf) || isStuck(df) || performance.now() > end) return { df, lemf };
    }
  }

  #window(): Inspected<LemfWindow> {
    const { lemf } = this.#parts.inspectors;
    return typeof lemf === 'string' ? { unseen: lemf } : { seen: new LemfWindow(lemf.folder) };
  }

  async #counted(): Promise<Inspected<DfEvidence>> {
    const { df } = this.#parts.inspectors;
    if (typeof df === 'string') return { unseen: df };
    return df().then(
      (seen) => ({ seen }),
      (error: unknown) => ({ unseen: `the DF did not answer: ${messageOf(error)}` }),
    );
  }
}

function saying(who: 'alice' | 'bob', samples: number): Int16Array {
  return recording(who).slice(FIRST, FIRST + samples);
}

async function register({ ue }: RunningUe): Promise<EndEvidence> {
  const fine: Deed = { done: true, trouble: null };
  try {
    await ue.register();
    return { keys: fine, registration: fine };
  } catch (error) {
    const trouble: Deed = { done: true, trouble: troubleOf(error) };
    const isOfCscf = error instanceof EndpointError && error.code === 'not-registered';
    return isOfCscf ? { keys: fine, registration: trouble } : { keys: trouble, registration: UNDONE };
  }
}

async function attempt(work: () => Promise<void>): Promise<Deed & { readonly done: true }> {
  try {
    await work();
    return { done: true, trouble: null };
  } catch (error) {
    return { done: true, trouble: troubleOf(error) };
  }
}

function isFine(deed: Deed): boolean {
  return deed.done && deed.trouble === null;
}

function troubled(deed: Deed): boolean {
  return deed.done && deed.trouble !== null;
}

function isComplete(df: Inspected<DfEvidence>, lemf: Inspected<LemfEvidence>): boolean {
  if ('seen' in lemf) return lemf.seen.audio.length > 0 && lemf.seen.audio.every(({ equal }) => equal);
  return 'seen' in df && df.seen.waiting === 0 && (df.seen.keyRequests['answered'] ?? 0) > 0;
}

/** Whether the DF has all that it needs, and no LEMF that takes it. */
function isStuck(df: Inspected<DfEvidence>): boolean {
  if (!('seen' in df)) return false;
  const { received, keyRequests, lemfsDown } = df.seen;
  return lemfsDown.length > 0 && received.x3 > 0 && (keyRequests['answered'] ?? 0) > 0;
}

/** Counts from one reading to another; of the rest, the later. */
function since(before: DfEvidence, now: DfEvidence): DfEvidence {
  const less = <K extends string>(
    one: Readonly<Record<K, number>>,
    other: Readonly<Record<string, number>>,
  ) =>
    Object.fromEntries(
      Object.entries<number>(one).map(([name, count]) => {
        const past = other[name] ?? 0;
        // A DF that was started again meanwhile counts from 0.
        return [name, count < past ? count : count - past];
      }),
    ) as Record<K, number>;
  return {
    ...now,
    received: less(now.received, before.received),
    keyRequests: less(now.keyRequests, before.keyRequests),
  };
}

function chainOf(error: unknown): unknown[] {
  return error instanceof Error && error.cause !== undefined && error.cause !== null
    ? [error, ...chainOf(error.cause)]
    : [error];
}

/** In our own words, and those of our own causes; what others say may quote what they have read. */
function troubleOf(error: unknown): string {
  const own = chainOf(error).filter((each, at) => at === 0 || each instanceof ClavigerError);
  const texts = own.map(messageOf);
  return texts.filter((text, at) => !texts.slice(0, at).some((other) => other.includes(text))).join(': ');
}

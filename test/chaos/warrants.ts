/**
 * Warrants of the home, as two officers enter them, and others that come and go beside the calls: each is entered, ends sooner
 * than it was to, and is withdrawn, the next step when the LEMF has been told of the one before (HI1). An element may
 * refuse what X1 wants: the warrant has failed then, or is as it was before, and its LEMF is told nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../src/bytes/errors.ts';
import { isoTime } from '../../src/bytes/iso-time.ts';
import { OfficerApi } from '../../src/cli/officer/api.ts';
import { officersOf } from '../../src/cli/selftest-network.ts';
import { officerConfig } from '../../src/entities/admf/config-officer.ts';
import type { Officers } from '../../src/lab/selftest/self-test.ts';
import { decodeWarrant, warrantPath } from '../../src/wire/officers/warrants.ts';
import { NoticesThatCame } from './lemf-files.ts';
import type { ScaledSystem } from './system.ts';

/** How long a step may take until the ADMF or the LEMF knows it, whoever is killed meanwhile. */
const STEP_MS = 300_000;
/** How long the ADMF may take to answer on a machine that has much else to do. */
const ANSWER_MS = 60_000;
const LOOK_MS = 250;
/** Between two steps, and two warrants. */
const PAUSE_MS = 3_000;
const DAY_MS = 86_400_000;

/** The two who enter warrants and approve them. */
export class ChaosOfficers {
  readonly #apis: readonly [OfficerApi, OfficerApi];
  readonly #officers: Officers;

  /** @throws Error where their configurations have no LEMF */
  constructor(system: ScaledSystem) {
    const [first, second] = ['officer-1', 'officer-2'].map((person) =>
      officerConfig({ ...system.config(person), timeoutMs: ANSWER_MS }, system.file(person)),
    );
    if (first?.lemf?.hi3 === undefined || second === undefined) throw new Error('the officer has no LEMF');
    this.#apis = [new OfficerApi(first), new OfficerApi(second)];
    this.#officers = officersOf(...this.#apis, { hi2: first.lemf.hi2, hi3: first.lemf.hi3 });
  }

  /** Whether it is active; not if an element has refused it. */
  async enter(liid: string, target: string): Promise<boolean> {
    const warrant = { liid, target, until: Date.now() + DAY_MS };
    if (!(await isTaken(this.#officers.enter(warrant)))) return false;
    let state = '';
    await untilSo(`the warrant ${liid} is active`, async () => {
      state = await this.#officers.state(liid);
      return state === 'active' || state === 'failed';
    });
    return state === 'active';
  }

  /** Has it end sooner, which needs nobody's approval. Gives whether no element has refused it. */
  shorten(liid: string): Promise<boolean> {
    const changes = { endTime: isoTime(Date.now() + DAY_MS / 2) };
    const body = { changes, reason: 'chaos' };
    return isTaken(this.#apis[0].post(warrantPath(liid, 'amend'), body, decodeWarrant));
  }

  /** Elements are asked until they have done it. */
  async withdraw(liid: string): Promise<boolean> {
    await this.#officers.withdraw(liid);
    return true;
  }

  async close(): Promise<void> {
    await Promise.all(this.#apis.map((api) => api.close()));
  }
}

/** Warrants that come and go, one after the other. */
export class WarrantLives {
  readonly #officers: ChaosOfficers;
  readonly #notices: NoticesThatCame;
  readonly #told = new Map<string, string[]>();
  #fault: string | null = null;

  /** @param folder of the LEMF */
  constructor(officers: ChaosOfficers, folder: string) {
    this.#officers = officers;
    this.#notices = new NoticesThatCame(folder);
  }

  /** What the LEMF is to be told of each. */
  get told(): ReadonlyMap<string, readonly string[]> {
    return this.#told;
  }

  /** How many were active. */
  get count(): number {
    return [...this.#told.values()].filter((kinds) => kinds.length > 0).length;
  }

  /** What did not come about, after which there were no others. */
  get faults(): readonly string[] {
    return this.#fault === null ? [] : [this.#fault];
  }

  /** One after the other until nobody wants more; the last to its end. @param target who is in no call */
  async go(target: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#goOn(target, signal);
    } catch (error) {
      this.#fault = `warrants come and go no more: ${messageOf(error)}`;
    }
  }

  async #goOn(target: string, signal: AbortSignal): Promise<void> {
    for (let n = 0; !signal.aborted; n++) {
      const liid = `LIID-${n}`;
      const isActive = await this.#step(liid, 'liActivated', () => this.#officers.enter(liid, target));
      await pause(signal);
      if (!isActive) continue;
      await this.#step(liid, 'liModified', () => this.#officers.shorten(liid));
      await pause(signal);
      await this.#step(liid, 'liDeactivated', () => this.#officers.withdraw(liid));
      await pause(signal);
    }
  }

  /** Whether it came about. */
  async #step(liid: string, kind: string, act: () => Promise<boolean>): Promise<boolean> {
    const kinds = this.#told.get(liid) ?? [];
    this.#told.set(liid, kinds);
    kinds.push(kind);
    if (!(await act())) {
      kinds.pop();
      return false;
    }
    await untilSo(`the LEMF knows of ${liid}: ${kind}`, () => {
      this.#notices.read();
      return this.#notices.has(liid, kind);
    });
    return true;
  }
}

/** Whether elements have not refused it. @throws any other error */
async function isTaken(asked: Promise<unknown>): Promise<boolean> {
  try {
    await asked;
    return true;
  } catch (error) {
    if (REFUSED.test(messageOf(error))) return false;
    throw error;
  }
}

/** What the ADMF says where an element has refused a warrant, or a change of it, which it has undone. */
const REFUSED = /^warrant \S+ was not (activated|changed): /;

/** @throws Error if it is not so in time */
async function untilSo(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + STEP_MS;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not in ${STEP_MS / 1000} s: ${what}`);
    await sleep(LOOK_MS);
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
}

/** Calls of a network that stays up, one after the other, as somebody at its console has them made. */
import { messageOf } from '../../bytes/errors.ts';
import type { Network } from '../network/network.ts';
import { placeCall } from './call.ts';
import type { CallOutcome } from './call.ts';
import type { Recordings } from './scenario.ts';

/** Calls that are told of; older ones are forgotten. */
const TOLD = 50;

/** A call that was ordered. */
export interface OrderedCall {
  readonly caller: string;
  readonly callee: string;
  /** When it was dialled, Unix milliseconds. */
  readonly at: number;
  readonly state: 'under-way' | 'over' | 'failed';
  /** What came of it; empty: it is under way. */
  readonly told: string;
}

export class LabCalls {
  readonly #network: Network;
  readonly #recordings: Recordings;
  readonly #now: () => number;
  /** The newest first. */
  #calls: readonly OrderedCall[] = [];
  #underWay: Promise<void> = Promise.resolve();

  /** @param now Unix milliseconds */
  constructor(network: Network, recordings: Recordings, now: () => number) {
    this.#network = network;
    this.#recordings = recordings;
    this.#now = now;
  }

  state(): { readonly people: readonly string[]; readonly calls: readonly OrderedCall[] } {
    return { people: this.#network.phoneNames, calls: this.#calls };
  }

  /** One at a time: whose phones are in use cannot be told to do something else. */
  call(caller: string, callee: string): 'made' | 'busy' | 'nobody' {
    const people = this.#network.phoneNames;
    if (caller === callee || !people.includes(caller) || !people.includes(callee)) return 'nobody';
    if (this.#calls[0]?.state === 'under-way') return 'busy';
    const begun: OrderedCall = { caller, callee, at: this.#now(), state: 'under-way', told: '' };
    this.#calls = [begun, ...this.#calls].slice(0, TOLD);
    this.#underWay = this.#made(begun);
    return 'made';
  }

  /** Resolves when no call is under way. */
  settled(): Promise<void> {
    return this.#underWay;
  }

  async #made(begun: OrderedCall): Promise<void> {
    const { caller, callee } = begun;
    const over = (ended: Pick<OrderedCall, 'state' | 'told'>): void => {
      this.#calls = this.#calls.map((call) => (call === begun ? { ...begun, ...ended } : call));
    };
    try {
      const plan = { caller, callee, recordings: this.#recordings, elapsed: this.#now };
      over({ state: 'over', told: heardText(await placeCall(this.#network, plan)) });
    } catch (error) {
      over({ state: 'failed', told: messageOf(error) });
    }
  }
}

function heardText({ caller, callee }: CallOutcome): string {
  return [caller, callee]
    .map(({ user, heard }) => `${user} has heard ${(heard.length / 8000).toFixed(2)} s`)
    .join(', ');
}

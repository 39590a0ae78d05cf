/**
 * What is kept for whom and of whom, against the bounds: messages that wait and messages that are being left, and their
 * octets, by recipient, by caller, and in all. One caller can fill neither the mailbox nor what is kept for a recipient.
 *
 *     call        takes(owner)   a call more of this caller?          refused: 486
 *     I_MESSAGE_1 admit(owner)   one message more?                    refused: 486
 *     I_MESSAGE_2 open(owner)    again, and it counts from now on
 *     packet      grow(octets)   so many octets more?                 refused: the message ends, what came is kept
 */
import { canonicalIdentity } from '../../ibake/identity.ts';
import { MailboxError } from './errors.ts';
import type { MailboxLimits, MessageHead } from './ports.ts';

/** Whose a message is: addresses of record. */
export interface Owner {
  readonly recipient: string;
  readonly caller: string;
}

/** What exceeded its bound, as metrics have it. */
export type MailboxBound =
  | 'calls'
  | 'calls-of-caller'
  | 'messages'
  | 'messages-for-recipient'
  | 'messages-of-caller'
  | 'messages-of-caller-for-recipient'
  | 'octets'
  | 'octets-for-recipient'
  | 'octets-of-caller';

const BOUNDS: readonly MailboxBound[] = [
  ...(['calls', 'calls-of-caller', 'messages', 'messages-for-recipient', 'messages-of-caller'] as const),
  ...(['messages-of-caller-for-recipient', 'octets', 'octets-for-recipient', 'octets-of-caller'] as const),
];

interface Share {
  messages: number;
  octets: number;
}

/** A message that is being left. */
export interface OpenHolding {
  /** Takes so many octets more, or refuses them. */
  grow(octets: number): boolean;
  /** It waits now, with so many octets; `null`: nothing of it is kept. */
  settle(octets: number | null): void;
}

export class MailboxHoldings {
  readonly #limits: () => MailboxLimits;
  readonly #all: Share = { messages: 0, octets: 0 };
  readonly #shares = new Map<string, Share>();
  readonly #calls = new Map<string, number>();
  readonly #refused = Object.fromEntries(BOUNDS.map((bound) => [bound, 0])) as Record<MailboxBound, number>;

  /** @param limits those that are in force */
  constructor(limits: () => MailboxLimits) {
    this.#limits = limits;
  }

  /** How often each bound was exceeded. */
  get refused(): Readonly<Record<MailboxBound, number>> {
    return this.#refused;
  }

  get all(): Readonly<Share> {
    return this.#all;
  }

  /** How full the mailbox is, from 0 to 1, by whichever of messages and octets is nearer its bound. */
  get fill(): number {
    const { messages, octets } = this.#limits();
    return Math.max(this.#all.messages / messages, this.#all.octets / octets);
  }

  /** Begins a call of a caller, which the returned function ends. @throws MailboxError `full` */
  takes(caller: string): () => void {
    const own = this.#calls.get(caller) ?? 0;
    if (own >= this.#limits().callsOfCaller)
      throw this.refuse('calls-of-caller', 'this caller has as many calls as one may have');
    this.#calls.set(caller, own + 1);
    return () => {
      const left = (this.#calls.get(caller) ?? 1) - 1;
      if (left === 0) this.#calls.delete(caller);
      else this.#calls.set(caller, left);
    };
  }

  /** @throws MailboxError `full` */
  admit(owner: Owner): void {
    const limits = this.#limits();
    const [recipient, caller, pair] = keysOf(owner).map((key) => this.#shareOf(key));
    const most: readonly [MailboxBound, number, number][] = [
      ['messages', this.#all.messages, limits.messages],
      ['messages-for-recipient', recipient?.messages ?? 0, limits.messagesOfOne],
      ['messages-of-caller', caller?.messages ?? 0, limits.messagesOfCaller],
      ['messages-of-caller-for-recipient', pair?.messages ?? 0, limits.messagesFromOne],
      ['octets', this.#all.octets, limits.octets],
      ['octets-for-recipient', recipient?.octets ?? 0, limits.octetsOfOne],
      ['octets-of-caller', caller?.octets ?? 0, limits.octetsOfCaller],
    ];
    const full = most.find(([, used, bound]) => used >= bound);
    if (full !== undefined) throw this.refuse(full[0], `no more can be kept: ${full[0]}`);
  }

  /** @throws MailboxError `full` */
  open(owner: Owner): OpenHolding {
    this.admit(owner);
    this.add(owner, 0);
    let held = 0;
    return {
      grow: (octets) => {
        if (!this.#hasRoom(owner, octets)) return false;
        this.#count(owner, 0, octets);
        held += octets;
        return true;
      },
      settle: (octets) => this.#count(owner, octets === null ? -1 : 0, (octets ?? 0) - held),
    };
  }

  /** A message that waits already. */
  add(owner: Owner, octets: number): void {
    this.#count(owner, 1, octets);
  }

  /** One that waits no more. */
  remove(owner: Owner, octets: number): void {
    this.#count(owner, -1, -octets);
  }

  /** Counts what exceeds a bound, and says so. */
  refuse(bound: MailboxBound, problem: string): MailboxError {
    this.#refused[bound]++;
    return new MailboxError('full', problem);
  }

  #hasRoom(owner: Owner, octets: number): boolean {
    const limits = this.#limits();
    const [recipient, caller] = keysOf(owner).map((key) => this.#shareOf(key));
    const most: readonly [MailboxBound, number, number][] = [
      ['octets', this.#all.octets, limits.octets],
      ['octets-for-recipient', recipient?.octets ?? 0, limits.octetsOfOne],
      ['octets-of-caller', caller?.octets ?? 0, limits.octetsOfCaller],
    ];
    const full = most.find(([, used, bound]) => used + octets > bound);
    if (full !== undefined) this.#refused[full[0]]++;
    return full === undefined;
  }

  #count(owner: Owner, messages: number, octets: number): void {
    const owned = keysOf(owner).map((key) => [key, this.#shareOf(key)] as const);
    for (const share of [this.#all, ...owned.map(([, share]) => share)]) {
      share.messages += messages;
      share.octets += octets;
    }
    // Nobody is remembered of whom nothing is kept.
    for (const [key, share] of owned)
      if (share.messages === 0) this.#shares.delete(key);
      else this.#shares.set(key, share);
  }

  #shareOf(key: string): Share {
    return this.#shares.get(key) ?? { messages: 0, octets: 0 };
  }
}

/** Whose a message is that is kept, or being left. */
export function holderOf({ recipient, initiator }: Pick<MessageHead, 'recipient' | 'initiator'>): Owner {
  return { recipient, caller: canonicalIdentity(initiator).addressOfRecord };
}

/** Of the recipient, the caller, and the caller for this recipient. */
function keysOf({ recipient, caller }: Owner): readonly [string, string, string] {
  return [`for ${recipient}`, `of ${caller}`, `for ${recipient} of ${caller}`];
}

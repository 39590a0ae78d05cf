/** The state machines of the mailbox are as docs/mikey-ibake/states.md has them. */
import { describe } from 'vitest';
import { Deliveries } from '../../../src/entities/mailbox/deliveries.ts';
import type { DeliveryEnd } from '../../../src/entities/mailbox/delivery.ts';
import { MailboxError } from '../../../src/entities/mailbox/errors.ts';
import type { KeptMessage, KeptPacket } from '../../../src/entities/mailbox/ports.ts';
import { ALICE, BOB } from '../../ibake/support/scenario.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';
import { expectStated, type StateEvent, type Transition } from '../../support/state-tables.ts';
import { silent } from '../../support/silent.ts';

const PAGE = 'docs/mikey-ibake/states.md';
const NO_OCTETS = new Uint8Array();

describe('R-42: a message that waits', () => {
  interface Waiting {
    readonly clock: ManualClock;
    readonly deliveries: Deliveries;
    readonly done: string[];
    /** Ends the call that is under way. */
    end: ((end: DeliveryEnd | Error) => void) | null;
    hasRoom: boolean;
    isDamaged: boolean;
    /** When it was left, Unix milliseconds. */
    leftAt: number;
    gone: boolean;
  }

  const MESSAGE: KeptMessage = {
    id: '1',
    octets: 20,
    head: {
      ...{ recipient: BOB, initiator: ALICE, time: 0, lines: 1, media: [] },
      messages: { iMessage1: NO_OCTETS, rMessage1: NO_OCTETS, iMessage2: NO_OCTETS },
    },
  };
  const RETRY_MS = 30_000;
  const KEEP_SECONDS = 3600;
  const LOOK_MS = 1000;

  const waiting = (): Waiting => {
    const clock = new ManualClock(0);
    const done: string[] = [];
    const gone = (what: string) => () => {
      made.gone = true;
      done.push(what);
    };
    const deliveries = new Deliveries({
      store: {
        get waiting() {
          return made.gone ? [] : [{ ...MESSAGE, head: { ...MESSAGE.head, time: made.leftAt } }];
        },
        packets: (): KeptPacket[] => {
          if (made.isDamaged) throw new MailboxError('damaged', 'not a message');
          return [];
        },
        remove: gone('removes it'),
        setAside: gone('sets it aside'),
      },
      deliver: () => {
        done.push('calls');
        return new Promise((resolve, reject) => {
          made.end = (end) => {
            made.end = null;
            if (end instanceof Error) reject(end);
            else resolve(end);
          };
        });
      },
      hasRoom: () => made.hasRoom,
      limits: () => ({ retryMs: RETRY_MS, keepSeconds: KEEP_SECONDS }),
      ...{ clock, logger: silent },
    });
    const state = { end: null, hasRoom: true, isDamaged: false, leftAt: 0, gone: false };
    const made: Waiting = { clock, deliveries, done, ...state };
    return made;
  };
  const looked = async (made: Waiting, ms = LOOK_MS): Promise<Waiting> => {
    made.clock.advance(ms);
    await settle();
    return made;
  };
  const begun = async (): Promise<Waiting> => {
    const made = waiting();
    made.deliveries.start();
    await settle();
    return made;
  };
  const forgetting = async (made: Promise<Waiting>): Promise<Waiting> => {
    (await made).done.length = 0;
    return made;
  };
  /** Put off: the recipient did not answer when it was left. */
  const putOff = async (): Promise<Waiting> => {
    const made = waiting();
    made.deliveries.left(BOB);
    made.deliveries.start();
    await settle();
    return made;
  };
  const ended = async (made: Waiting, end: DeliveryEnd | Error): Promise<Waiting> => {
    if (made.end === null) throw new Error('no call is under way');
    made.end(end);
    await settle();
    return made;
  };

  /** A message that is put off is not tried at the next look; one that waits is. */
  const outcome = async (made: Waiting): Promise<Transition> => {
    await settle();
    const action = made.done.join(', ');
    const state = async (): Promise<string> => {
      if (made.gone) return 'gone';
      if (made.end !== null) return 'under way';
      made.hasRoom = true;
      await looked(made);
      return made.done.at(-1) === 'calls' ? 'waiting' : 'put off';
    };
    const next = await state();
    made.deliveries.stop();
    return { next, action, error: '' };
  };
  const on = (
    states: readonly string[],
    apply: (made: Waiting, state: string) => unknown,
  ): StateEvent<Waiting> => ({
    states,
    apply: async (made, state) => {
      await apply(made, state);
      return outcome(made);
    },
  });
  const idle = ['waiting', 'put off'];
  const underWay = ['under way'];
  const looking = async (made: Waiting, state: string): Promise<void> => {
    if (state === 'waiting') made.deliveries.start();
    await looked(made);
  };

  expectStated<Waiting>(PAGE, {
    section: 'Mailbox: a message that waits',
    states: {
      waiting: () => Promise.resolve(waiting()),
      'put off': () => forgetting(putOff()),
      'under way': () => forgetting(begun()),
      gone: () => forgetting(begun().then((made) => ended(made, 'delivered'))),
    },
    events: {
      'it is looked after': on([...idle, ...underWay, 'gone'], looking),
      'it is looked after when no more calls can be made': on(idle, (made, state) => {
        made.hasRoom = false;
        return looking(made, state);
      }),
      'the time until it is tried again is over': on(['put off'], (made) => looked(made, RETRY_MS + LOOK_MS)),
      'its time is over': on(idle, (made, state) => {
        made.leftAt = -KEEP_SECONDS * 1000 - 1;
        return looking(made, state);
      }),
      'the recipient registers': on([...idle, ...underWay], (made, state) => {
        made.deliveries.reached(BOB);
        return looking(made, state);
      }),
      'the call is taken, and all of it is played': on(underWay, (made) => ended(made, 'delivered')),
      'the call is declined': on(underWay, (made) => ended(made, 'declined')),
      'the call is not taken': on(underWay, (made) => ended(made, 'later')),
      'the call is not taken, and the recipient has registered meanwhile': on(underWay, (made) => {
        made.deliveries.reached(BOB);
        return ended(made, 'later');
      }),
      'the call cannot be made': on(underWay, (made) => ended(made, new MailboxError('full', 'no port'))),
      'its file is damaged': on(['waiting'], (made, state) => {
        made.isDamaged = true;
        return looking(made, state);
      }),
    },
  });
});

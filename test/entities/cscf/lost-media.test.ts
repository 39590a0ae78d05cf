/**
 * Calls whose media the gateway has lost end on both sides: those, and no others; one that rings is given up. X2
 * tells of it.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Turnstile } from '../../../src/entities/cscf/calls.ts';
import type { Call } from '../../../src/entities/cscf/calls.ts';
import { CscfError } from '../../../src/entities/cscf/errors.ts';
import { LostMedia } from '../../../src/entities/cscf/lost-media.ts';
import type { MediaLosses } from '../../../src/entities/cscf/ports.ts';
import { systemClock } from '../../../src/host/runtime.ts';
import type { UserAgent } from '../../../src/sip/agent.ts';
import type { IncomingCall, Leg } from '../../../src/sip/agent-types.ts';
import { reasonIn } from '../../../src/sip/reason.ts';
import type { LossesKnown, LostSessions } from '../../../src/wire/iq/losses.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';
import { dial, Network, sdpBody } from './network.ts';
import type { Home } from './network.ts';

const ALICE = 'sip:alice@home1.example';

/** Says what the test has it say, one answer after the other. */
class SaidLosses implements MediaLosses {
  readonly asked: (LossesKnown | null)[] = [];
  readonly standing: string[] = [];
  readonly #answers: ((answer: LostSessions | Error) => void)[] = [];

  lost(known: LossesKnown | null): Promise<LostSessions> {
    this.asked.push(known);
    return new Promise((resolve, reject) =>
      this.#answers.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer))),
    );
  }

  stands(id: string): Promise<boolean> {
    return Promise.resolve(this.standing.includes(id));
  }

  async say(answer: LostSessions | Error): Promise<void> {
    await expect.poll(() => this.#answers.length).toBe(1);
    this.#answers.shift()?.(answer);
  }
}

let network: Network;
let home: Home;
let losses: SaidLosses;
let alice: UserAgent;
let carol: UserAgent;
let incoming: IncomingCall[];
let ended: string[];
let following: Promise<void> | undefined;

const part = { run: 'r', next: 1, isWhole: true };
const sessions = (): string[] => [...home.gateway.sessions.keys()];

beforeEach(async () => {
  [incoming, ended] = [[], []];
  network = new Network();
  losses = new SaidLosses();
  home = await network.home('home1.example', ['alice', 'carol'], { losses });
  following = home.cscf.lostMedia?.follow();
  alice = await network.phone('alice', 'home1.example');
  carol = await network.phone('carol', 'home1.example');
  await Promise.all([alice.register(), carol.register()]);
  carol.incoming = (call) => {
    call.handler = { ended: (reason) => void ended.push(`carol ${reason}`) };
    incoming.push(call);
  };
});

afterEach(async () => {
  await network.close();
  await losses.say(new CscfError('media', 'over'));
  await following;
});

/** Alice calls, and carol answers. */
async function call(): Promise<Leg> {
  const dialling = dial(alice, 'sip:carol@home1.example');
  await expect.poll(() => incoming.length).toBeGreaterThan(0);
  await incoming
    .pop()!
    .accept(sdpBody(5000))
    .catch(() => undefined);
  const leg = await dialling;
  leg.handler = { ended: (reason) => void ended.push(`alice ${reason}`) };
  return leg;
}

describe('R-72: media that the gateway has lost', () => {
  it('end their call on both sides, as a service that is not there; another goes on', async () => {
    home.interception.add(ALICE);
    await call();
    const [lost = ''] = sessions();
    const other = await call();
    await losses.say({ ...part, sessions: [lost, 'of another CSCF'] });
    await expect.poll(() => [...ended].sort()).toEqual(['alice bye', 'carol bye']);
    const byes = home.observed.filter(
      ({ direction, message }) =>
        direction === 'sent' && message.kind === 'request' && message.method === 'BYE',
    );
    expect(byes.map(({ message }) => reasonIn(message))).toEqual([503, 503]);
    expect(home.interception.trace().filter((line) => line.includes('BYE'))).not.toEqual([]);
    expect([home.cscf.calls, home.cscf.lostMedia?.count]).toEqual([1, 1]);
    expect(sessions()).toHaveLength(1);
    await other.bye();
    await expect.poll(() => home.cscf.calls).toBe(0);
  });

  it('give up an INVITE that waits for its answer', async () => {
    const refused = new Promise<number>((resolve) =>
      alice.invite(
        'sip:carol@home1.example',
        { body: sdpBody(4000) },
        { accepted: () => resolve(200), failed: (_, response) => resolve(response?.status ?? 0) },
      ),
    );
    await expect.poll(() => incoming.length).toBe(1);
    await losses.say({ ...part, sessions: sessions() });
    // A proxy makes 500 of a branch's 503 (RFC 3261 section 16.7 step 6): others of its services may be there.
    expect(await refused).toBe(500);
    await expect.poll(() => [ended, home.cscf.calls]).toEqual([['carol cancelled'], 0]);
  });

  it('are sought one by one where the gateway cannot say all, as after its restart', async () => {
    await call();
    const [gone = ''] = sessions();
    await call();
    losses.standing.push(...sessions().filter((id) => id !== gone));
    await losses.say({ run: 'anew', next: 0, sessions: [], isWhole: false });
    await expect.poll(() => [...ended].sort()).toEqual(['alice bye', 'carol bye']);
    expect([home.cscf.calls, sessions().length]).toEqual([1, 1]);
    await expect.poll(() => losses.asked).toEqual([null, { run: 'anew', next: 0 }]);
  });

  it('are none where the gateway does not answer: calls go on, and it is asked again from the same place', async () => {
    await call();
    await losses.say({ ...part, sessions: [] });
    await losses.say(new CscfError('media', 'the media gateway does not answer'));
    await expect.poll(() => home.cscf.lostMedia?.gateway).toBe('down');
    await expect.poll(() => losses.asked.length).toBe(3);
    expect(losses.asked[2]).toEqual({ run: 'r', next: 1 });
    expect([ended, home.cscf.calls]).toEqual([[], 1]);
    await losses.say({ ...part, next: 2, sessions: [] });
    await expect.poll(() => home.cscf.lostMedia?.gateway).toBe('up');
  });
});

it('R-72: a gateway that has nothing to tell, and says so at once, is not asked without a pause', async () => {
  const clock = new ManualClock();
  let asked = 0;
  const media = new LostMedia({
    losses: {
      lost: async () => {
        asked++;
        await settle();
        return { ...part, sessions: [] };
      },
      stands: () => Promise.resolve(true),
    },
    ...{ calls: { all: [] }, end: () => undefined, clock, logger: silent },
  });
  const done = media.follow();
  const settled = async (): Promise<number> => {
    for (let turns = 0; turns < 5; turns++) await settle();
    return asked;
  };
  // The first answer says from where on it will be told.
  expect(await settled()).toBe(2);
  clock.advance(500);
  expect(await settled()).toBe(3);
  media.stop();
  await done;
});

it('R-72: a call that cannot be ended does not keep others whose media are lost', async () => {
  const answers = new SaidLosses();
  const tried: string[] = [];
  const calls = ['a', 'b'].map(
    (id) => ({ callId: id, media: { sessions: [id] }, turnstile: new Turnstile() }) as unknown as Call,
  );
  const media = new LostMedia({
    losses: answers,
    calls: { all: calls },
    end: ({ callId }) => {
      tried.push(callId);
      if (callId === 'a') throw new Error('not to be ended');
    },
    clock: systemClock(),
    logger: silent,
  });
  const done = media.follow();
  await answers.say({ ...part, sessions: ['a', 'b'] });
  await expect.poll(() => tried).toEqual(['a', 'b']);
  expect([media.gateway, answers.asked.at(-1)]).toEqual(['up', { run: 'r', next: 1 }]);
  calls[0]?.turnstile.pass(() => void tried.push('goes on'));
  expect(tried.at(-1)).toBe('goes on');
  media.stop();
  await answers.say(new CscfError('media', 'over'));
  await done;
});

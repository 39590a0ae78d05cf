/** The kinds of calls whose set-up `setups.ts` measures, on one network. */
import type { PhoneCall } from '../src/entities/ue/call.ts';
import type { RunningMailbox } from '../src/entities/mailbox/start.ts';
import { identityOf, phoneName } from '../src/lab/network/home.ts';
import type { HomeName } from '../src/lab/network/home.ts';
import type { Network, NetworkOptions } from '../src/lab/network/network.ts';
import { tallyOf } from './setup-tally.ts';
import type { SetupTally } from './setup-tally.ts';

/** What one call took. */
export interface Measured extends SetupTally {
  readonly kind: string;
  readonly milliseconds: number;
}

/** Makes a call, and gives what was to be measured in it. */
type Placing = (network: Network) => Promise<Measured[]>;

const HOME2 = { domain: 'home2.example' };
const MAILBOX = identityOf(HOME2, 'mailbox');
const DEVICES = ['desk', 'mobile', 'tablet'];
const ANSWERS = phoneName('dora', 'mobile');
const UNANSWERED_MS = 600_000;
/** What is left with the mailbox: a fifth of a second. */
const MESSAGE = Int16Array.from({ length: 1600 }, (_, n) => Math.round(8000 * Math.sin(n / 3)));
const PATIENCE_MS = 30_000;

const USERS: Readonly<Record<HomeName, readonly string[]>> = {
  home1: ['alice', 'carol', 'victor'],
  home2: ['bob', 'dora', 'frank', 'mia', 'mailbox'],
};

/** The network on which all kinds can be made. */
export const SETUP_NETWORK: Pick<
  NetworkOptions,
  'users' | 'devices' | 'phoneSettings' | 'phoneSettingsOf' | 'configure'
> = {
  users: USERS,
  devices: { dora: DEVICES },
  phoneSettings: { answer: { ringMs: 0, answerMs: 0 } },
  phoneSettingsOf: {
    alice: { mailboxes: [MAILBOX] },
    carol: { suite: 'AEAD_AES_256_GCM', curve: 'P-521' },
    victor: { video: {} },
    bob: { video: {} },
    ...Object.fromEntries(
      DEVICES.map((device) => phoneName('dora', device))
        .filter((phone) => phone !== ANSWERS)
        .map((phone) => [phone, { answer: { ringMs: 0, answerMs: UNANSWERED_MS } }]),
    ),
  },
  configure: (party, config) => {
    if (party !== 'cscf.home2') return config;
    const subscribers = config['subscribers'] as readonly { readonly identity: string }[];
    const changes: Readonly<Record<string, object>> = {
      [identityOf(HOME2, 'frank')]: { forwardTo: identityOf(HOME2, 'bob') },
      [identityOf(HOME2, 'mia')]: { mailbox: MAILBOX },
    };
    return { ...config, subscribers: subscribers.map((one) => ({ ...one, ...changes[one.identity] })) };
  },
};

/** In the order in which they are measured. @param mailbox of home2, which runs */
export function setupKinds({ mailbox }: RunningMailbox): readonly Placing[] {
  return [
    plain('plain', 'alice'),
    plain('plain, P-521 and AES-256-GCM', 'carol'),
    plain('plain, with video', 'victor'),
    placing('forked, three phones', { caller: 'alice', called: 'dora', answers: ANSWERS }),
    placing('retargeted', { caller: 'alice', called: 'frank', answers: 'bob' }),
    deferred(mailbox),
    plain('update of keys', 'alice', (call) => call.rekey()),
    plain('update of keys, over INVITE', 'alice', (call) => call.rekey('INVITE')),
  ];
}

/* ---------------------------------------------------------------- helpers */

interface Parties {
  readonly caller: string;
  /** A user. */
  readonly called: string;
  /** A phone. */
  readonly answers: string;
}

function plain(kind: string, caller: string, then?: (call: PhoneCall) => Promise<void>): Placing {
  return placing(kind, { caller, called: 'bob', answers: 'bob' }, then);
}

/** What is measured is the set-up, or what `then` does once the call is up. */
function placing(
  kind: string,
  { caller, called, answers }: Parties,
  then?: (call: PhoneCall) => Promise<void>,
): Placing {
  return async (network) => {
    const [ue, { messages }] = [network.phone(caller).ue, network.signalling];
    const others = DEVICES.map((device) => phoneName('dora', device)).filter(
      (phone) => called === 'dora' && phone !== answers,
    );
    const unanswered = others.map((phone) => incoming(network, phone));
    const answered = incoming(network, answers);
    let [before, begin] = [messages.length, performance.now()];
    const call = await ue.call(network.identity(called));
    const other = await answered;
    await Promise.all([call.established, other.established]);
    if (then !== undefined) {
      [before, begin] = [messages.length, performance.now()];
      await then(call);
    }
    const milliseconds = performance.now() - begin;
    // What the others are told is part of it, and nobody waits for that.
    await Promise.all(unanswered.map(async (one) => (await one).ended));
    const tally = tallyIn(network, before, call.callId);
    await call.hangUp();
    await Promise.all([call.ended, other.ended]);
    return [{ kind, milliseconds, ...tally }];
  };
}

/** Two kinds: what is left, until the mailbox has answered; and its delivery, from the recipient's registration on. */
function deferred(mailbox: RunningMailbox['mailbox']): Placing {
  return async (network) => {
    const [alice, mia] = [network.phone('alice').ue, network.phone('mia').ue];
    const { kept, delivered } = mailbox.counts;
    await mia.unregister();
    let [before, begin] = [network.signalling.messages.length, performance.now()];
    const call = await alice.call(network.identity('mia'));
    await call.established;
    const left = { kind: 'deferred, left', milliseconds: performance.now() - begin };
    const leaving = tallyIn(network, before, call.callId);
    await call.play(MESSAGE);
    await call.hangUp();
    await call.ended;
    await until(() => mailbox.counts.kept > kept, 'the mailbox keeps nothing');
    const answered = incoming(network, 'mia');
    [before, begin] = [network.signalling.messages.length, performance.now()];
    await mia.register();
    const message = await answered;
    await message.established;
    const milliseconds = performance.now() - begin;
    const delivery = tallyIn(network, before, message.callId);
    await message.ended;
    await until(() => mailbox.counts.delivered > delivered, 'the mailbox does not deliver');
    return [
      { ...left, ...leaving },
      { kind: 'deferred, delivered', milliseconds, ...delivery },
    ];
  };
}

function incoming(network: Network, phone: string): Promise<PhoneCall> {
  return new Promise((resolve) => network.phone(phone).ue.onIncoming(resolve));
}

function tallyIn(network: Network, from: number, callId: string): SetupTally {
  const isEnd = (party: string): boolean => !party.startsWith('cscf.');
  return tallyOf(network.signalling.messages.slice(from), callId, isEnd);
}

async function until(met: () => boolean, problem: string): Promise<void> {
  for (let waited = 0; !met(); waited += 20) {
    if (waited > PATIENCE_MS) throw new Error(problem);
    await new Promise((done) => setTimeout(done, 20));
  }
}

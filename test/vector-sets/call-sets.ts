/** Sets of calls: plain, forked to three devices, retargeted by a proxy, redirected, and without an offer. */
import type { Suite } from './sets.ts';
import { ABOUT } from './about.ts';
import { abandoned, exchange, type MadeExchange } from './exchange.ts';
import type { AskedForm, ExchangeForm, MessageForm, RefusedForm } from './form.ts';
import { Questions, ringing, unconfirmed, whole } from './questions.ts';
import { homeForm, World, type Party } from './world.ts';

const ALICE = 'sip:alice@home1.example';
const BOB = 'sip:bob@home2.example';
const CAROL = 'sip:carol@home2.example';
const DEVICES = ['urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6', 'desk', 'car'];

/** Alice calls bob; each has one device, under the address of record. */
export async function plainSet(seed: string, name: string, suite: Suite): Promise<ExchangeForm> {
  const { curve, prfFunc, policy } = suite;
  const world = new World(seed, name);
  const [alice, bob] = [world.party('alice', 'initiator', ALICE), world.party('bob', 'responder', BOB)];
  const media = [{ ssrc: world.ssrc(), policy }];
  const by = [{ party: bob, ssrcs: [world.ssrc()] }];
  const made = exchange(world, { from: alice, callee: BOB, media, curve, prfFunc, by });
  const set = {
    ...headOf('plain', seed, made, { i: ALICE, r: BOB }),
    altered: alteredOf(made.form.messages),
    kms: kmsOf(made, alice, { responder: [bob] }),
  };
  return withQuestions(
    set,
    [
      ...[whole(), unconfirmed(), ringing()].map((question) =>
        asked('initiator', 'initiator', ALICE, question),
      ),
      ...[whole(), unconfirmed(), ringing()].map((question) =>
        asked('responder', 'responder', BOB, question),
      ),
    ],
    [
      ...refusedAlterations(set.altered, BOB),
      refused('a stranger', 'responder', CAROL, whole(), 'target-not-party'),
    ],
  );
}

/** Three devices of bob answer one I_MESSAGE_1, each for itself. */
export async function forkedSet(seed: string, { curve, prfFunc, policy }: Suite): Promise<ExchangeForm> {
  const world = new World(seed, 'forked');
  const alice = world.party('alice', 'initiator', ALICE);
  const bobs = DEVICES.map((gr, at) => world.party(`bob-${at + 1}`, 'responder', `${BOB};gr=${gr}`));
  // A line of audio, and one of video that is not used.
  const media = [
    { ssrc: world.ssrc(), policy },
    { ssrc: 0, policy },
  ];
  const by = bobs.map((party) => ({ party, ssrcs: [world.ssrc(), 0] }));
  const made = exchange(world, { from: alice, callee: BOB, media, curve, prfFunc, by });
  const [first] = bobs;
  const set = {
    ...headOf('forked', seed, made, { i: ALICE, r: first?.device ?? '', aor: BOB }),
    legs: made.legs.slice(1).map(({ form }) => form),
    kms: kmsOf(made, alice, { responder: bobs }, [BOB]),
  };
  const prefixes = ['', 'legs/2/', 'legs/3/'];
  const questions = prefixes.flatMap((prefix, at) => [
    asked('initiator', 'initiator', ALICE, whole(prefix)),
    asked(`responder ${at + 1}`, 'responder', bobs[at]?.device ?? '', whole(prefix)),
    asked('address of record', 'responder', BOB, unconfirmed(prefix)),
  ]);
  return withQuestions(set, questions, [
    refused(
      'a device about another’s exchange',
      'responder',
      bobs[1]?.device ?? '',
      whole(),
      'target-not-party',
    ),
    refused(
      'messages of two devices',
      'initiator',
      ALICE,
      {
        ...whole(),
        iMessage2: 'legs/2/I_MESSAGE_2',
        rMessage2: 'legs/2/R_MESSAGE_2',
      },
      'messages-inconsistent',
    ),
    refused(
      'R_MESSAGE_2 of another device',
      'responder',
      BOB,
      {
        ...whole('legs/3/'),
        rMessage2: 'legs/2/R_MESSAGE_2',
      },
      'messages-inconsistent',
    ),
  ]);
}

/** Bob's proxy hands the call on to carol, who cannot open I_MESSAGE_1. */
export async function retargetedSet(seed: string, { curve, prfFunc, policy }: Suite): Promise<ExchangeForm> {
  const world = new World(seed, 'retargeted');
  const [alice, carol] = [world.party('alice', 'initiator', ALICE), world.party('carol', 'responder', CAROL)];
  const media = [{ ssrc: world.ssrc(), policy }];
  const by = [{ party: carol, ssrcs: [world.ssrc()] }];
  const made = exchange(world, { from: alice, callee: BOB, media, curve, prfFunc, by });
  const set = {
    ...headOf('retargeted', seed, made, { i: ALICE, r: CAROL, callee: BOB }),
    altered: alteredOf(made.form.messages),
    kms: kmsOf(made, alice, { responder: [carol] }, [BOB]),
  };
  return withQuestions(
    set,
    [
      ...[whole(), unconfirmed(), ringing()].map((question) =>
        asked('initiator', 'initiator', ALICE, question),
      ),
      ...[whole(), unconfirmed()].map((question) => asked('responder', 'responder', CAROL, question)),
    ],
    [
      ...refusedAlterations(set.altered, CAROL),
      refused('the original callee', 'responder', BOB, whole(), 'target-not-party'),
      refused('before I_MESSAGE_2', 'responder', CAROL, ringing(), 'messages-inconsistent'),
    ],
  );
}

/** Bob's phone answers 302: what it was sent stays unanswered, and carol is offered to anew. */
export async function redirectedSet(seed: string, { curve, prfFunc, policy }: Suite): Promise<ExchangeForm> {
  const world = new World(seed, 'redirected');
  const [alice, carol] = [world.party('alice', 'initiator', ALICE), world.party('carol', 'responder', CAROL)];
  const media = [{ ssrc: world.ssrc(), policy }];
  const left = abandoned(alice, { callee: BOB, media, curve, prfFunc });
  world.clock.advance(400);
  const by = [{ party: carol, ssrcs: [world.ssrc()] }];
  const made = exchange(world, { from: alice, callee: CAROL, media, curve, prfFunc, by });
  const set = {
    ...headOf('redirected', seed, made, { i: ALICE, r: CAROL }),
    abandoned: { I_MESSAGE_1: left },
    kms: kmsOf(made, alice, { responder: [carol] }, [BOB]),
  };
  return withQuestions(
    set,
    [asked('initiator', 'initiator', ALICE, whole()), asked('responder', 'responder', CAROL, whole())],
    [
      refused('who redirected', 'responder', BOB, whole(), 'target-not-party'),
      refused(
        'the offer that was left',
        'responder',
        CAROL,
        {
          ...whole(),
          iMessage1: 'abandoned/I_MESSAGE_1',
        },
        'messages-inconsistent',
      ),
    ],
  );
}

/** Alice's INVITE has no offer: bob's phone offers, and is the initiator. */
export async function offerlessSet(seed: string, { curve, prfFunc, policy }: Suite): Promise<ExchangeForm> {
  const world = new World(seed, 'offerless');
  const device = `${BOB};gr=${DEVICES[0] ?? ''}`;
  const [alice, bob] = [world.party('alice', 'responder', ALICE), world.party('bob', 'initiator', device)];
  const media = [{ ssrc: world.ssrc(), policy }];
  const by = [{ party: alice, ssrcs: [world.ssrc()] }];
  const made = exchange(world, { from: bob, callee: ALICE, media, curve, prfFunc, by });
  const set = {
    ...headOf('offerless', seed, made, { i: device, r: ALICE }),
    kms: kmsOf(made, bob, { responder: [alice] }, [BOB]),
  };
  return withQuestions(
    set,
    [asked('initiator', 'initiator', BOB, whole()), asked('responder', 'responder', ALICE, whole())],
    [refused('the caller’s KMS about the callee', 'responder', BOB, whole(), 'target-not-party')],
  );
}

/** What every set begins with. */
export function headOf(
  variant: string,
  seed: string,
  made: MadeExchange,
  uri: ExchangeForm['uri'],
): Omit<ExchangeForm, 'kms'> & { readonly seed: string } {
  const [leg] = made.legs;
  if (leg === undefined) throw new Error('nobody answers');
  const { i, ...rest } = uri;
  const spi = { i: made.spi, [uri.mailbox === undefined ? 'r' : 'mailbox']: leg.form.spi.r };
  return { about: ABOUT, variant, seed, ...made.form, uri: { i, ...rest }, spi };
}

/**
 * The KMSs by the set's names: the initiator's, and those of `parties`, of whom each has a device with a seed; `others` are
 * addresses that have none here, of the first of these.
 */
export function kmsOf(
  made: MadeExchange,
  from: Party,
  parties: Readonly<Record<string, readonly Party[]>>,
  others: readonly string[] = [],
): ExchangeForm['kms'] {
  const time = made.iMessage1.t.seconds;
  const withSeed = (uri: string) => ({ uri, seed: true });
  const aorsOf = (home: Party['home']) =>
    others.filter((uri) => uri.endsWith(`@${home.host}`)).map((uri) => ({ uri, seed: false }));
  const homes = Object.entries(parties).map(([name, [first, ...more]]) => {
    if (first === undefined) throw new Error('a KMS of nobody');
    const users = [...[first, ...more].map(({ device }) => withSeed(device)), ...aorsOf(first.home)];
    return [name, homeForm(first.home, users, time)] as const;
  });
  const own = homeForm(from.home, [withSeed(from.device), ...aorsOf(from.home)], time);
  return { initiator: own, ...Object.fromEntries(homes) };
}

export async function withQuestions(
  set: Omit<ExchangeForm, 'getKeys' | 'getKeysRefused'>,
  questions: readonly AskedForm[],
  refusals: readonly RefusedForm[],
): Promise<ExchangeForm> {
  const kms = new Questions(set);
  return { ...set, getKeys: await kms.answered(questions), getKeysRefused: await kms.refused(refusals) };
}

export function asked(
  party: string,
  kms: string,
  target: string,
  question: AskedForm['question'],
): AskedForm {
  return { party, kms, target, question };
}

export function refused(
  why: string,
  kms: string,
  target: string,
  question: AskedForm['question'],
  failure: string,
): RefusedForm {
  return { why, kms, target, question, failure };
}

/* ---------------------------------------------------------------- helpers */

/** Messages with an octet changed: of T, of the map, of the container, of V. */
function alteredOf(messages: ExchangeForm['messages']): Record<string, string> {
  const flipped = ({ message }: MessageForm, at: number) => {
    const octets = Buffer.from(message, 'base64');
    const index = at < 0 ? octets.length + at : at;
    octets[index] = (octets[index] ?? 0) ^ 1;
    return octets.toString('base64');
  };
  const { I_MESSAGE_1, R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2 } = messages;
  return {
    'I_MESSAGE_1 with another SSRC': flipped(I_MESSAGE_1, 14),
    'R_MESSAGE_1 with another container': flipped(R_MESSAGE_1, -1),
    'I_MESSAGE_2 with another T': flipped(I_MESSAGE_2, 35),
    'R_MESSAGE_2 with another V': flipped(R_MESSAGE_2, -1),
  };
}

function refusedAlterations(altered: Readonly<Record<string, string>>, target: string): RefusedForm[] {
  const members = {
    I_MESSAGE_1: 'iMessage1',
    R_MESSAGE_1: 'rMessage1',
    I_MESSAGE_2: 'iMessage2',
    R_MESSAGE_2: 'rMessage2',
  };
  return Object.keys(altered).map((name) => {
    const member = members[name.split(' ')[0] as keyof typeof members];
    // What the responder sent is opened by the initiator's KMS, and the other way round.
    const isOfResponder = name.startsWith('R_MESSAGE_1');
    return isOfResponder
      ? refused(name, 'initiator', ALICE, { ...whole(), [member]: name }, 'messages-inconsistent')
      : refused(name, 'responder', target, { ...whole(), [member]: name }, 'messages-inconsistent');
  });
}

/** Sets of CSB updates (RFC 6267 section 5.3, profile section 3): rekeyed by either side, and a medium added. */
import type { CsbSession } from '../../src/ibake/session.ts';
import { SRTP_POLICY } from '../../src/ibake/policy.ts';
import { asked, headOf, kmsOf, refused, withQuestions } from './call-sets.ts';
import { exchange, update, type MadeExchange, type UpdateWishes } from './exchange.ts';
import type { AskedForm, ExchangeForm, QuestionForm, UpdateForm } from './form.ts';
import { Questions, whole } from './questions.ts';
import type { Suite } from './sets.ts';
import { World, type Party } from './world.ts';

const ALICE = 'sip:alice@home1.example';
const BOB = 'sip:bob@home2.example';
const BOB_DEVICE = `${BOB};gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6`;
/** Between updates: the fourth is in a later slot than the first. */
const PAUSE_MS = 400_000;

type SessionsOf = Record<'initiator' | 'responder', CsbSession>;

/** Both sides rekey, twice each. */
export async function updatesSet(seed: string, suite: Suite): Promise<ExchangeForm> {
  const call = begun(seed, 'update', suite);
  const updates = chained(
    call,
    ['initiator', 'responder', 'responder', 'initiator'].map((startedBy) => ({
      startedBy: startedBy as 'initiator' | 'responder',
      rekey: true,
    })),
  );
  return withUpdates(seed, 'update', call, updates);
}

/** A line of video is added with new keys by who called, then one without by who answered, then both rekey. */
export async function mediumAddedSet(seed: string, suite: Suite): Promise<ExchangeForm> {
  const call = begun(seed, 'medium-added', suite);
  const { world } = call;
  const updates = chained(call, [
    {
      ...{ startedBy: 'initiator', rekey: true },
      ...{ added: [{ ssrc: world.ssrc(), policyNo: 1 }], ssrcs: [world.ssrc()] },
    },
    {
      ...{ startedBy: 'responder', rekey: false },
      ...{ added: [{ ssrc: world.ssrc(), policyNo: 0 }], ssrcs: [0] },
    },
    {
      ...{ startedBy: 'initiator', rekey: false, filled: new Map([[3, world.ssrc()]]) },
    },
    { startedBy: 'responder', rekey: true },
  ]);
  return withUpdates(seed, 'medium-added', call, updates);
}

/* ---------------------------------------------------------------- helpers */

interface BegunCall {
  readonly world: World;
  readonly alice: Party;
  readonly bob: Party;
  readonly made: MadeExchange;
}

/** A call with one line of audio; a policy for lines to come is announced with it. */
function begun(seed: string, name: string, { curve, prfFunc, policy }: Suite): BegunCall {
  const world = new World(seed, name);
  const [alice, bob] = [
    world.party('alice', 'initiator', ALICE),
    world.party('bob', 'responder', BOB_DEVICE),
  ];
  const made = exchange(world, {
    from: alice,
    callee: BOB,
    media: [{ ssrc: world.ssrc(), policy }],
    laterPolicies: [SRTP_POLICY.aesGcm256],
    ...{ curve, prfFunc },
    by: [{ party: bob, ssrcs: [world.ssrc()] }],
  });
  return { world, alice, bob, made };
}

function chained(
  { world, alice, made }: BegunCall,
  wishes: readonly UpdateWishes[],
): Omit<UpdateForm, 'getKeys'>[] {
  const [leg] = made.legs;
  if (leg === undefined) throw new Error('nobody answers');
  let sessions: SessionsOf = leg.sessions;
  return wishes.map((wish, at) => {
    world.clock.advance(PAUSE_MS);
    const step = update(alice, { party: leg.party, sessions }, at + 1, wish);
    sessions = step.sessions;
    return step.form;
  });
}

async function withUpdates(
  seed: string,
  variant: string,
  { made, alice, bob }: BegunCall,
  updates: readonly Omit<UpdateForm, 'getKeys'>[],
): Promise<ExchangeForm> {
  const set = {
    ...headOf(variant, seed, made, { i: ALICE, r: BOB_DEVICE, aor: BOB }),
    kms: kmsOf(made, alice, { responder: [bob] }, [BOB]),
    updates: updates.map((each) => ({ ...each, getKeys: [] })),
  };
  const kms = new Questions(set);
  const after: UpdateForm[] = [];
  for (const each of updates) {
    const question = questionAfter(updates, each.number);
    after.push({ ...each, getKeys: await kms.answered(ofBoth(question)) });
  }
  const last = questionAfter(updates, updates.length);
  const one = { iMessage1: 'updates/1/I_MESSAGE_1', rMessage1: 'updates/1/R_MESSAGE_1' };
  return withQuestions({ ...set, updates: after }, ofBoth(whole()), [
    refused('a stranger', 'responder', 'sip:carol@home2.example', last, 'target-not-party'),
    refused(
      'messages of two updates',
      'responder',
      BOB,
      { ...whole(), updates: [{ ...one, rMessage1: 'updates/4/R_MESSAGE_1' }] },
      'messages-inconsistent',
    ),
    refused(
      'an update in the place of the exchange',
      'initiator',
      ALICE,
      { ...whole(), rMessage1: one.rMessage1 },
      'messages-inconsistent',
    ),
  ]);
}

/** The exchange, the last update with IBAKE, and the last without that came later (profile, section 6.2). */
function questionAfter(updates: readonly Omit<UpdateForm, 'getKeys'>[], number: number): QuestionForm {
  const past = updates.slice(0, number);
  const rekeyed = past.findLast(({ ibake }) => ibake);
  const added = past.findLast((each) => !each.ibake && each.number > (rekeyed?.number ?? 0));
  const named = [rekeyed, added].flatMap((each) =>
    each === undefined
      ? []
      : [
          {
            iMessage1: `updates/${each.number}/I_MESSAGE_1`,
            rMessage1: `updates/${each.number}/R_MESSAGE_1`,
          },
        ],
  );
  return { ...whole(), updates: named };
}

function ofBoth(question: QuestionForm): AskedForm[] {
  return [asked('initiator', 'initiator', ALICE, question), asked('responder', 'responder', BOB, question)];
}

/** The state machines of initiator and responder are as docs/mikey-ibake/states.md has them. */
import { describe } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { curveById, publicPoint } from '../../src/ibake/curves.ts';
import { IbakeError } from '../../src/ibake/errors.ts';
import type { Initiator, ResponderPolicy } from '../../src/ibake/initiator.ts';
import type { InitiatorLeg } from '../../src/ibake/initiator-leg.ts';
import { readIMessage2 } from '../../src/ibake/messages.ts';
import { SRTP_POLICY, type SrtpPolicy } from '../../src/ibake/policy.ts';
import { respond, type ResponderOptions, type ResponderVerdict } from '../../src/ibake/responder.ts';
import type { ResponderLeg } from '../../src/ibake/responder-leg.ts';
import { decodeMessage, encodeMessage } from '../../src/mikey/message.ts';
import type { Payload } from '../../src/mikey/payload.ts';
import { expectStated, type Transition } from '../support/state-tables.ts';
import { forged } from './support/forger.ts';
import {
  ALICE,
  answered,
  BOB,
  BOB_DESK,
  BOB_MOBILE,
  CAROL,
  MAILBOX,
  type TestEndpoint,
} from './support/scenario.ts';
import { ToyNetwork } from './support/toy-network.ts';

const PAGE = 'docs/mikey-ibake/states.md';
const OTHERS: ResponderPolicy = { acceptResponder: (_, isRetargeted) => !isRetargeted };
const WITH_MAILBOX: ResponderPolicy = { acceptMailbox: (responder) => responder === MAILBOX };
const NOTHING = utf8('not a MIKEY message');
const DAVE = 'sip:dave@home2.example';
const WITH_LEG = ['waiting', 'keyed', 'ended + waiting', 'ended + keyed'];
const IDLE = ['idle'];
const OPEN = ['answered', 'answered without echo', 'ended'];
const BEGUN = [...OPEN, 'keyed', 'ended + keyed'];
const LET_GO = 'wipes the secret, lets the slot key go';

/** An octet of the message changed, where its container ends. */
function altered(octets: Uint8Array): Uint8Array {
  const changed = octets.slice();
  changed[changed.length - 1]! ^= 1;
  return changed;
}

const isPoint = ({ kind }: Payload): boolean => kind === 'eccpt';

/** Every point replaced by one of another curve than the default. */
function otherCurve(payloads: readonly Payload[]): Payload[] {
  const curve = curveById(11);
  if (curve === null) throw new Error('no such curve');
  const point = publicPoint(curve, Secret.of(new Uint8Array(curve.octets).fill(1)));
  return payloads.map((payload) => (payload.kind === 'eccpt' ? { ...payload, curve: 11, point } : payload));
}

/** The error's code, or what the action gives. */
function outcomeOf<T>(action: () => T): { readonly value: T | null; readonly error: string } {
  try {
    return { value: action(), error: '' };
  } catch (error) {
    if (error instanceof IbakeError) return { value: null, error: `\`${error.code}\`` };
    throw error;
  }
}

describe('R-42: the initiator', () => {
  interface Calling {
    readonly network: ToyNetwork;
    readonly alice: TestEndpoint;
    readonly initiator: Initiator;
    /** The first answer that was taken, and who gave it. */
    leg: InitiatorLeg | null;
    answer: ResponderLeg | null;
  }

  const calling = (): Calling => {
    const network = new ToyNetwork('states');
    const alice = network.endpoint(ALICE);
    return { network, alice, initiator: network.offer(alice, BOB), leg: null, answer: null };
  };
  const answerOf = ({ network, initiator }: Calling, aor: string, device = aor) =>
    answered(network.endpoint(aor, device), initiator.message);
  const withAnswer = (from: string, policy: ResponderPolicy = {}): Calling => {
    const made = calling();
    made.answer = answerOf(made, from);
    made.leg = made.initiator.answer(made.answer.message, policy);
    return made;
  };
  const ended = (made: Calling): Calling => {
    made.initiator.end();
    return made;
  };
  const verified = (made: Calling): Calling => {
    made.leg!.verify(made.answer!.confirm(made.leg!.message).message);
    return made;
  };

  /** Whether it has ended shows in what it says of nonsense; it keeps no key then. */
  const stateOf = ({ initiator, leg, alice }: Calling): string => {
    const isEnded = outcomeOf(() => initiator.answer(NOTHING)).error === '`state`';
    if (isEnded !== (alice.keys.held === 0)) throw new Error('the slot key is kept by who has ended');
    const own = leg === null ? 'offered' : leg.session === null ? 'waiting' : 'keyed';
    if (!isEnded) return own;
    return leg === null ? 'ended' : `ended + ${own}`;
  };

  /** A new answer: the leg of it, which is the first one's if there was none. */
  const taken = (
    made: Calling,
    message: Uint8Array,
    answer: ResponderLeg | null,
    policy?: ResponderPolicy,
  ) => {
    const { value, error } = outcomeOf(() => made.initiator.answer(message, policy));
    const isNew = value !== null && value !== made.leg;
    if (isNew && made.leg === null) [made.leg, made.answer] = [value, answer];
    const esk = value !== null && readIMessage2(value.message).esk !== null ? ' with ESK' : '';
    const keys = value === null || value.session === null ? '' : ', keys';
    const action = value === null ? '' : isNew ? `I_MESSAGE_2${esk}${keys}` : 'the same I_MESSAGE_2';
    return { next: stateOf(made), action, error };
  };
  const confirmed = (made: Calling, message: Uint8Array): Transition => {
    const before = made.leg!.session;
    const { value, error } = outcomeOf(() => made.leg!.verify(message));
    const action = value === null ? '' : value === before ? 'the same keys' : 'keys';
    return { next: stateOf(made), action, error };
  };
  const rMessage2 = ({ leg, answer }: Calling) => answer!.confirm(leg!.message).message;

  expectStated<Calling>(PAGE, {
    section: 'Initiator',
    states: {
      offered: calling,
      waiting: () => withAnswer(CAROL),
      keyed: () => withAnswer(BOB),
      ended: () => ended(calling()),
      'ended + waiting': () => ended(withAnswer(CAROL)),
      'ended + keyed': () => ended(verified(withAnswer(CAROL))),
    },
    events: {
      'R_MESSAGE_1 with echo': {
        apply: (made) => {
          const answer = answerOf(made, BOB, BOB_DESK);
          return taken(made, answer.message, answer);
        },
      },
      'R_MESSAGE_1 without echo': {
        apply: (made) => {
          const answer = answerOf(made, DAVE);
          return taken(made, answer.message, answer);
        },
      },
      'R_MESSAGE_1 without echo, of a mailbox that is accepted': {
        apply: (made) => {
          const answer = answerOf(made, MAILBOX);
          return taken(made, answer.message, answer, WITH_MAILBOX);
        },
      },
      'R_MESSAGE_1 of who is not accepted': {
        apply: (made) => taken(made, answerOf(made, DAVE).message, null, OTHERS),
      },
      'R_MESSAGE_1 without echo, on another curve': {
        apply: (made) => {
          const { engine, home1 } = made.network;
          const message = forged(answerOf(made, DAVE).message, home1, { inside: otherCurve }, engine);
          return taken(made, message, null);
        },
      },
      'R_MESSAGE_1 with an echo of who was not called': {
        apply: (made) => {
          const { engine, home1, home2 } = made.network;
          const echo: Payload[] = [];
          const overhear = (inside: Payload[]) => (echo.push(...inside.filter(isPoint)), inside);
          forged(made.initiator.message, home2, { inside: overhear }, engine);
          const inside = ([idri, ...rest]: Payload[]) => [idri!, ...echo, ...rest];
          return taken(made, forged(answerOf(made, DAVE).message, home1, { inside }, engine), null);
        },
      },
      'R_MESSAGE_1 that does not verify': {
        apply: (made) => taken(made, altered(answerOf(made, BOB, BOB_MOBILE).message), null),
      },
      'anything but an R_MESSAGE_1': { apply: (made) => taken(made, made.initiator.message, null) },
      'the first R_MESSAGE_1 again': {
        states: WITH_LEG,
        apply: (made) => taken(made, made.answer!.message, made.answer),
      },
      R_MESSAGE_2: { states: WITH_LEG, apply: (made) => confirmed(made, rMessage2(made)) },
      'R_MESSAGE_2 that does not verify': {
        states: WITH_LEG,
        apply: (made) => confirmed(made, altered(rMessage2(made))),
      },
      'R_MESSAGE_2 of another answer': {
        states: ['waiting', 'keyed'],
        apply: (made) => {
          const answer = answerOf(made, BOB, BOB_MOBILE);
          const leg = made.initiator.answer(answer.message);
          return confirmed(made, answer.confirm(leg.message).message);
        },
      },
      'anything but an R_MESSAGE_2': { states: WITH_LEG, apply: (made) => confirmed(made, NOTHING) },
      end: {
        apply: (made) => {
          const before = made.alice.keys.held;
          made.initiator.end();
          return { next: stateOf(made), action: made.alice.keys.held < before ? LET_GO : '', error: '' };
        },
      },
    },
  });
});

describe('R-42: the responder', () => {
  interface Called {
    readonly network: ToyNetwork;
    readonly me: TestEndpoint;
    readonly initiator: Initiator;
    leg: ResponderLeg | null;
    /** The I_MESSAGE_2 that was taken. */
    taken: Uint8Array | null;
  }

  const called = (callee = BOB, policy: SrtpPolicy = SRTP_POLICY.aesCm128): Called => {
    const network = new ToyNetwork('states');
    const media = [{ ssrc: 1, policy }];
    const initiator = network.offer(network.endpoint(ALICE), callee, { media });
    return { network, me: network.endpoint(BOB), initiator, leg: null, taken: null };
  };
  const asked = (made: Called, options?: Partial<ResponderOptions>): ResponderVerdict =>
    respond(made.me, made.initiator.message, { ssrcs: [2], ...options });
  const withLeg = (made: Called): Called => {
    const verdict = asked(made);
    if (verdict.kind !== 'answer') throw new Error(verdict.kind);
    made.leg = verdict.leg;
    return made;
  };
  const iMessage2 = ({ initiator, leg }: Called, policy: ResponderPolicy = {}) =>
    initiator.answer(leg!.message, policy).message;
  const complete = (made: Called): Called => {
    made.taken = iMessage2(made);
    made.leg!.confirm(made.taken);
    return made;
  };
  const ended = (made: Called): Called => {
    made.leg!.end();
    return made;
  };

  const stateOf = ({ leg, me }: Called): string => {
    if (leg === null) return 'idle';
    const isEnded = me.keys.held === 0;
    if (leg.session !== null) return isEnded ? 'ended + keyed' : 'keyed';
    const refusesAll = outcomeOf(() => leg.confirm(NOTHING)).error === '`state`';
    if (isEnded !== refusesAll) throw new Error('the slot key is kept by who has ended');
    if (isEnded) return 'ended';
    return leg.isRetargeted ? 'answered without echo' : 'answered';
  };

  /** An I_MESSAGE_1, which begins an exchange or does not. */
  const begun = (made: Called, verdict: ResponderVerdict): Transition => {
    if (verdict.kind === 'answer') made.leg ??= verdict.leg;
    const error = verdict.kind === 'silence' ? verdict.reason : null;
    const says = { answer: 'R_MESSAGE_1', error: 'Error message', silence: '' };
    const echo =
      verdict.kind !== 'answer' ? '' : verdict.leg.isRetargeted ? ' with ECCPTr alone' : ' with echo';
    return {
      next: stateOf(made),
      action: says[verdict.kind] + echo,
      error: error instanceof IbakeError || error !== null ? `silence, \`${codeOf(error)}\`` : '',
    };
  };
  const codeOf = (error: Error) => ('code' in error ? String(error.code) : error.message);

  const confirmed = (made: Called, message: Uint8Array): Transition => {
    const before = made.leg!.session;
    const { value, error } = outcomeOf(() => made.leg!.confirm(message));
    const esk = value?.hasDeferredKey === true ? ', ESK kept' : '';
    const proof =
      value === null ? '' : decodeMessage(value.message).payloads.some(({ kind }) => kind === 'ibake');
    const action = value === null ? '' : `R_MESSAGE_2${proof === true ? ' with echo' : ''}, keys${esk}`;
    return {
      next: stateOf(made),
      action: before === null ? action : value === null ? '' : 'the same R_MESSAGE_2',
      error,
    };
  };

  expectStated<Called>(PAGE, {
    section: 'Responder',
    states: {
      idle: () => called(),
      answered: () => withLeg(called()),
      'answered without echo': () => withLeg(called(CAROL)),
      keyed: () => complete(withLeg(called())),
      ended: () => ended(withLeg(called())),
      'ended + keyed': () => ended(complete(withLeg(called()))),
    },
    events: {
      'I_MESSAGE_1 for this user': { states: IDLE, apply: (made) => begun(made, asked(made)) },
      'I_MESSAGE_1 for somebody else': {
        states: IDLE,
        apply: () => {
          const other = called(CAROL);
          return begun(other, asked(other));
        },
      },
      'I_MESSAGE_1 with a policy that is not supported': {
        states: IDLE,
        apply: (made) => {
          const message = withoutPolicy(called(BOB, SRTP_POLICY.aesGcm128));
          return begun(made, respond(made.me, message, { ssrcs: [2] }));
        },
      },
      'I_MESSAGE_1 for this user that does not verify': {
        states: IDLE,
        apply: (made) => begun(made, respond(made.me, altered(made.initiator.message), { ssrcs: [2] })),
      },
      'I_MESSAGE_1 outside the skew': {
        states: IDLE,
        apply: (made) => {
          made.network.clock.advance(301_000);
          return begun(made, asked(made));
        },
      },
      'I_MESSAGE_1 under another list of protocols': {
        states: IDLE,
        apply: (made) => begun(made, asked(made, { protocols: ['mikey', 'other'] })),
      },
      'anything but an I_MESSAGE_1': {
        states: IDLE,
        apply: (made) => begun(made, respond(made.me, NOTHING, { ssrcs: [2] })),
      },
      'the same I_MESSAGE_1 again': { states: BEGUN, apply: (made) => begun(made, asked(made)) },
      I_MESSAGE_2: { states: OPEN, apply: (made) => confirmed(made, iMessage2(made)) },
      'I_MESSAGE_2 with ESK': {
        states: OPEN,
        apply: (made) => {
          const isRetargeted = made.leg!.isRetargeted;
          const own = isRetargeted
            ? iMessage2(made, { acceptMailbox: () => true })
            : withEsk(iMessage2(made));
          return confirmed(made, own);
        },
      },
      'I_MESSAGE_2 with an ECCPTi that was echoed': {
        states: ['answered'],
        apply: (made) => {
          const { engine, home2 } = made.network;
          const twice = (inside: Payload[]) =>
            inside.flatMap((payload, at) => (at === 0 ? [payload, inside.find(isPoint)!] : [payload]));
          return confirmed(made, forged(iMessage2(made), home2, { inside: twice }, engine));
        },
      },
      'the same I_MESSAGE_2 again': {
        states: ['keyed', 'ended + keyed'],
        apply: (made) => confirmed(made, made.taken!),
      },
      'I_MESSAGE_2 that does not verify, or another': {
        states: BEGUN,
        apply: (made) => confirmed(made, altered(iMessage2(made))),
      },
      'anything but an I_MESSAGE_2': { states: BEGUN, apply: (made) => confirmed(made, NOTHING) },
      end: {
        states: BEGUN,
        apply: (made) => {
          const before = made.me.keys.held;
          made.leg!.end();
          return { next: stateOf(made), action: made.me.keys.held < before ? LET_GO : '', error: '' };
        },
      },
    },
  });

  /** Its SP left out, so that the map names a policy that is not there. */
  function withoutPolicy({ initiator }: Called): Uint8Array {
    const { header, payloads } = decodeMessage(initiator.message);
    return encodeMessage({ header, payloads: payloads.filter(({ kind }) => kind !== 'sp') });
  }

  function withEsk(message: Uint8Array): Uint8Array {
    const { header, payloads } = decodeMessage(message);
    return encodeMessage({ header, payloads: [...payloads, { kind: 'esk', encrData: utf8('anything') }] });
  }
});

/** An initial exchange between parties of a world, and its updates, written down as a set has them. */
import { toHex } from '../../src/bytes/octets.ts';
import { Initiator, type Offer, type ResponderPolicy } from '../../src/ibake/initiator.ts';
import type { InitiatorLeg } from '../../src/ibake/initiator-leg.ts';
import {
  readIMessage1,
  readIMessage2,
  readRMessage1,
  readRMessage2,
  readUpdateIMessage1,
  readUpdateRMessage1,
  type IMessage1,
} from '../../src/ibake/messages.ts';
import { readPolicies } from '../../src/ibake/policy.ts';
import { SECRET_ROLE } from '../../src/ibake/recoverable-secret.ts';
import { sha256 } from '../../src/ibake/sealing.ts';
import type { CsbSession } from '../../src/ibake/session.ts';
import { answerUpdate, UpdateOffer, type UpdateOptions } from '../../src/ibake/update.ts';
import type { FilledLines } from '../../src/ibake/update-map.ts';
import { answered } from '../ibake/support/scenario.ts';
import type { DrawnForm, ExchangeForm, LegForm, MessageForm, UpdateForm } from './form.ts';
import { drawnForm, keysForm, keysFormWithoutPoint, mapForm, messageForm, spiIn } from './written.ts';
import type { Party, World } from './world.ts';

/** Milliseconds from one message to the next. */
const PAUSE_MS = 180;

export interface ExchangeWish extends Offer {
  readonly from: Party;
  /** Who answer, each with the SSRCs of its streams by m= lines. */
  readonly by: readonly { readonly party: Party; readonly ssrcs: readonly number[] }[];
  readonly policy?: ResponderPolicy;
}

/** One answer, to the end. */
export interface MadeLeg {
  readonly party: Party;
  readonly leg: InitiatorLeg;
  readonly form: LegForm;
  readonly sessions: { readonly initiator: CsbSession; readonly responder: CsbSession };
  readonly iMessage2: Uint8Array;
}

export interface MadeExchange {
  readonly initiator: Initiator;
  readonly iMessage1: IMessage1;
  readonly first: MessageForm;
  /** The initiator's secret. */
  readonly own: DrawnForm & { readonly secret: string; readonly point: string };
  readonly spi: string;
  readonly legs: readonly MadeLeg[];
  /** The set's members that speak of the exchange and its first answer. */
  readonly form: Pick<
    ExchangeForm,
    | 'csbId'
    | 'rand'
    | 'curve'
    | 'prfFunc'
    | 'policies'
    | 'time'
    | 'map'
    | 'messages'
    | 'keys'
    | 'recoverableSecrets'
  >;
}

/** Who is offered to, and all who answer. */
export function exchange(world: World, wish: ExchangeWish): MadeExchange {
  const { from, by, policy, ...offer } = wish;
  const initiator = Initiator.offer(from.endpoint, offer);
  const iMessage1 = readIMessage1(initiator.message);
  const drawn = from.random.take();
  const first = messageForm(iMessage1, drawn);
  const { csbId, prfFunc } = iMessage1.header;
  const csb = { csbId, prfFunc, rand: iMessage1.rand };
  const legs: MadeLeg[] = [];
  let own: MadeExchange['own'] | null = null;
  for (const { party, ssrcs } of by) {
    world.clock.advance(PAUSE_MS);
    const leg = answer(world, { from, party, ssrcs, initiator, iMessage1, policy: policy ?? {} });
    const { curve } = leg.sessions.initiator;
    own ??= drawnForm(from, SECRET_ROLE.iMessage1, curve, iMessage1, csb);
    const rMessage1 = readRMessage1(octetsOf(leg.form.messages.R_MESSAGE_1));
    const theirs = drawnForm(party, SECRET_ROLE.rMessage1, curve, rMessage1, csb, iMessage1.ibake);
    const keys = keysForm(leg.sessions.initiator, own, theirs);
    legs.push({
      ...leg,
      form: { ...leg.form, number: legs.length + 1, recoverableSecrets: [theirs], keys },
    });
  }
  const [leg] = legs;
  if (leg === undefined || own === null) throw new Error('nobody answers');
  return {
    ...{ initiator, iMessage1, first, own, legs, spi: spiIn(drawn) },
    form: {
      time: {
        unix: Math.floor(iMessage1.t.seconds),
        T1: toHex(iMessage1.t.octets),
        T2: leg.form.time.T2,
      },
      ...{ csbId, rand: toHex(csb.rand), curve: leg.sessions.initiator.curve.id, prfFunc },
      policies: policiesOf(iMessage1),
      map: leg.form.map,
      recoverableSecrets: [own, ...leg.form.recoverableSecrets],
      messages: { I_MESSAGE_1: first, ...leg.form.messages },
      keys: leg.form.keys,
    },
  };
}

/** The part of an I_MESSAGE_1 that nobody answers: what a redirected call leaves behind. */
export function abandoned(from: Party, offer: Offer): MessageForm {
  const initiator = Initiator.offer(from.endpoint, offer);
  initiator.end();
  return messageForm(readIMessage1(initiator.message), from.random.take());
}

export interface UpdateWishes extends UpdateOptions {
  readonly startedBy: 'initiator' | 'responder';
  /** SSRCs of who answers, for the lines that are added, and for those on which it begins to send. */
  readonly ssrcs?: readonly number[];
  readonly filledBack?: FilledLines;
}

/** An update of a leg's keys: both sessions after it, and what a set says of it but for questions. */
export function update(
  from: Party,
  { party, sessions }: Pick<MadeLeg, 'party' | 'sessions'>,
  number: number,
  wish: UpdateWishes,
): { readonly form: Omit<UpdateForm, 'getKeys'>; readonly sessions: MadeLeg['sessions'] } {
  const { startedBy, ssrcs = [], filledBack = new Map(), ...options } = wish;
  const answeredBy = startedBy === 'initiator' ? 'responder' : 'initiator';
  const parties = { initiator: from, responder: party };
  const [starter, other] = [parties[startedBy], parties[answeredBy]];
  const before = sessions[startedBy];
  const offer = UpdateOffer.start(starter.endpoint, before, options);
  const asked = readUpdateIMessage1(offer.message);
  const drawn = { asked: starter.random.take(), answer: [] as Uint8Array[] };
  const { message, session } = answerUpdate(
    other.endpoint,
    sessions[answeredBy],
    offer.message,
    ssrcs,
    filledBack,
  );
  drawn.answer = other.random.take();
  const after = {
    [startedBy]: offer.complete(message),
    [answeredBy]: session,
  } as unknown as MadeLeg['sessions'];
  offer.end();
  const rMessage1 = readUpdateRMessage1(message);
  const { csb, curve } = before;
  const secrets =
    asked.ibake === null
      ? null
      : {
          i: drawnForm(starter, SECRET_ROLE.iMessage1, curve, asked, csb),
          r: drawnForm(other, SECRET_ROLE.rMessage1, curve, rMessage1, csb, asked.ibake),
        };
  const transcript = sha256(offer.message);
  return {
    sessions: after,
    form: {
      ...{ number, startedBy, ibake: options.rekey },
      time: { unix: Math.floor(asked.t.seconds), T: toHex(asked.t.octets) },
      ...(secrets === null
        ? {}
        : {
            spi: { ECCPTi: spiIn(drawn.asked), ECCPTr: spiIn(drawn.answer) },
            recoverableSecrets: [secrets.i, secrets.r],
          }),
      map: mapForm(rMessage1.map),
      messages: {
        I_MESSAGE_1: messageForm(asked, drawn.asked, { mpk: before.keys.mpk, csb }),
        R_MESSAGE_1: messageForm(rMessage1, drawn.answer, { mpk: session.keys.mpk, csb, transcript }),
      },
      keys: secrets === null ? keysFormWithoutPoint(session) : keysForm(session, secrets.i, secrets.r),
    },
  };
}

/* ---------------------------------------------------------------- helpers */

interface AnswerWish {
  readonly from: Party;
  readonly party: Party;
  readonly ssrcs: readonly number[];
  readonly initiator: Initiator;
  readonly iMessage1: IMessage1;
  readonly policy: ResponderPolicy;
}

/** R_MESSAGE_1 to R_MESSAGE_2 with one of those who answer. */
function answer(world: World, wish: AnswerWish): MadeLeg {
  const { from, party, ssrcs, initiator, iMessage1, policy } = wish;
  const responder = answered(party.endpoint, initiator.message, { ssrcs });
  const drawn = { r1: party.random.take(), i2: [] as Uint8Array[], r2: [] as Uint8Array[] };
  world.clock.advance(PAUSE_MS);
  const leg = initiator.answer(responder.message, policy);
  drawn.i2 = from.random.take();
  const confirmed = responder.confirm(leg.message);
  drawn.r2 = party.random.take();
  const session = leg.verify(confirmed.message);
  const [rMessage1, iMessage2] = [readRMessage1(responder.message), readIMessage2(leg.message)];
  const { csb, keys } = session;
  const R_MESSAGE_1 = messageForm(rMessage1, drawn.r1, { transcript: sha256(iMessage1.octets) });
  const I_MESSAGE_2 = messageForm(iMessage2, drawn.i2, {
    transcript: sha256(iMessage1.octets, rMessage1.octets),
  });
  const R_MESSAGE_2 = messageForm(readRMessage2(confirmed.message), drawn.r2, { mpk: keys.mpk, csb });
  const form: LegForm = {
    number: 1,
    time: { T2: toHex(iMessage2.t.octets) },
    uri: { r: party.device },
    spi: { r: spiIn(drawn.r1) },
    map: mapForm(rMessage1.map),
    recoverableSecrets: [],
    messages: { R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2 },
    keys: keysFormWithoutPoint(session),
  };
  const sessions = { initiator: session, responder: confirmed.session };
  return { party, leg, form, sessions, iMessage2: leg.message };
}

function policiesOf({ policies, header }: IMessage1): Record<string, string> {
  const table = readPolicies(policies, header.prfFunc);
  return Object.fromEntries(
    [...table].flatMap(([number, { name }]) => (number === 0 ? [] : [[number, name]])),
  );
}

function octetsOf({ message }: MessageForm): Uint8Array {
  return new Uint8Array(Buffer.from(message, 'base64'));
}

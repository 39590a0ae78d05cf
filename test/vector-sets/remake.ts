/**
 * A set of vectors made again by both sides: every party has the randomness and the times that the set names, and takes the
 * messages of the other side as they are made. What comes out is compared by who asks.
 */
import { fromBase64, fromHex } from '../../src/bytes/octets.ts';
import { Initiator } from '../../src/ibake/initiator.ts';
import type { InitiatorLeg } from '../../src/ibake/initiator-leg.ts';
import {
  readIMessage1,
  readRMessage1,
  readUpdateIMessage1,
  readUpdateRMessage1,
} from '../../src/ibake/messages.ts';
import { readPolicies } from '../../src/ibake/policy.ts';
import type { CsbSession } from '../../src/ibake/session.ts';
import { answerUpdate, UpdateOffer } from '../../src/ibake/update.ts';
import type { SrtpIdEntry } from '../../src/mikey/header.ts';
import { endpointFor, type TestHome } from '../ibake/support/network.ts';
import { answered } from '../ibake/support/scenario.ts';
import { ScriptedRandom } from '../ibake/support/scripted-random.ts';
import { homeOf, ScriptedTimestamps } from '../ibake/support/vectors.ts';
import { ManualClock } from '../support/manual-clock.ts';
import type { ExchangeForm, KeysForm, LegForm, MessageForm, SealingForm, UpdateForm } from './form.ts';

type Role = 'initiator' | 'responder';
type Sessions = Record<Role, CsbSession>;

/** An answer as a set has it: the first stands among the set's own members. */
export type AnswerForm = Pick<LegForm, 'messages' | 'keys' | 'spi' | 'uri' | 'time'>;

/** What one step of a set was, and what both sides made of it. */
export interface Remade {
  /** Messages by their names in the set, as the set has them and as they were made. */
  readonly messages: readonly { readonly name: string; readonly said: string; readonly made: Uint8Array }[];
  readonly said: KeysForm;
  readonly sessions: Sessions;
  readonly leg: InitiatorLeg;
}

/** All answers of a set, its own first. */
export function answersOf(set: ExchangeForm): AnswerForm[] {
  const { uri, spi, time, messages, keys, legs = [] } = set;
  const [r, by] = [uri.mailbox ?? uri.r, spi.mailbox ?? spi.r ?? ''];
  return [{ uri: { r }, spi: { r: by }, time, messages, keys }, ...legs];
}

/** The homes of a set: one for each host, whatever its KMSs are called. */
export function homesIn({ kms }: ExchangeForm): TestHome[] {
  const byHost = new Map(Object.values(kms).map((file) => [homeOf(file).host, homeOf(file)]));
  return [...byHost.values()];
}

/** Each answer, then each update of the first one's keys. */
export class RemadeSet {
  readonly #set: ExchangeForm;
  readonly #clock: ManualClock;
  readonly #random: ReadonlyMap<string, ScriptedRandom>;
  readonly #initiator: ReturnType<typeof endpointFor>;
  readonly #responders: readonly ReturnType<typeof endpointFor>[];

  constructor(set: ExchangeForm) {
    const answers = answersOf(set);
    const updates = set.updates ?? [];
    const clock = new ManualClock(set.time.unix * 1000);
    const homes = homesIn(set);
    const drawnIn = (role: Role) => updates.flatMap((each) => drawnFor(each, each.startedBy === role));
    const timesOf = (role: Role) =>
      updates.filter(({ startedBy }) => startedBy === role).map(({ time }) => time.T);
    const random = new Map<string, ScriptedRandom>();
    const party = (uri: string, script: readonly Uint8Array[], times: readonly string[]) => {
      const own = new ScriptedRandom(...script);
      random.set(uri, own);
      const user = { addressOfRecord: uri.replace(/;.*/, ''), device: uri };
      const timestamps = new ScriptedTimestamps(clock, ...times);
      return { ...endpointFor(homes, user, { clock, random: own }), timestamps };
    };
    const csbId = fromHex(set.csbId.toString(16).padStart(8, '0'));
    const first = [csbId, fromHex(set.rand), fromHex(set.spi.i), ...sealing(set.messages.I_MESSAGE_1)];
    const second = answers.flatMap(({ messages: { I_MESSAGE_2 } }) => [
      ...(I_MESSAGE_2.esk === undefined ? [] : sealing(I_MESSAGE_2.esk)),
      ...sealing(I_MESSAGE_2),
    ]);
    const times = [set.time.T1, ...answers.map(({ time }) => time.T2), ...timesOf('initiator')];
    this.#set = set;
    this.#clock = clock;
    this.#random = random;
    this.#initiator = party(set.uri.i, [...first, ...second, ...drawnIn('initiator')], times);
    this.#responders = answers.map(({ uri, spi, messages: { R_MESSAGE_1, R_MESSAGE_2 } }, at) => {
      const later = at === 0 ? drawnIn('responder') : [];
      const script = [fromHex(spi.r), ...sealing(R_MESSAGE_1), ...sealing(R_MESSAGE_2), ...later];
      return party(uri.r, script, at === 0 ? timesOf('responder') : []);
    });
  }

  /** What of the set's randomness nobody drew, by who should have. */
  get left(): Record<string, number> {
    return Object.fromEntries([...this.#random].map(([uri, { left }]) => [uri, left]));
  }

  /** The exchange with everybody who answers, in the set's order. */
  answers(): Remade[] {
    const set = this.#set;
    const initiator = Initiator.offer(this.#initiator, offerOf(set));
    return answersOf(set).map(({ messages, keys, uri }, at) => {
      const responder = this.#responders[at];
      if (responder === undefined) throw new Error('nobody answers');
      const ssrcs = ssrcsOf(readRMessage1(octetsOf(messages.R_MESSAGE_1)).map, 'responder');
      const answer = answered(responder, initiator.message, { ssrcs });
      const isMailbox = messages.I_MESSAGE_2.esk !== undefined;
      const leg = initiator.answer(answer.message, {
        acceptMailbox: (identity) => isMailbox && identity === uri.r,
      });
      const { message, session } = answer.confirm(leg.message);
      const made = { I_MESSAGE_1: initiator.message, R_MESSAGE_1: answer.message, I_MESSAGE_2: leg.message };
      const said = { I_MESSAGE_1: set.messages.I_MESSAGE_1, ...messages };
      return {
        messages: compared(said, { ...made, R_MESSAGE_2: message }),
        said: keys,
        sessions: { initiator: leg.verify(message), responder: session },
        leg,
      };
    });
  }

  /** The updates of an answer's keys, each from what the one before left. */
  updates({ sessions: before, leg }: Remade): Remade[] {
    const [responder] = this.#responders;
    if (responder === undefined) throw new Error('nobody answers');
    const phones = { initiator: this.#initiator, responder };
    let sessions = before;
    return (this.#set.updates ?? []).map(({ startedBy: from, ibake, time, messages, keys }) => {
      const to = from === 'initiator' ? 'responder' : 'initiator';
      this.#clock.advance(time.unix * 1000 - this.#clock.now());
      const asked = readUpdateIMessage1(octetsOf(messages.I_MESSAGE_1)).map;
      const replied = readUpdateRMessage1(octetsOf(messages.R_MESSAGE_1)).map;
      const own = filledIn(sessions[from].map, asked, from);
      const lines = asked.slice(sessions[from].map.length).filter((_, i) => i % 2 === 0);
      const added = own.added.map((ssrc, i) => ({ ssrc, policyNo: lines[i]?.policyNo ?? 0 }));
      const options = { rekey: ibake, added, filled: own.filled };
      const offer = UpdateOffer.start(phones[from], sessions[from], options);
      const theirs = filledIn(sessions[to].map, replied, to);
      const answer = answerUpdate(phones[to], sessions[to], offer.message, theirs.added, theirs.filled);
      const after = { [from]: offer.complete(answer.message), [to]: answer.session };
      sessions = { ...sessions, ...after };
      const made = { I_MESSAGE_1: offer.message, R_MESSAGE_1: answer.message };
      return { messages: compared(messages, made), said: keys, sessions, leg };
    });
  }
}

/* ---------------------------------------------------------------- helpers */

const sealing = ({ gcmNonce, cek, rho }: SealingForm): Uint8Array[] =>
  [gcmNonce, cek, rho].flatMap((hex) => (hex === undefined ? [] : fromHex(hex)));

const octetsOf = ({ message }: MessageForm): Uint8Array => fromBase64(message);

/** What a side draws for its message of an update. */
function drawnFor({ spi, messages }: UpdateForm, isStarter: boolean): Uint8Array[] {
  if (spi === undefined) return [];
  const own = isStarter ? messages.I_MESSAGE_1 : messages.R_MESSAGE_1;
  return [fromHex(isStarter ? spi.ECCPTi : spi.ECCPTr), ...sealing(own)];
}

function compared(
  said: Readonly<Record<string, MessageForm>>,
  made: Readonly<Record<string, Uint8Array>>,
): Remade['messages'] {
  return Object.entries(made).map(([name, octets]) => ({
    name,
    said: said[name]?.message ?? '',
    made: octets,
  }));
}

/** What the set's I_MESSAGE_1 offers: whom it is for, its m= lines with their policies, and policies for later ones. */
function offerOf({ messages, curve, prfFunc }: ExchangeForm) {
  const { map, policies, header, idrr } = readIMessage1(octetsOf(messages.I_MESSAGE_1));
  const table = readPolicies(policies, header.prfFunc);
  const policyOf = (number: number) => {
    const policy = table.get(number);
    if (policy === undefined) throw new Error(`no policy ${number}`);
    return policy;
  };
  const lines = map.filter((_, i) => i % 2 === 0);
  const named = new Set(lines.map(({ policyNo }) => policyNo));
  const later = policies.filter(({ policyNo }) => !named.has(policyNo));
  return {
    callee: idrr.uri,
    media: lines.map(({ ssrc, policyNo }) => ({ ssrc, policy: policyOf(policyNo) })),
    laterPolicies: later.map(({ policyNo }) => policyOf(policyNo)),
    ...{ curve, prfFunc },
  };
}

/** SSRCs of one direction, by m= line. */
function ssrcsOf(map: readonly SrtpIdEntry[], from: Role): number[] {
  return map.filter((_, i) => i % 2 === (from === 'initiator' ? 0 : 1)).map(({ ssrc }) => ssrc);
}

/** What a side fills in of a map: lines that were there without an SSRC, and those that are added. */
function filledIn(before: readonly SrtpIdEntry[], after: readonly SrtpIdEntry[], side: Role) {
  const [known, now] = [ssrcsOf(before, side), ssrcsOf(after, side)];
  const filled = known.flatMap((ssrc, i) =>
    ssrc === 0 && now[i] !== 0 ? [[i + 1, now[i] ?? 0] as const] : [],
  );
  return { filled: new Map(filled), added: now.slice(known.length) };
}

/** The sets about updates, made and consumed by both state machines, octet by octet. */
import { describe, expect, it } from 'vitest';
import { fromBase64, fromHex, toHex } from '../../src/bytes/octets.ts';
import { Initiator } from '../../src/ibake/initiator.ts';
import {
  readIMessage1,
  readRMessage1,
  readUpdateIMessage1,
  readUpdateRMessage1,
} from '../../src/ibake/messages.ts';
import { readPolicies } from '../../src/ibake/policy.ts';
import { respond } from '../../src/ibake/responder.ts';
import type { CsbSession } from '../../src/ibake/session.ts';
import { UpdateOffer, answerUpdate } from '../../src/ibake/update.ts';
import type { SrtpIdEntry } from '../../src/mikey/header.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { vectorFile, vectorFiles } from '../support/shared.ts';
import { endpointFor } from './support/network.ts';
import { ScriptedRandom } from './support/scripted-random.ts';
import { ScriptedTimestamps, homeOf } from './support/vectors.ts';
import type { HomeForm } from '../vector-sets/form.ts';

type Side = 'initiator' | 'responder';

interface Sealed {
  readonly message: string;
  readonly cek?: string;
  readonly rho?: string;
  readonly gcmNonce?: string;
}

interface Keys {
  readonly mpk: string;
  readonly tgk: string;
  readonly cryptoSessions: readonly object[];
  readonly sas: string;
}

interface Step {
  readonly startedBy: Side;
  readonly ibake: boolean;
  readonly time: { readonly unix: number; readonly T: string };
  readonly spi?: { readonly ECCPTi: string; readonly ECCPTr: string };
  readonly messages: Readonly<Record<'I_MESSAGE_1' | 'R_MESSAGE_1', Sealed>>;
  readonly keys: Keys;
}

interface UpdateSet {
  readonly time: { readonly unix: number; readonly T1: string; readonly T2: string };
  readonly csbId: number;
  readonly rand: string;
  readonly curve: number;
  readonly prfFunc: number;
  readonly uri: { readonly i: string; readonly r: string; readonly aor: string };
  readonly spi: { readonly i: string; readonly r: string };
  readonly kms: Readonly<Record<Side, HomeForm>>;
  readonly messages: Readonly<Record<'I_MESSAGE_1' | 'R_MESSAGE_1' | 'I_MESSAGE_2' | 'R_MESSAGE_2', Sealed>>;
  readonly keys: Keys;
  readonly updates: readonly Step[];
}

const sealing = ({ gcmNonce, cek, rho }: Sealed) =>
  [gcmNonce, cek, rho].flatMap((hex) => (hex === undefined ? [] : fromHex(hex)));

const octetsOf = ({ message }: Sealed) => fromBase64(message);

/** What a side draws for its message of an update. */
function drawn({ spi, messages }: Step, isStarter: boolean): Uint8Array[] {
  if (spi === undefined) return [];
  const own = isStarter ? messages.I_MESSAGE_1 : messages.R_MESSAGE_1;
  return [fromHex(isStarter ? spi.ECCPTi : spi.ECCPTr), ...sealing(own)];
}

/** Both phones, each with the randomness and the times that its messages were made with. */
function phonesOf(set: UpdateSet) {
  const clock = new ManualClock(set.time.unix * 1000);
  const homes = [homeOf(set.kms.initiator), homeOf(set.kms.responder)];
  const { messages, updates } = set;
  const ofUpdates = (side: Side) => updates.flatMap((step) => drawn(step, step.startedBy === side));
  const timesOf = (side: Side) =>
    updates.filter(({ startedBy }) => startedBy === side).map(({ time }) => time.T);
  const csbId = fromHex(set.csbId.toString(16).padStart(8, '0'));
  const first = [csbId, fromHex(set.rand), fromHex(set.spi.i), ...sealing(messages.I_MESSAGE_1)];
  const random = {
    initiator: new ScriptedRandom(...first, ...sealing(messages.I_MESSAGE_2), ...ofUpdates('initiator')),
    responder: new ScriptedRandom(
      fromHex(set.spi.r),
      ...sealing(messages.R_MESSAGE_1),
      ...ofUpdates('responder'),
    ),
  };
  const caller = { addressOfRecord: set.uri.i.replace(/;.*/, ''), device: set.uri.i };
  const callee = { addressOfRecord: set.uri.aor, device: set.uri.r };
  return {
    clock,
    random,
    initiator: {
      ...endpointFor(homes, caller, { clock, random: random.initiator }),
      timestamps: new ScriptedTimestamps(clock, set.time.T1, set.time.T2, ...timesOf('initiator')),
    },
    responder: {
      ...endpointFor(homes, callee, { clock, random: random.responder }),
      timestamps: new ScriptedTimestamps(clock, ...timesOf('responder')),
    },
  };
}

/** SSRCs of one direction, by m= line. */
const ssrcsOf = (map: readonly SrtpIdEntry[], from: Side) =>
  map.filter((_, i) => i % 2 === (from === 'initiator' ? 0 : 1)).map(({ ssrc }) => ssrc);

/** What a side fills in of a map: lines that were there without an SSRC, and those that are added. */
function filledIn(before: readonly SrtpIdEntry[], after: readonly SrtpIdEntry[], side: Side) {
  const known = ssrcsOf(before, side);
  const now = ssrcsOf(after, side);
  const filled = known.flatMap((ssrc, i) =>
    ssrc === 0 && now[i] !== 0 ? [[i + 1, now[i] ?? 0] as const] : [],
  );
  return { filled: new Map(filled), added: now.slice(known.length) };
}

function keysOf({ cryptoSessions, keys, sas }: CsbSession) {
  return {
    mpk: toHex(keys.mpk.expose()),
    tgk: toHex(keys.tgk.expose()),
    sas,
    cryptoSessions: cryptoSessions.map(({ csId, direction, ssrc, mki, tek, salt, policyNo, policy }) => ({
      ...{ csId, direction, ssrc, mki: toHex(mki!), policy: policyNo, cipher: policy.name },
      tek: toHex(tek.expose()),
      salt: toHex(salt.expose()),
    })),
  };
}

/** The exchange that the updates follow, each message compared. */
function exchange(set: UpdateSet, phones: ReturnType<typeof phonesOf>): Record<Side, CsbSession> {
  const { map, policies, header, idrr } = readIMessage1(octetsOf(set.messages.I_MESSAGE_1));
  const table = readPolicies(policies, header.prfFunc);
  const lines = map.filter((_, i) => i % 2 === 0);
  const named = new Set(lines.map(({ policyNo }) => policyNo));
  const initiator = Initiator.offer(phones.initiator, {
    callee: idrr.uri,
    media: lines.map(({ ssrc, policyNo }) => ({ ssrc, policy: table.get(policyNo)! })),
    laterPolicies: policies
      .filter(({ policyNo }) => !named.has(policyNo))
      .map(({ policyNo }) => table.get(policyNo)!),
    curve: set.curve,
    prfFunc: set.prfFunc,
  });
  expect(toHex(initiator.message)).toBe(toHex(octetsOf(set.messages.I_MESSAGE_1)));
  const ssrcs = ssrcsOf(readRMessage1(octetsOf(set.messages.R_MESSAGE_1)).map, 'responder');
  const verdict = respond(phones.responder, initiator.message, { ssrcs });
  if (verdict.kind !== 'answer') throw new Error(verdict.kind);
  const leg = initiator.answer(verdict.leg.message);
  const { message, session } = verdict.leg.confirm(leg.message);
  const made = [verdict.leg.message, leg.message, message].map(toHex);
  const { R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2 } = set.messages;
  expect(made).toEqual([R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2].map((each) => toHex(octetsOf(each))));
  return { initiator: leg.verify(message), responder: session };
}

describe.each(vectorFiles(/^exchange-update-.*\.json$/))('%s', (name) => {
  it('R-43: every update and its keys, made by both sides from the randomness given', () => {
    const set = vectorFile(name) as UpdateSet;
    const phones = phonesOf(set);
    const sessions = exchange(set, phones);
    expect(keysOf(sessions.initiator)).toMatchObject(expectedOf(set.keys));
    for (const { startedBy: from, ibake, time, messages, keys } of set.updates) {
      const to = from === 'initiator' ? 'responder' : 'initiator';
      phones.clock.advance(time.unix * 1000 - phones.clock.now());
      const asked = readUpdateIMessage1(octetsOf(messages.I_MESSAGE_1)).map;
      const answered = readUpdateRMessage1(octetsOf(messages.R_MESSAGE_1)).map;
      const own = filledIn(sessions[from].map, asked, from);
      const lines = asked.slice(sessions[from].map.length).filter((_, i) => i % 2 === 0);
      const added = own.added.map((ssrc, i) => ({ ssrc, policyNo: lines[i]!.policyNo }));
      const offer = UpdateOffer.start(phones[from], sessions[from], {
        rekey: ibake,
        added,
        filled: own.filled,
      });
      expect(toHex(offer.message)).toBe(toHex(octetsOf(messages.I_MESSAGE_1)));
      const theirs = filledIn(sessions[to].map, answered, to);
      const answer = answerUpdate(phones[to], sessions[to], offer.message, theirs.added, theirs.filled);
      expect(toHex(answer.message)).toBe(toHex(octetsOf(messages.R_MESSAGE_1)));
      sessions[from] = offer.complete(answer.message);
      sessions[to] = answer.session;
      for (const session of Object.values(sessions)) expect(keysOf(session)).toMatchObject(expectedOf(keys));
    }
    expect([phones.random.initiator.left, phones.random.responder.left]).toEqual([0, 0]);
  });
});

function expectedOf({ mpk, tgk, cryptoSessions, sas }: Keys): Keys {
  return { mpk, tgk, cryptoSessions, sas };
}

/** The state machine of updates of the keys of a call is as docs/mikey-ibake/states.md has it. */
import { describe } from 'vitest';
import type { NetworkAddress } from '../../src/bytes/network-address.ts';
import { toHex } from '../../src/bytes/octets.ts';
import { AudioStream } from '../../src/endpoint/audio-stream.ts';
import { CallMedia } from '../../src/endpoint/call-media.ts';
import { resultOf } from '../../src/endpoint/csb-updates.ts';
import { EndpointError } from '../../src/endpoint/errors.ts';
import type { ExchangeResult } from '../../src/endpoint/key-exchange.ts';
import { Renegotiation } from '../../src/endpoint/renegotiation.ts';
import { OwnDescriptions, readDescription } from '../../src/endpoint/session-description.ts';
import type { SessionMedia } from '../../src/endpoint/session-description.ts';
import { formOf } from '../../src/ibake/messages.ts';
import type { DatagramSocket } from '../../src/media/datagrams.ts';
import { SRTP_SUITE } from '../../src/media/srtp/suites.ts';
import { mkiOf } from '../../src/media/srtp/transform.ts';
import { AgentLeg } from '../../src/sip/agent-leg.ts';
import type { LegHost } from '../../src/sip/agent-leg.ts';
import type { Body } from '../../src/sip/agent-types.ts';
import { Dialog } from '../../src/sip/dialog.ts';
import { SipRequest } from '../../src/sip/message.ts';
import type { SipMessage } from '../../src/sip/head-and-body.ts';
import type { SipResponse } from '../../src/sip/message.ts';
import { makeResponse } from '../../src/sip/response.ts';
import type { ServerTransaction } from '../../src/sip/server-transaction.ts';
import { ALICE, answered, BOB, completed, SeededRandom } from '../ibake/support/scenario.ts';
import { ToyNetwork } from '../ibake/support/toy-network.ts';
import { settle } from '../support/manual-clock.ts';
import { silent } from '../support/silent.ts';
import { expectStated, type StateEvent, type Transition } from '../support/state-tables.ts';

const PAGE = 'docs/mikey-ibake/states.md';
const MKI_OCTETS = 8;
/** A packet. */
const VOICE = new Int16Array(160);
/** The longest that who began the call waits after offers crossed (RFC 3261 section 14.1). */
const PAUSE_MS = 4000;

const OFFERING = ['offering', 'answered + offering'];
const CROSSED = ['crossed', 'answered + crossed'];
const ANSWERED = ['answered', 'answered + offering', 'answered + crossed'];
const UP = ['in force', 'offering', 'crossed', ...ANSWERED];
const NO_OCTETS = new Uint8Array();

/** This end of a call that is up, and what is at hand of the other. */
interface End {
  readonly leg: AgentLeg;
  readonly media: CallMedia;
  readonly renegotiation: Renegotiation;
  readonly clock: ToyNetwork['clock'];
  /** Keys that this end has had, the oldest first. */
  readonly had: ExchangeResult[];
  /** The offer of this end that has no answer yet. */
  asked: { readonly request: SipRequest; readonly answer: (response: SipResponse) => void } | null;
  /** New keys are wanted, and are not there. */
  wanting: boolean;
  /** What this end has sent, and its code where the wish came to nothing. */
  readonly sent: string[];
  error: string;
  /** The other end's descriptions, and its keys. */
  readonly peerSaid: OwnDescriptions;
  peer: ExchangeResult;
  /** Brings the other end the answer to its last update. */
  completed: () => Promise<ExchangeResult>;
  peerSeq: number;
  /** What this end answered last. */
  reply: SipResponse | null;
  /** Of the last packet of this end. */
  mki: string;
}

function descriptions(username: string, port: number): OwnDescriptions {
  const line = { kind: 'audio', port, mux: false, direction: 'sendrecv', format: null } as const;
  return new OwnDescriptions({ username, sessionId: '1', address: '127.0.0.1', lines: () => [line] });
}

/** A call of alice, this end, with bob; keys are in force. */
async function up(): Promise<End> {
  const network = new ToyNetwork('update states');
  const [alice, bob] = [network.endpoint(ALICE), network.endpoint(BOB)];
  const initiator = network.offer(alice, BOB);
  const { sessions } = completed(initiator, answered(bob, initiator.message));
  network.clock.advance(1000);
  const keys = resultOf(alice, { session: sessions.initiator, peer: BOB, before: null });
  const peer = resultOf(bob, { session: sessions.responder, peer: ALICE, before: null });
  const socket = (port: number): DatagramSocket => ({
    local: { address: '127.0.0.1', port },
    onDatagram: () => undefined,
    send: (octets: Uint8Array, _to: NetworkAddress) => {
      if (port === 40_000) made.mki = toHex(mkiOf(octets, SRTP_SUITE.aesCm128HmacSha1Tag80, MKI_OCTETS));
    },
    close: () => undefined,
  });
  const origin = { ssrc: ssrcOf(keys, 1), sequenceNumber: 1, timestamp: 0 };
  const { clock } = network;
  const stream = new AudioStream({
    sockets: { rtp: socket(40_000), rtcp: socket(40_001) },
    ...{ origin, clock },
  });
  const none = () => Promise.reject(new Error('no video'));
  const media = await CallMedia.toOffer(
    { audio: () => Promise.resolve(stream), video: none },
    { mux: false, video: null },
  );

  const said = descriptions('alice', 40_000);
  const peerSaid = descriptions('bob', 5000);
  media.connect(readDescription('application/sdp', peerSaid.offer(null).octets));
  media.secure(keys, 'initiator');

  const leg = new AgentLeg(
    hostOf(() => made),
    dialogOf(),
    1,
  );
  leg.dialog.confirm(null);
  const had = [keys];
  const renegotiation = new Renegotiation({
    ...{
      leg,
      media,
      said,
      keys,
      role: 'initiator',
      clock,
      random: new SeededRandom('pause'),
      logger: silent,
    },
    rekeyed: (result) => void had.push(result),
    failed: () => void leg.bye(),
  });
  leg.handler = {
    update: (request) => renegotiation.offered(request),
    ended: () => renegotiation.end(),
  };
  const empty = { asked: null, wanting: false, sent: [], error: '', peerSeq: 1, reply: null, mki: '' };
  const made: End = {
    ...{ leg, media, renegotiation, clock, had, peerSaid, peer },
    ...empty,
    completed: () => Promise.resolve(made.peer),
  };
  renegotiation.begin();
  speak(made);
  return made;
}

function ssrcOf({ sessions }: ExchangeResult, csId: number): number {
  return sessions.find((session) => session.csId === csId)?.ssrc ?? 0;
}

function dialogOf(): Dialog {
  return new Dialog({
    ...{ callId: '1', local: `<${ALICE}>;tag=a`, remote: `<${BOB}>;tag=b`, localTag: 'a', remoteTag: 'b' },
    ...{ isCaller: true, localSeq: 1, remoteSeq: 1, remoteTarget: BOB, routeSet: [] },
  });
}

function hostOf(end: () => End): LegHost {
  return {
    exchange: (request) =>
      new Promise((answer) => {
        if (request.method === 'BYE') end().sent.push('BYE');
        else {
          end().sent.push(`offer${saidIn(request)}`);
          end().asked = { request, answer };
        }
      }),
    acknowledge: () => undefined,
    respond: ({ request }, status, parts = {}) => {
      const response = makeResponse(request, status, parts);
      end().reply = response;
      end().sent.push(`${status}${saidIn(response)}`);
      return response;
    },
    persist: () => {
      throw new Error('there is no INVITE');
    },
    ended: () => undefined,
    contact: () => `<${ALICE}>`,
  };
}

/** Which MIKEY message a message's description has. */
function saidIn({ contentType, body }: SipMessage): string {
  if (body.length === 0) return '';
  const { mikey } = readDescription(contentType, body);
  return mikey === null ? '' : ` with ${(formOf(mikey) ?? '?').replace('update ', '')}`;
}

/* ---------------------------------------------------------------- what is done */

/** New keys are wanted here. */
async function want(end: End): Promise<void> {
  end.wanting = true;
  end.renegotiation.rekey().then(
    () => (end.wanting = false),
    (cause: unknown) => {
      end.wanting = false;
      end.error = cause instanceof EndpointError ? `\`${cause.code}\`` : String(cause);
    },
  );
  await settle();
}

/** This end's offer is answered. */
async function answer(end: End, status: number, body?: Body): Promise<void> {
  const { asked } = end;
  if (asked === null) throw new Error('this end has not offered');
  end.asked = null;
  asked.answer(makeResponse(asked.request, status, body === undefined ? {} : { body }));
  await settle();
}

/** … with R_MESSAGE_1. */
async function answerWithKeys(end: End, change = (octets: Uint8Array) => octets): Promise<void> {
  const offer = described(end.asked?.request ?? null);
  const peer = await end.completed();
  const { rMessage1, result } = await peer.answerUpdate(offer.mikey ?? NO_OCTETS, [ssrcOf(peer, 2)]);
  end.peer = result;
  await answer(end, 200, end.peerSaid.answer(change(rMessage1), offer));
}

/** The other end offers. */
async function offered(end: End, { type, octets }: Body): Promise<void> {
  const request = requestOf(end, 'UPDATE');
  request.setBody(type, octets);
  await received(end, request);
}

/** … with I_MESSAGE_1. @param from the keys that the other end goes on from */
async function offeredKeys(
  end: End,
  from: ExchangeResult,
  change = (octets: Uint8Array) => octets,
): Promise<void> {
  const started = await from.update({ rekey: true, lines: [ssrcOf(from, 2)] });
  await offered(end, end.peerSaid.offer(change(started.iMessage1)));
  if (end.reply?.status !== 200) return;
  const { mikey } = described(end.reply);
  end.completed = async () => {
    end.peer = await started.complete(mikey ?? NO_OCTETS);
    end.completed = () => Promise.resolve(end.peer);
    return end.peer;
  };
}

function requestOf(end: End, method: string): SipRequest {
  const request = new SipRequest(method, ALICE);
  for (const [name, value] of [
    ['From', `<${BOB}>;tag=b`],
    ['To', `<${ALICE}>;tag=a`],
    ['Call-ID', '1'],
    ['CSeq', `${++end.peerSeq} ${method}`],
  ] as const)
    request.append(name, value);
  return request;
}

async function received(end: End, request: SipRequest): Promise<void> {
  // A leg asks nothing else of a transaction.
  await end.leg.request({ request } as unknown as ServerTransaction);
  await settle();
}

function described(message: SipMessage | null): SessionMedia {
  if (message === null) throw new Error('nothing was said');
  return readDescription(message.contentType, message.body);
}

/** The last octet changed: that of V. */
function altered(octets: Uint8Array): Uint8Array {
  const changed = octets.slice();
  changed[changed.length - 1]! ^= 1;
  return changed;
}

/** A packet of this end goes out. */
function speak({ media, clock }: End): void {
  void media.audio.play(VOICE);
  clock.advance(20);
}

/* ---------------------------------------------------------------- what is seen */

function isWiped({ sessions }: ExchangeResult): boolean {
  return sessions.every(({ masterKey }) => {
    try {
      masterKey.expose();
      return false;
    } catch {
      return true;
    }
  });
}

function stateOf({ leg, had, asked, wanting }: End): string {
  if (leg.state === 'terminated') return 'over';
  const own = asked !== null ? 'offering' : wanting ? 'crossed' : null;
  const isKept = had.filter((keys) => !isWiped(keys)).length > 1;
  return [...(isKept ? ['answered'] : []), ...(own === null ? [] : [own])].join(' + ') || 'in force';
}

/** Which of the keys that this end has had it sends under. */
function sendsUnder({ had, mki }: End): number {
  return had.findIndex(({ sessions }) => sessions.some((one) => one.csId === 1 && toHex(one.mki) === mki));
}

/** An event, with what came of it. */
function on(states: readonly string[], apply: (end: End) => void | Promise<void>): StateEvent<End> {
  return {
    states,
    apply: async (end): Promise<Transition> => {
      const before = { wiped: end.had.map(isWiped), sends: sendsUnder(end), had: end.had.length };
      end.sent.length = 0;
      await apply(end);
      await settle();
      const next = stateOf(end);
      const actions = [...end.sent];
      if (next !== 'over') speak(end);
      const sends = sendsUnder(end);
      if (sends !== before.sends)
        actions.push(
          sends === end.had.length - 1 ? 'sends under the new keys' : 'sends under those that it confirms',
        );
      const wiped = end.had.findIndex((keys, at) => isWiped(keys) && before.wiped[at] !== true);
      if (wiped >= 0) actions.push(wiped < sends ? 'wipes those before' : 'wipes those that were not taken');
      return { next, action: actions.join(', '), error: end.error };
    },
  };
}

/** This end has answered an update, and nothing has come under its keys. */
async function afterAnswer(): Promise<End> {
  const end = await up();
  await offeredKeys(end, end.peer);
  return end;
}

const wanting = async (made: Promise<End>): Promise<End> => {
  const end = await made;
  await want(end);
  return end;
};

const crossed = async (made: Promise<End>): Promise<End> => {
  const end = await wanting(made);
  await answer(end, 491);
  return end;
};

describe('R-43: an end of a call whose keys are updated', () => {
  expectStated<End>(PAGE, {
    section: 'Update',
    states: {
      'in force': up,
      offering: () => wanting(up()),
      crossed: () => crossed(up()),
      answered: afterAnswer,
      'answered + offering': () => wanting(afterAnswer()),
      'answered + crossed': () => crossed(afterAnswer()),
    },
    events: {
      'new keys are wanted here': on(UP, want),
      R_MESSAGE_1: on(OFFERING, (end) => answerWithKeys(end)),
      'R_MESSAGE_1 that does not verify': on(OFFERING, (end) => answerWithKeys(end, altered)),
      'an answer without R_MESSAGE_1': on(OFFERING, (end) =>
        answer(end, 200, end.peerSaid.answer(null, described(end.asked?.request ?? null))),
      ),
      'answer 488': on(OFFERING, (end) => answer(end, 488)),
      'answer 491': on(OFFERING, (end) => answer(end, 491)),
      'answer 481': on(OFFERING, (end) => answer(end, 481)),
      'the time after offers crossed is over': on(CROSSED, (end) => end.clock.pass(PAUSE_MS)),
      'offer with I_MESSAGE_1': on(UP, async (end) => offeredKeys(end, await end.completed())),
      'offer with I_MESSAGE_1 under the keys before': on(ANSWERED, (end) => offeredKeys(end, end.peer)),
      'offer with I_MESSAGE_1 that does not verify': on(UP, async (end) =>
        offeredKeys(end, await end.completed(), altered),
      ),
      'offer without MIKEY': on(UP, (end) => offered(end, end.peerSaid.offer(null))),
      'packet under the new keys': on(ANSWERED, (end) => end.renegotiation.switched()),
      'the other end hangs up': on(UP, (end) => received(end, requestOf(end, 'BYE'))),
    },
  });
});

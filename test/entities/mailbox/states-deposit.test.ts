/** The state machines of the mailbox are as docs/mikey-ibake/states.md has them. */
import { describe } from 'vitest';
import { ClavigerError } from '../../../src/bytes/errors.ts';
import { utf8 } from '../../../src/bytes/octets.ts';
import { Deposit, type DepositEnd } from '../../../src/entities/mailbox/deposit.ts';
import { MailboxError } from '../../../src/entities/mailbox/errors.ts';
import type { KeptMessage, MessageHead } from '../../../src/entities/mailbox/ports.ts';
import type { Initiator } from '../../../src/ibake/initiator.ts';
import { formOf } from '../../../src/ibake/messages.ts';
import type { Body, IncomingCall, Reply } from '../../../src/sip/agent-types.ts';
import { formatKeyManagement } from '../../../src/sip/key-management.ts';
import { parseMessage, SipRequest } from '../../../src/sip/message.ts';
import { makeSdp, SessionDescription } from '../../../src/sip/sdp.ts';
import { ALICE, BOB, MAILBOX, SeededRandom } from '../../ibake/support/scenario.ts';
import { ToyNetwork } from '../../ibake/support/toy-network.ts';
import { settle } from '../../support/manual-clock.ts';
import { expectStated, type StateEvent, type Transition } from '../../support/state-tables.ts';
import { silent } from '../../support/silent.ts';
import { FakeSockets, rtp } from '../gateway/fake-sockets.ts';

const PAGE = 'docs/mikey-ibake/states.md';
const SSRC = 0x01020304;
const FROM = { address: '127.0.0.1', port: 4000 };
const MESSAGE_MS = 60_000;
const CALLED = ['answered', 'answered without 100rel', 'leaving', 'leaving with packets'];
const LEAVING = ['leaving', 'leaving with packets'];

/** A request with a description that carries MIKEY messages; without any, it has no body. */
function request(method: string, ...mikey: readonly Uint8Array[]): SipRequest {
  const media = [
    { line: { media: 'audio', port: FROM.port, protocol: 'RTP/SAVP', formats: ['8'] }, attributes: [] },
  ];
  const connection = { addressType: 'IP4', address: FROM.address } as const;
  const attributes = mikey.map((data) => formatKeyManagement({ protocol: 'mikey', data }));
  const said = { username: 'alice', sessionId: '1', version: 1, connection };
  const body = mikey.length === 0 ? new Uint8Array() : makeSdp({ ...said, attributes, media }).serialise();
  const head = [
    `${method} ${BOB} SIP/2.0`,
    'Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1',
    `From: <${ALICE}>;tag=a`,
    `To: <${BOB}>`,
    'Call-ID: 1',
    `CSeq: 1 ${method}`,
    'Content-Type: application/sdp',
    `Content-Length: ${body.length}`,
  ];
  const parsed = parseMessage(Buffer.concat([utf8(`${head.join('\r\n')}\r\n\r\n`), body]));
  if (!(parsed instanceof SipRequest)) throw new Error('not a request');
  return parsed;
}

/** What a body says: which MIKEY message. */
function saidIn(body: Body | undefined): string {
  const [mikey] = body === undefined ? [] : SessionDescription.parse(body.octets).sessionMikey;
  return mikey === undefined ? '' : ` with ${(formOf(mikey) ?? '?').replace('update ', '')}`;
}

describe('R-42: a message that is left', () => {
  interface Left {
    readonly network: ToyNetwork;
    readonly initiator: Initiator;
    readonly sockets: FakeSockets;
    /** What the mailbox did, since it was last asked. */
    readonly done: string[];
    readonly incoming: IncomingCall;
    /** What was said in the first answer. */
    rMessage1: Uint8Array | null;
    /** What is kept already, of all octets that may be. */
    kept: number;
    admits: MailboxError | null;
    deposit: Deposit | null;
    end: DepositEnd | undefined;
    packets: number;
    writer: 'none' | 'open' | 'closed';
  }

  const make = (supports100rel: boolean): Left => {
    const network = new ToyNetwork('mailbox states');
    const initiator = network.offer(network.endpoint(ALICE), BOB, { media: [{ ssrc: SSRC }] });
    const done: string[] = [];
    const leg = {
      ...{ callId: '1', localTag: 'm', remoteTag: 'a', isCaller: false, handler: {} },
      state: 'early' as 'early' | 'confirmed' | 'terminated',
      bye: () => {
        done.push('BYE');
        return Promise.resolve();
      },
    };
    const heard = (body: Body | undefined) => {
      const [mikey] = body === undefined ? [] : SessionDescription.parse(body.octets).sessionMikey;
      made.rMessage1 ??= mikey ?? null;
    };
    const never = () => Promise.reject(new Error('the mailbox does not do this'));
    const accept = (body?: Body) => {
      leg.state = 'confirmed';
      heard(body);
      done.push(`200${saidIn(body)}`);
      return Promise.resolve(request('ACK'));
    };
    const incoming: IncomingCall = {
      request: request('INVITE', initiator.message),
      leg: {
        ...leg,
        prack: never,
        update: never,
        reinvite: never,
        send: never,
        ack() {},
        whenQuiet: () => Promise.resolve(),
      },
      handler: {},
      supports100rel,
      provisional() {},
      reliable: (status, body) => {
        heard(body);
        done.push(`${status}${saidIn(body)}`);
        return Promise.resolve(request('PRACK'));
      },
      accept,
      reject: (status) => void done.push(String(status)),
      redirect() {},
    };
    // The leg of the call is the one that `accept` confirms.
    Object.defineProperty(incoming.leg, 'state', { get: () => leg.state });
    const sockets = new FakeSockets();
    const empty = {
      deposit: null,
      end: undefined,
      packets: 0,
      writer: 'none' as const,
      kept: 0,
      admits: null,
    };
    const made: Left = { network, initiator, sockets, done, incoming, rMessage1: null, ...empty };
    return made;
  };

  const begin = async (made: Left): Promise<void> => {
    const { network, incoming, sockets, done } = made;
    const writer = (head: MessageHead) => ({
      octets: 0,
      append: () => {
        made.packets++;
      },
      finish: (): KeptMessage => {
        made.writer = 'closed';
        done.push('keeps it');
        return { id: '1', head, octets: 0 };
      },
      discard: () => {
        made.writer = 'closed';
        done.push('discards it');
      },
    });
    const admit = (): void => {
      if (made.admits !== null) throw made.admits;
    };
    const open = () => {
      admit();
      return { grow: (octets: number) => made.kept + octets <= 1000, settle: () => undefined };
    };
    made.deposit = await Deposit.begin({
      ...{ incoming, endpoint: network.endpoint(MAILBOX), datagrams: sockets, clock: network.clock },
      ports: { address: '127.0.0.1', from: 30_000, to: 30_010 },
      side: { username: 'mailbox', address: '127.0.0.1' },
      store: {
        create: (head) => {
          made.writer = 'open';
          return writer(head);
        },
      },
      ...{ limits: () => ({ messageMs: MESSAGE_MS }), holdings: { admit, open }, logger: silent },
      random: new SeededRandom('deposit'),
      counts: { foreign: 0, cut: 0 },
    });
    void made.deposit.ended.then((end) => (made.end = end));
    await settle();
  };

  const asked = async (supports100rel: boolean): Promise<Left> => {
    const made = make(supports100rel);
    await begin(made);
    made.done.length = 0;
    return made;
  };
  const leaving = async (): Promise<Left> => {
    const made = await asked(true);
    await withRequest(made, iMessage2(made));
    made.done.length = 0;
    return made;
  };
  const speaking = async (): Promise<Left> => {
    const made = await leaving();
    arrive(made, SSRC);
    return made;
  };
  const over = async (): Promise<Left> => {
    const made = await speaking();
    made.incoming.handler.ended?.('bye', null);
    await settle();
    made.done.length = 0;
    return made;
  };

  const stateOf = ({ deposit, end, packets, writer, incoming, sockets }: Left): string => {
    if (deposit === null) return 'idle';
    if (end !== undefined) {
      if (sockets.bound > 0 || writer === 'open') throw new Error('something of it is still open');
      return 'over';
    }
    if (writer === 'none') return incoming.supports100rel ? 'answered' : 'answered without 100rel';
    return packets === 0 ? 'leaving' : 'leaving with packets';
  };

  /** What came of an event, once what it began has settled. */
  const outcome = async (made: Left, error = ''): Promise<Transition> => {
    await settle();
    made.network.clock.advance(1);
    await settle();
    return { next: stateOf(made), action: made.done.join(', '), error };
  };

  const iMessage2 = ({ initiator, rMessage1 }: Left, acceptMailbox = true): Uint8Array => {
    if (rMessage1 === null) throw new Error('no R_MESSAGE_1');
    return initiator.answer(rMessage1, { acceptMailbox: () => acceptMailbox }).message;
  };

  const withRequest = async ({ incoming, done }: Left, ...mikey: readonly Uint8Array[]): Promise<void> => {
    const reply: Reply = (await incoming.handler.update?.(request('UPDATE', ...mikey))) ?? {};
    done.push(`${reply.status ?? 200}${saidIn(reply.body)}`);
  };
  const arrive = ({ sockets }: Left, ssrc: number, port = FROM.port): void => {
    sockets.arrive(rtp(1, ssrc), { ...FROM, port }, { address: '127.0.0.1', port: 30_000 });
  };

  /** An INVITE, which only “idle” gets. */
  const first = (change: (made: Left) => void): StateEvent<Left> => ({
    states: ['idle'],
    apply: async (made) => {
      change(made);
      try {
        await begin(made);
        return await outcome(made);
      } catch (error) {
        if (error instanceof ClavigerError) return outcome(made, `\`${error.code}\``);
        throw error;
      }
    },
  });
  /** What comes once there is a call. */
  const later = (apply: (made: Left) => void | Promise<void>, states = CALLED): StateEvent<Left> => ({
    states,
    apply: async (made) => {
      await apply(made);
      return outcome(made);
    },
  });
  /** … once there is a message. */
  const spoken = (apply: (made: Left) => void) => later(apply, LEAVING);
  const passed = async (made: Left, ms: number) => {
    made.network.clock.advance(ms);
    await settle();
  };
  const changed = (octets: Uint8Array): Uint8Array => {
    const other = octets.slice();
    other[other.length - 1]! ^= 1;
    return other;
  };
  const withInvite = (...mikey: readonly Uint8Array[]) =>
    first((made) => Object.assign(made.incoming, { request: request('INVITE', ...mikey) }));

  expectStated<Left>(PAGE, {
    section: 'Mailbox: a message that is left',
    states: {
      idle: () => make(true),
      answered: () => asked(true),
      'answered without 100rel': () => asked(false),
      leaving,
      'leaving with packets': speaking,
      over,
    },
    events: {
      'INVITE with I_MESSAGE_1': first(() => undefined),
      'INVITE with I_MESSAGE_1 that is not answered': first((made) => {
        made.network.clock.advance(301_000);
      }),
      'INVITE with I_MESSAGE_1 for the mailbox itself': first((made) => {
        const { message } = made.network.offer(made.network.endpoint(ALICE), MAILBOX);
        Object.assign(made.incoming, { request: request('INVITE', message) });
      }),
      'INVITE without I_MESSAGE_1': withInvite(),
      'INVITE when no more is kept for whom it is for': first((made) => {
        made.admits = new MailboxError('full', 'no more');
      }),
      'INVITE when no port is free': first((made) => {
        for (let port = 30_000; port <= 30_010; port++) made.sockets.foreign.add(port);
      }),
      'offer with I_MESSAGE_2 with ESK': later((made) => withRequest(made, iMessage2(made))),
      'offer with I_MESSAGE_2 without ESK': later((made) => withRequest(made, iMessage2(made, false))),
      'offer with I_MESSAGE_2 that does not verify': later((made) =>
        withRequest(made, changed(iMessage2(made))),
      ),
      'request without an offer': later((made) => withRequest(made)),
      'packet with the SSRC of the map': spoken((made) => arrive(made, SSRC)),
      'packet with another SSRC': spoken((made) => arrive(made, SSRC + 1)),
      'packet from another source': later(
        (made) => arrive(made, SSRC, FROM.port + 2),
        ['leaving with packets'],
      ),
      'packet for which there is no room': spoken((made) => {
        made.kept = 1000;
        arrive(made, SSRC);
      }),
      'ten seconds without I_MESSAGE_2': later(
        (made) => passed(made, 10_000),
        ['answered', 'answered without 100rel'],
      ),
      'the longest message time': spoken((made) => made.network.clock.advance(MESSAGE_MS)),
      'the caller hangs up': later((made) => made.incoming.handler.ended?.('bye', null)),
      'the mailbox stops': later((made) => made.deposit!.hangUp()),
    },
  });
});

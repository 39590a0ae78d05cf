/**
 * Phones that register and call through a proxy, each with a socket of its own: callers, who prove by digest who they are
 * in each call, and callees, who register and answer at once.
 *
 *     caller                proxy                callee
 *       │ ── INVITE ──────► │                      │
 *       │ ◄─ 407, ACK ────► │                      │
 *       │ ── INVITE ──────► │ ── INVITE ─────────► │
 *       │ ◄─ 100, 180, 200  │ ◄─ 180, 200 ──────── │
 *       │ ── ACK ─────────► │ ── ACK ────────────► │
 *       │ ── BYE ─────────► │ ── BYE ────────────► │
 *       │ ◄─ 200 ────────── │ ◄─ 200 ───────────── │
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { utf8 } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { authorize, parseChallenge } from '../../src/sip/digest.ts';
import { SipError } from '../../src/sip/errors.ts';
import { StreamFramer } from '../../src/sip/framing.ts';
import { parseMessage, SipRequest } from '../../src/sip/message.ts';
import type { SipResponse } from '../../src/sip/message.ts';
import { makeResponse } from '../../src/sip/response.ts';

export type PhoneProtocol = 'UDP' | 'TCP';

export const DOMAIN = 'home1.example';
/** Of every subscriber. */
export const PASSWORD = 'password-of-all';

const SDP_TYPE = 'application/sdp';
/** A datagram that is not answered in this time is lost, and the call with it. */
const ANSWER_MS = 30_000;

/** How messages go to the proxy and come from it. */
interface Line {
  readonly port: number;
  send(octets: Uint8Array): void;
  close(): void;
}

type Received = (message: SipRequest | SipResponse) => void;

async function udpLine(port: number, received: Received): Promise<Line> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  socket.on('message', (octets) => received(parseMessage(octets)));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    send: (octets) => socket.send(octets, port, '127.0.0.1'),
    close: () => socket.close(),
  };
}

async function tcpLine(port: number, received: Received): Promise<Line> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const framer = new StreamFramer();
  socket.on('data', (octets) => {
    for (const frame of framer.push(octets)) if (frame.kind === 'message') received(frame.message);
  });
  socket.on('error', (error) => console.error('phone:', error.message));
  await once(socket, 'connect');
  return {
    port: (socket.address() as AddressInfo).port,
    send: (octets) => socket.write(octets),
    close: () => socket.destroy(),
  };
}

interface Waiting {
  readonly resolve: (response: SipResponse) => void;
  readonly late: NodeJS.Timeout;
}

/** One phone. Names of dialogs and transactions count upwards. */
export class BenchPhone {
  readonly #user: string;
  readonly #protocol: PhoneProtocol;
  #line: Line | null = null;
  #count = 0;
  /** Who waits for a final response, by branch. */
  readonly #waiting = new Map<string, Waiting>();

  private constructor(user: string, protocol: PhoneProtocol) {
    this.#user = user;
    this.#protocol = protocol;
  }

  static async open(user: string, protocol: PhoneProtocol, proxy: number): Promise<BenchPhone> {
    const phone = new BenchPhone(user, protocol);
    const received: Received = (message) => phone.#received(message);
    phone.#line = await (protocol === 'UDP' ? udpLine(proxy, received) : tcpLine(proxy, received));
    return phone;
  }

  async register(): Promise<void> {
    const dialog = { uri: `sip:${DOMAIN}`, to: this.#user, callId: this.#fresh('register'), toTag: null };
    const first = this.#request('REGISTER', dialog, 1, [['Expires', '3600']]);
    const challenge = await this.#ask(first);
    expectStatus(challenge, 401);
    const proof = this.#proof(challenge, 'WWW-Authenticate', 'REGISTER', dialog.uri);
    const answer = await this.#ask(
      this.#request('REGISTER', dialog, 2, [
        ['Expires', '3600'],
        ['Authorization', proof],
      ]),
    );
    expectStatus(answer, 200);
  }

  /** One call, from INVITE to the answer to BYE. */
  async call(callee: string): Promise<void> {
    const dialog = { uri: `sip:${callee}@${DOMAIN}`, to: callee, callId: this.#fresh('call'), toTag: null };
    const offer = this.#description();
    const first = this.#request('INVITE', dialog, 1, [], offer);
    const challenge = await this.#ask(first);
    expectStatus(challenge, 407);
    this.#acknowledgeRefusal(first, challenge);
    const proof = this.#proof(challenge, 'Proxy-Authenticate', 'INVITE', dialog.uri);
    const answer = await this.#ask(
      this.#request('INVITE', dialog, 2, [['Proxy-Authorization', proof]], offer),
    );
    expectStatus(answer, 200);
    const up = {
      ...dialog,
      uri: answer.contacts[0]?.uri.text ?? '',
      toTag: answer.toTag,
    };
    const routes = answer
      .list('Record-Route')
      .reverse()
      .map((route) => ['Route', route] as const);
    this.#send(this.#request('ACK', up, 2, routes));
    expectStatus(await this.#ask(this.#request('BYE', up, 3, routes)), 200);
  }

  close(): void {
    for (const { late } of this.#waiting.values()) clearTimeout(late);
    this.#line?.close();
  }

  #received(message: SipRequest | SipResponse): void {
    if (message.kind === 'request') {
      this.#answer(message);
      return;
    }
    if (message.status < 200) return;
    const branch = branchIn(message);
    const waiting = this.#waiting.get(branch);
    if (waiting === undefined) return;
    this.#waiting.delete(branch);
    clearTimeout(waiting.late);
    waiting.resolve(message);
  }

  #answer(request: SipRequest): void {
    const toTag = `callee-${request.callId}`;
    const contact = this.#contact();
    if (request.method === 'INVITE') {
      const early = { toTag, contact, dialog: true };
      this.#send(makeResponse(request, 180, early));
      const body = { type: SDP_TYPE, octets: this.#description() };
      this.#send(makeResponse(request, 200, { ...early, body }));
    } else if (request.method === 'BYE') this.#send(makeResponse(request, 200));
  }

  /** Sends a request; its final response. @throws SipError `timeout` */
  #ask(request: SipRequest): Promise<SipResponse> {
    return new Promise((resolve, reject) => {
      const branch = branchIn(request);
      const late = setTimeout(() => {
        this.#waiting.delete(branch);
        reject(new SipError('timeout', `${request.method} has no answer`));
      }, ANSWER_MS);
      this.#waiting.set(branch, { resolve, late });
      this.#send(request);
    });
  }

  #send(message: SipRequest | SipResponse): void {
    this.#line?.send(message.serialise());
  }

  #request(
    method: string,
    dialog: { uri: string; to: string; callId: string; toTag: string | null },
    cseq: number,
    fields: readonly (readonly [string, string])[],
    body: Uint8Array = new Uint8Array(),
  ): SipRequest {
    const { uri, to, callId, toTag } = dialog;
    const request = new SipRequest(method, uri);
    const rport = this.#protocol === 'UDP' ? ';rport' : '';
    const via = `SIP/2.0/${this.#protocol} 127.0.0.1:${this.#line?.port ?? 0};branch=z9hG4bK${this.#fresh('b')}${rport}`;
    const lines: (readonly [string, string])[] = [
      ['Via', via],
      ['Max-Forwards', '70'],
      ['From', `<sip:${this.#user}@${DOMAIN}>;tag=${this.#user}-${callId}`],
      ['To', `<sip:${to}@${DOMAIN}>${toTag === null ? '' : `;tag=${toTag}`}`],
      ['Call-ID', callId],
      ['CSeq', `${cseq} ${method}`],
      ['Contact', this.#contact()],
      ['Allow', 'INVITE, ACK, CANCEL, OPTIONS, BYE, PRACK, UPDATE, REFER, NOTIFY'],
      ['Supported', 'replaces, outbound'],
      ['User-Agent', 'bench/1.0'],
      ...fields,
    ];
    for (const [name, value] of lines) request.append(name, value);
    request.setBody(SDP_TYPE, body);
    return request;
  }

  /** 17.1.1.3: with the branch of its INVITE. */
  #acknowledgeRefusal(invite: SipRequest, refusal: SipResponse): void {
    const ack = new SipRequest('ACK', invite.uri);
    for (const name of ['Via', 'Max-Forwards', 'From']) ack.append(name, invite.first(name) ?? '');
    ack.append('To', refusal.first('To') ?? '');
    ack.append('Call-ID', invite.callId);
    ack.append('CSeq', `${invite.cseq.number} ACK`);
    ack.append('Content-Length', '0');
    this.#send(ack);
  }

  #proof(response: SipResponse, field: string, method: string, uri: string): string {
    const challenge = parseChallenge(response.first(field) ?? '');
    if (challenge === null) throw new SipError('syntax', `a challenge that cannot be answered: ${field}`);
    const credentials = { username: this.#user, password: Secret.of(utf8(PASSWORD)) };
    return authorize(challenge, credentials, { method, uri }, { cnonce: this.#fresh('c'), nonceCount: 1 });
  }

  #contact(): string {
    const transport = this.#protocol === 'TCP' ? ';transport=tcp' : '';
    return `<sip:${this.#user}@127.0.0.1:${this.#line?.port ?? 0}${transport}>`;
  }

  #description(): Uint8Array {
    return utf8(
      [
        ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'],
        ...['m=audio 40000 RTP/AVP 8 0 101', 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:0 PCMU/8000'],
        ...['a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15', 'a=ptime:20', 'a=sendrecv', ''],
      ].join('\r\n'),
    );
  }

  #fresh(what: string): string {
    return `${what}-${this.#user}-${process.pid}-${this.#line?.port ?? 0}-${this.#count++}`;
  }
}

function branchIn(message: SipRequest | SipResponse): string {
  return /;branch=([^;,\s]+)/.exec(message.first('Via') ?? '')?.[1] ?? '';
}

function expectStatus(response: SipResponse, status: number): void {
  if (response.status !== status)
    throw new SipError('state', `${response.first('CSeq') ?? ''} was answered with ${response.status}`);
}

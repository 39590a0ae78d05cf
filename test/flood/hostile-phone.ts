/** A registered phone over TCP whose user means no good: what it sends is the attack's own. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { RawPhone, routesOf } from '../entities/cscf/raw-phone.ts';
import type { HomeName } from '../../src/lab/network/home.ts';
import type { FloodedNetwork } from './flooded-network.ts';

const ANSWER_MS = 20_000;

/** Audio in the clear, at this place. */
export function sdp(address: string, port: number): string {
  const lines = ['v=0', `o=- 1 1 IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0'];
  return [...lines, `m=audio ${port} RTP/AVP 0`, ''].join('\r\n');
}

/** The port of the first medium of a message's description. */
export function mediaPortIn(message: string): number {
  return Number(/^m=audio (\d+)/m.exec(message)?.[1] ?? 0);
}

/** An RTP packet of 20 ms of noise. */
export function rtp(sequence: number, timestamp: number, ssrc = 0x01020304): Buffer {
  const packet = Buffer.alloc(12 + 160, 0x55);
  packet.writeUInt16BE(0x8000, 0);
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE(timestamp >>> 0, 4);
  packet.writeUInt32BE(ssrc, 8);
  return packet;
}

/** A socket for media. */
export async function mediaSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket;
}

export class HostilePhone {
  readonly raw: RawPhone;
  readonly aor: string;
  readonly #contact: string;

  private constructor(raw: RawPhone, aor: string) {
    this.raw = raw;
    this.aor = aor;
    this.#contact = `<sip:${raw.user}@127.0.0.1:${raw.port};transport=tcp>`;
  }

  static async register(
    network: FloodedNetwork,
    user: string,
    home: HomeName = 'home1',
  ): Promise<HostilePhone> {
    const raw = await RawPhone.connect(user, network.port(home, 'cscf.sip'));
    const phone = new HostilePhone(raw, `sip:${user}@${home}.example`);
    await raw.register(`${home}.example`, phone.#contact, `register-${user}-${raw.port}`);
    return phone;
  }

  /** A request outside of any dialog. */
  send(method: string, uri: string, callId: string, body = ''): void {
    const fields = [`From: <${this.aor}>;tag=${this.raw.user}-from`, `To: <${uri}>`, `Call-ID: ${callId}`];
    this.raw.request(method, uri, [...fields, ...this.#about(body)], body);
  }

  /** A request in the dialog that this response to its INVITE has made; an ACK of that INVITE's number. */
  within(ok: string, method: string, body = ''): void {
    const [from = '', to = '', callId = ''] = ['From', 'To', 'Call-ID'].map(
      (name) => new RegExp(`^${name}: .*$`, 'im').exec(ok)?.[0] ?? '',
    );
    const uri = /^Contact: <([^>]+)>/im.exec(ok)?.[1] ?? '';
    const fields = [from, to, callId, ...routesOf(ok, true), ...this.#about(body)];
    if (method !== 'ACK') {
      this.raw.request(method, uri, fields, body);
      return;
    }
    const cseq = /^CSeq: (\d+)/im.exec(ok)?.[1] ?? '1';
    this.raw.send([
      `ACK ${uri} SIP/2.0`,
      `Via: ${this.raw.via};branch=z9hG4bKack${cseq}`,
      'Max-Forwards: 70',
      `CSeq: ${cseq} ACK`,
      ...fields,
    ]);
  }

  /** The next request of that method in a call. */
  request(method: string, callId: string): Promise<string> {
    return this.raw.next(new RegExp(`^${method} [^]*^Call-ID: ${callId}\r`, 'im'), ANSWER_MS);
  }

  /** The next final response to a request of that method in a call. */
  response(method: string, callId: string): Promise<string> {
    const pattern = `^SIP/2\\.0 [2-6](?=[^]*^CSeq: \\d+ ${method}\r)[^]*^Call-ID: ${callId}\r`;
    return this.raw.next(new RegExp(pattern, 'im'), ANSWER_MS);
  }

  /** Accepts an INVITE, under this tag. */
  accept(invite: string, body = '', tag = 'answer'): void {
    const tagged = invite.replace(/^To: [^\r]*/im, (to) => (/;tag=/.test(to) ? to : `${to};tag=${tag}`));
    this.raw.answer(tagged, '200 OK', this.#about(body), body);
  }

  /** A call to itself, as far as that comes: the first final response. */
  async callOneself(callId: string, body = '', tags = ['answer']): Promise<string> {
    this.send('INVITE', this.aor, callId, body);
    const answer = this.response('INVITE', callId);
    const invite = this.request('INVITE', callId).then((came) => {
      for (const tag of tags) this.accept(came, body, tag);
    });
    // Who is refused gets no INVITE; who gets none may get no answer either, and that is what is told.
    invite.catch(() => undefined);
    await Promise.race([answer, invite]);
    return answer;
  }

  close(): void {
    this.raw.close();
  }

  #about(body: string): string[] {
    return [`Contact: ${this.#contact}`, ...(body === '' ? [] : ['Content-Type: application/sdp'])];
  }
}

/** A call of a user to itself with media of its own. @param atOnce of the packets, so many go every 20 ms */
export async function callWithMedia(
  network: FloodedNetwork,
  user: string,
  callId: string,
  describe: (plain: string) => string,
  packets: Iterable<Buffer>,
  atOnce = 1,
): Promise<void> {
  const phone = await HostilePhone.register(network, user);
  const media = await mediaSocket();
  try {
    const ok = await phone.callOneself(callId, describe(sdp('127.0.0.1', media.address().port)));
    if (!ok.startsWith('SIP/2.0 200')) throw new Error(`the call was answered ${ok.slice(8, 30)}`);
    phone.within(ok, 'ACK');
    const port = mediaPortIn(ok);
    let sent = 0;
    for (const packet of packets) {
      media.send(packet, port, '127.0.0.1');
      if (++sent % atOnce === 0) await sleep(20);
    }
    phone.within(ok, 'BYE');
    phone.raw.answer(await phone.request('BYE', callId), '200 OK');
    await phone.response('BYE', callId);
  } finally {
    media.close();
    phone.close();
  }
}

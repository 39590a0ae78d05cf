/** A phone over TCP that is nothing but a socket: what it says is written out in the test, octet for octet. */
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

export class RawPhone {
  readonly user: string;
  /** The port that it connects from. */
  readonly port: number;
  readonly received: string[] = [];
  readonly #socket: Socket;
  #buffer = '';
  #cseq = 0;

  private constructor(user: string, socket: Socket) {
    this.user = user;
    this.#socket = socket;
    this.port = socket.localPort ?? 0;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#take(text));
    socket.on('error', () => undefined);
  }

  static connect(user: string, port: number): Promise<RawPhone> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new RawPhone(user, socket)));
      socket.once('error', reject);
    });
  }

  /** Sends a message; lines as given, an empty body unless there is one. */
  send(lines: readonly string[], body = ''): void {
    this.#socket.write(
      `${[...lines, `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`,
      'latin1',
    );
  }

  /** A request of its own outside or inside a dialog, with what all requests have. */
  request(method: string, uri: string, fields: readonly string[], body = ''): void {
    this.#cseq += 1;
    this.send(
      [
        `${method} ${uri} SIP/2.0`,
        `Via: SIP/2.0/TCP 127.0.0.1:${this.port};branch=z9hG4bK${this.user}${this.#cseq};rport`,
        'Max-Forwards: 70',
        `CSeq: ${this.#cseq} ${method}`,
        ...fields,
      ],
      body,
    );
  }

  /** Registers `contact` by digest. */
  async register(domain: string, contact: string, callId = `register-${this.user}`): Promise<string> {
    const aor = `sip:${this.user}@${domain}`;
    const fields = [`From: <${aor}>;tag=r`, `To: <${aor}>`, `Call-ID: ${callId}`, `Contact: ${contact}`];
    this.request('REGISTER', `sip:${domain}`, fields);
    const challenge = await this.next(/^SIP\/2\.0 401/);
    const nonce = /nonce="([^"]*)"/.exec(challenge)?.[1] ?? '';
    const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
    const secret = md5(`${this.user}@${domain}:${domain}:password-of-${this.user}`);
    const answer = md5(`${secret}:${nonce}:00000001:c:auth:${md5(`REGISTER:sip:${domain}`)}`);
    this.request('REGISTER', `sip:${domain}`, [
      ...fields,
      `Authorization: Digest username="${this.user}@${domain}", realm="${domain}", nonce="${nonce}", uri="sip:${domain}", response="${answer}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"`,
    ]);
    return this.next(/^SIP\/2\.0 200[^]*REGISTER/);
  }

  /** Answers a request with the fields that it must copy. */
  answer(request: string, status: string, fields: readonly string[] = [], body = ''): void {
    const copied = request
      .split('\r\n')
      .filter((line) => /^(?:Via|From|Call-ID|CSeq|Record-Route):/i.test(line));
    const to = /^To: .*$/im.exec(request)?.[0] ?? '';
    const tagged = /;tag=/.test(to) ? to : `${to};tag=${this.user}`;
    this.send([`SIP/2.0 ${status}`, ...copied, tagged, ...fields], body);
  }

  /** The next message that fits, taken from what has come or comes. */
  async next(pattern: RegExp, ms = 5_000): Promise<string> {
    const end = performance.now() + ms;
    for (;;) {
      const at = this.received.findIndex((message) => pattern.test(message));
      if (at >= 0) return this.received.splice(at, 1)[0] ?? '';
      if (performance.now() > end)
        throw new Error(`${this.user} got no ${String(pattern)}, but ${JSON.stringify(this.received)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#buffer += text;
    for (;;) {
      const head = this.#buffer.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/^Content-Length:\s*(\d+)/im.exec(this.#buffer.slice(0, head))?.[1] ?? 0);
      if (this.#buffer.length < head + 4 + length) return;
      this.received.push(this.#buffer.slice(0, head + 4 + length));
      this.#buffer = this.#buffer.slice(head + 4 + length);
    }
  }
}

/** The Record-Route set of a message, as Route lines of the one who received it. */
export function routesOf(message: string, reverse: boolean): string[] {
  const routes = [...message.matchAll(/^Record-Route: (.*)$/gim)].flatMap(([, value = '']) =>
    value.trim().split(/,\s*/),
  );
  return (reverse ? routes.reverse() : routes).map((route) => `Route: ${route}`);
}

/** A phone that is nothing but a socket: what it says is written out in the test, octet for octet. */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

interface Wire {
  readonly protocol: 'TCP' | 'UDP';
  /** The port that the phone sends from. */
  readonly port: number;
  send(text: string): void;
  close(): void;
}

export class RawPhone {
  readonly user: string;
  readonly received: string[] = [];
  readonly #wire: Wire;
  #buffer = '';
  #cseq = 0;

  private constructor(user: string, wire: Wire) {
    this.user = user;
    this.#wire = wire;
  }

  /** Over TCP, to a port of loopback. */
  static connect(user: string, port: number): Promise<RawPhone> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => {
        const phone = new RawPhone(user, {
          protocol: 'TCP',
          port: socket.localPort ?? 0,
          send: (text) => void socket.write(text, 'latin1'),
          close: () => socket.destroy(),
        });
        socket.setEncoding('latin1');
        socket.on('data', (text: string) => phone.#take(text));
        socket.on('error', () => undefined);
        resolve(phone);
      });
      socket.once('error', reject);
    });
  }

  /** Over UDP, from a port of its own. */
  static datagrams(user: string, port: number): Promise<RawPhone> {
    return new Promise((resolve) => {
      const socket = createSocket('udp4');
      socket.bind(0, '127.0.0.1', () => {
        const phone = new RawPhone(user, {
          protocol: 'UDP',
          port: socket.address().port,
          send: (text) => socket.send(Buffer.from(text, 'latin1'), port, '127.0.0.1'),
          close: () => socket.close(),
        });
        socket.on('message', (octets) => phone.received.push(octets.toString('latin1')));
        resolve(phone);
      });
    });
  }

  /** The port that it sends from. */
  get port(): number {
    return this.#wire.port;
  }

  /** What its messages have for a Via, but for the branch. */
  get via(): string {
    return `SIP/2.0/${this.#wire.protocol} 127.0.0.1:${this.port};rport`;
  }

  /** Sends a message; lines as given, an empty body unless there is one. */
  send(lines: readonly string[], body = ''): void {
    this.#wire.send(`${[...lines, `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`);
  }

  /** A request of its own outside or inside a dialog, with what all requests have. */
  request(method: string, uri: string, fields: readonly string[], body = ''): void {
    this.#cseq += 1;
    this.send(
      [
        `${method} ${uri} SIP/2.0`,
        `Via: ${this.via};branch=z9hG4bK${this.user}${this.port}-${this.#cseq}`,
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
    const authorization = this.authorization(challenge, 'REGISTER', `sip:${domain}`);
    this.request('REGISTER', `sip:${domain}`, [...fields, authorization]);
    return this.next(/^SIP\/2\.0 200[^]*REGISTER/);
  }

  /** The line that answers a challenge. */
  authorization(challenge: string, method: string, uri: string): string {
    const [realm = '', nonce = ''] = ['realm', 'nonce'].map(
      (name) => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1] ?? '',
    );
    const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
    const secret = md5(`${this.user}@${realm}:${realm}:password-of-${this.user}`);
    const answer = md5(`${secret}:${nonce}:00000001:c:auth:${md5(`${method}:${uri}`)}`);
    const field = challenge.startsWith('SIP/2.0 407') ? 'Proxy-Authorization' : 'Authorization';
    return `${field}: Digest username="${this.user}@${realm}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${answer}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"`;
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
    this.#wire.close();
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

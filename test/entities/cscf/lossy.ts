/** A UDP relay on loopback that drops every n-th datagram: clients send to it, it stands for the server. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';

export class LossyRelay {
  readonly #front: Socket;
  readonly #backs = new Map<number, Socket>();
  readonly #server: number;
  readonly #every: number;
  #count = 0;
  dropped = 0;

  private constructor(front: Socket, server: number, every: number) {
    this.#front = front;
    this.#server = server;
    this.#every = every;
  }

  static async to(server: number, every: number): Promise<LossyRelay> {
    const front = createSocket('udp4');
    await new Promise<void>((resolve) => front.bind(0, '127.0.0.1', resolve));
    const relay = new LossyRelay(front, server, every);
    front.on('message', (octets, { port }) =>
      relay.#pass(() => relay.#back(port).send(octets, server, '127.0.0.1')),
    );
    return relay;
  }

  get port(): number {
    return this.#front.address().port;
  }

  close(): void {
    this.#front.close();
    for (const back of this.#backs.values()) back.close();
  }

  /** The socket that stands for a client towards the server. */
  #back(client: number): Socket {
    const known = this.#backs.get(client);
    if (known !== undefined) return known;
    const back = createSocket('udp4');
    back.on('message', (octets, { port }) => {
      if (port === this.#server) this.#pass(() => this.#front.send(octets, client, '127.0.0.1'));
    });
    this.#backs.set(client, back);
    return back;
  }

  #pass(send: () => void): void {
    this.#count += 1;
    if (this.#count % this.#every === 0) this.dropped += 1;
    else send();
  }
}

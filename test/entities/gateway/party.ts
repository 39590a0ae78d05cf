/** A party of a call: a socket that keeps what it gets. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import type { NetworkAddress } from '../../../src/bytes/network-address.ts';

export class Party {
  readonly got: string[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (octets) => this.got.push(octets.toString()));
  }

  static async open(): Promise<Party> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new Party(socket);
  }

  get at(): NetworkAddress {
    return { address: '127.0.0.1', port: this.#socket.address().port };
  }

  say(text: string, to: NetworkAddress): void {
    this.#socket.send(text, to.port, to.address);
  }

  async hears(count: number): Promise<string[]> {
    while (this.got.length < count) await once(this.#socket, 'message');
    return this.got;
  }

  close(): void {
    this.#socket.close();
  }
}

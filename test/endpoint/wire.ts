/** Sockets on a wire that the test can watch and tamper with. */
import type { NetworkAddress } from '../../src/bytes/network-address.ts';
import { Secret } from '../../src/bytes/secret.ts';
import type { DatagramSocket } from '../../src/media/datagrams.ts';
import { SRTP_SUITE } from '../../src/media/srtp/suites.ts';

export class Wire {
  readonly sent: { from: NetworkAddress; to: NetworkAddress; octets: Uint8Array }[] = [];
  readonly #listeners = new Map<number, (octets: Uint8Array, from: NetworkAddress) => void>();
  #port = 40_000;

  socket(): DatagramSocket {
    const local = { address: '127.0.0.1', port: this.#port++ };
    return {
      local,
      onDatagram: (listener) => void this.#listeners.set(local.port, listener),
      send: (octets, to) => {
        this.sent.push({ from: local, to, octets });
        this.deliver(octets, local, to);
      },
      close: () => void this.#listeners.delete(local.port),
    };
  }

  deliver(octets: Uint8Array, from: NetworkAddress, to: NetworkAddress): void {
    this.#listeners.get(to.port)?.(octets, from);
  }
}

export const keying = (fill: number, ssrc: number) => ({
  suite: SRTP_SUITE.aesCm128HmacSha1Tag80,
  masterKey: Secret.of(new Uint8Array(16).fill(fill)),
  masterSalt: Secret.of(new Uint8Array(14).fill(fill)),
  ssrc,
  mki: new Uint8Array(8).fill(fill),
});

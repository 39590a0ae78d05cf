/** Sockets without a network: what the gateway binds, what it sends, and datagrams that arrive from wherever one likes. */
import type { NetworkAddress } from '../../../src/bytes/network-address.ts';
import type { Datagrams, DatagramSocket } from '../../../src/media/datagrams.ts';
import { encodeRtp } from '../../../src/media/rtp.ts';

type Listener = (octets: Uint8Array, from: NetworkAddress) => void;

export class FakeSockets implements Datagrams {
  readonly sent: { readonly octets: Uint8Array; readonly to: NetworkAddress; readonly from: number }[] = [];
  /** Ports that somebody else has. */
  readonly foreign = new Set<number>();
  /** Ports in the order in which they were asked for. */
  readonly asked: number[] = [];
  /** What the system says to the next request instead. */
  failure: Error | null = null;
  readonly #listeners = new Map<number, Listener>();

  bind(address: string, port: number): Promise<DatagramSocket | null> {
    this.asked.push(port);
    const failure = this.failure;
    this.failure = null;
    if (failure !== null) return Promise.reject(failure);
    if (this.foreign.has(port) || this.#listeners.has(port)) return Promise.resolve(null);
    this.#listeners.set(port, () => undefined);
    return Promise.resolve({
      local: { address, port },
      onDatagram: (listener) => void this.#listeners.set(port, listener),
      send: (octets, to) => void this.sent.push({ octets, to, from: port }),
      close: () => void this.#listeners.delete(port),
    });
  }

  /** Ports that are bound. */
  get bound(): number {
    return this.#listeners.size;
  }

  arrive(octets: Uint8Array, from: NetworkAddress, at: NetworkAddress): void {
    this.#listeners.get(at.port)?.(octets, from);
  }
}

/** A packet of a stream; its payload says which. */
export function rtp(sequenceNumber: number, ssrc = 0x1234_5678, payload = 0): Uint8Array {
  const head = { marker: false, payloadType: 0, timestamp: 160 * sequenceNumber, csrc: [], extension: null };
  return encodeRtp({ ...head, ssrc, sequenceNumber, payload: Uint8Array.of(payload) });
}

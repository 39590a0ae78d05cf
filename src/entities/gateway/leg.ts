/**
 * One UDP socket of the gateway, facing the party of one side for one component (RTP or RTCP) of one stream, and where
 * that party is.
 *
 * The SDP says where a party receives; behind a NAT that is not where its packets come from, nor where answers reach it
 * . So the leg latches to the source of the first packet, sends there from then on, and takes nothing from
 * elsewhere. A packet from the very address of the SDP displaces another latch, so that whoever comes first with a
 * guess does not keep the party out; a new address in the SDP starts over.
 */
import { sameAddress } from '../../bytes/network-address.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import type { DatagramSocket } from '../../media/datagrams.ts';

export class MediaLeg {
  readonly #socket: DatagramSocket;
  #signalled: NetworkAddress | null = null;
  #latched: NetworkAddress | null = null;
  #received = 0;
  #refused = 0;

  constructor(socket: DatagramSocket) {
    this.#socket = socket;
  }

  get local(): NetworkAddress {
    return this.#socket.local;
  }

  /** Where packets for the party go: where its own come from, else where the SDP says; `null` if neither is known. */
  get remote(): NetworkAddress | null {
    return this.#latched ?? this.#signalled;
  }

  /** Packets taken from the party, and packets of others refused. */
  get counts(): { readonly received: number; readonly refused: number } {
    return { received: this.#received, refused: this.#refused };
  }

  /** What the SDP says; the same as before changes nothing. */
  signal(remote: NetworkAddress | null): void {
    const same =
      remote === null || this.#signalled === null
        ? remote === this.#signalled
        : sameAddress(remote, this.#signalled);
    if (same) return;
    this.#signalled = remote;
    this.#latched = null;
  }

  /** Calls `taken` for every packet of the party. */
  receive(taken: (octets: Uint8Array, from: NetworkAddress) => void): void {
    this.#socket.onDatagram((octets, from) => {
      if (!this.#accepts(from)) {
        this.#refused++;
        return;
      }
      this.#received++;
      taken(octets, from);
    });
  }

  /** Sends to the party; before it is known where that is, the packet is lost. */
  send(octets: Uint8Array): void {
    const remote = this.remote;
    if (remote !== null) this.#socket.send(octets, remote);
  }

  close(): void {
    this.#socket.close();
  }

  #accepts(from: NetworkAddress): boolean {
    const signalled = this.#signalled !== null && sameAddress(from, this.#signalled);
    if (this.#latched === null || signalled) this.#latched = from;
    return sameAddress(from, this.#latched);
  }
}

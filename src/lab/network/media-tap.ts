/** A tap on the media: tells of every datagram as it is sent, and changes nothing. */
import type { NetworkAddress } from '../../bytes/network-address.ts';
import type { Datagrams, DatagramSocket } from '../../media/datagrams.ts';

export interface SentDatagram {
  /** Who sent it: `alice`, `gateway.home1`. */
  readonly party: string;
  readonly from: NetworkAddress;
  readonly to: NetworkAddress;
  readonly octets: Uint8Array;
}

export type MediaListener = (datagram: SentDatagram) => void;

export function tapped(datagrams: Datagrams, party: string, onSent: MediaListener): Datagrams {
  return {
    bind: async (address, port) => {
      const socket = await datagrams.bind(address, port);
      return socket === null ? null : tap(socket, party, onSent);
    },
  };
}

function tap(socket: DatagramSocket, party: string, onSent: MediaListener): DatagramSocket {
  const from = socket.local;
  return {
    local: from,
    onDatagram: (listener) => socket.onDatagram(listener),
    send: (octets, to) => {
      onSent({ party, from, to, octets: octets.slice() });
      socket.send(octets, to);
    },
    close: () => socket.close(),
  };
}

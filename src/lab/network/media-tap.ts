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

/** The other way: tells of every datagram as it is received. */
export function listened(datagrams: Datagrams, onReceived: (octets: Uint8Array) => void): Datagrams {
  return {
    bind: async (address, port) => {
      const socket = await datagrams.bind(address, port);
      if (socket === null) return null;
      return {
        local: socket.local,
        onDatagram: (listener) =>
          socket.onDatagram((octets, from) => {
            onReceived(octets);
            listener(octets, from);
          }),
        send: (octets, to) => socket.send(octets, to),
        close: () => socket.close(),
      };
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

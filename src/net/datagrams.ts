/** UDP sockets for media. An error of one socket is logged and stays with it. */
import type { NetworkAddress } from '../bytes/network-address.ts';
import { viewOf } from '../bytes/octets.ts';
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Logger } from '../bytes/ports.ts';
import type { Datagrams, DatagramSocket } from '../media/datagrams.ts';

/** Of so many datagrams to one place, it is heard what became of one. */
const HEARD_OF = 256;

export function udpDatagrams(logger: Logger): Datagrams {
  return { bind: (address, port) => bindUdp(address, port, logger) };
}

/** Broadcast addresses of the IPv4 networks that this machine is in (RFC 919). */
export function broadcastAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, cidr }) => family === 'IPv4' && cidr !== null && !/[/]3[12]$/.test(cidr))
    .map(({ address, netmask }) => {
      const mask = netmask.split('.').map(Number);
      return address
        .split('.')
        .map((octet, at) => Number(octet) | (~(mask[at] ?? 255) & 0xff))
        .join('.');
    });
}

function bindUdp(address: string, port: number, logger: Logger): Promise<DatagramSocket | null> {
  const family = isIPv6(address) ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // Destinations are addresses, never names: resolving at once lets `send` reach the system before it returns.
    lookup: (host, _options, done) => done(null, host, family),
  });
  let open = true;
  let last: NetworkAddress | null = null;
  let since = 0;
  return new Promise((resolve, reject) => {
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close();
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(null);
      else reject(error);
    });
    socket.bind({ address, port, exclusive: true }, () => {
      const local: NetworkAddress = { address, port: socket.address().port };
      socket.removeAllListeners('error');
      socket.on('error', (error) => logger.warn({ local, error }, 'a media socket reported an error'));
      const sent = (to: NetworkAddress, error: Error | null): void => {
        if (error !== null) logger.debug({ local, to, error }, 'a datagram could not be sent');
      };
      resolve({
        local,
        onDatagram: (listener) => {
          socket.removeAllListeners('message');
          socket.on('message', (octets, from) => {
            if (!open) return;
            // Each datagram has memory of its own: what is handed on is that, and not a copy.
            listener(viewOf(octets), { address: from.address, port: from.port });
          });
        },
        send: (octets, to) => {
          if (!open) return;
          // A callback for each would be a turn of its own.
          const isSame = last?.port === to.port && last.address === to.address;
          since = isSame ? (since + 1) % HEARD_OF : 0;
          if (since > 0) socket.send(octets, to.port, to.address);
          else socket.send(octets, to.port, to.address, (error) => sent(to, error));
          last = to;
        },
        close: () => {
          if (!open) return;
          open = false;
          socket.close();
        },
      });
    });
  });
}

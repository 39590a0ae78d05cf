/** Which of its addresses a machine is reached at. */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { NetworkAddress } from '../bytes/network-address.ts';

/** What a listener is bound to that listens at every address. */
const EVERY: readonly string[] = ['0.0.0.0', '::'];

/**
 * The address at which who listens on `bound` is reached: that one, unless it is every address of the machine; then the
 * one that the system would send to `peer` from. Nothing is sent.
 * @throws Error of the system if there is no way to the peer
 */
export async function reachableAddress(bound: string, peer: NetworkAddress): Promise<string> {
  if (!EVERY.includes(bound)) return bound;
  const socket = createSocket(isIPv6(peer.address) ? 'udp6' : 'udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', resolve);
      socket.connect(peer.port, peer.address);
    });
    return socket.address().address;
  } finally {
    socket.close();
  }
}

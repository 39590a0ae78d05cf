/** The bounds of TLS listeners per address, where addresses are of IPv6. */
import { createServer, Socket } from 'node:net';
import type { Server } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectionGuard } from '../../src/net/connections.ts';
import type { CutReason } from '../../src/net/connections.ts';
import { silent } from '../support/silent.ts';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

describe('R-95: addresses of IPv6', () => {
  /** A listener to which connections come that are not there: no machine has so many addresses. */
  function guarded(): {
    arrive: (address: string) => Socket;
    cuts: () => Partial<Record<CutReason, number>>;
  } {
    const guard = new ConnectionGuard({ name: 'x', logger: silent, mutual: true, limits: { perAddress: 2 } });
    const server = createServer() as unknown as Server;
    guard.watch(server);
    let port = 1024;
    cleanups.push(() => guard.cutAll());
    return {
      arrive: (address) => {
        const socket = new Socket();
        Object.defineProperties(socket, {
          remoteAddress: { value: address },
          remotePort: { value: port++ },
        });
        server.emit('connection', socket);
        return socket;
      },
      cuts: () => guard.cuts,
    };
  }

  it('are counted by their network of 64 bits: one subscriber has as many as it likes', () => {
    const { arrive, cuts } = guarded();
    const [first] = ['2001:db8::1', '2001:db8::2', '2001:db8:0:1::1', '2001:db8::3'].map(arrive);
    expect(cuts()).toEqual({ 'too-many-of-address': 1 });
    expect(first?.destroyed).toBe(true);
  });

  it('mapped ones of IPv4 count with those that are not', () => {
    const { arrive, cuts } = guarded();
    for (const address of ['192.0.2.1', '::ffff:192.0.2.1', '::ffff:c000:201', '192.0.2.2']) arrive(address);
    expect(cuts()).toEqual({ 'too-many-of-address': 1 });
  });
});

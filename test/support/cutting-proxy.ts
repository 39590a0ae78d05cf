/** A way to a database that can be cut off at the moment at which a transaction is committed. */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export type Cut =
  /** The database never hears of the commit. */
  | 'before'
  /** It does, and its answer is lost. */
  | 'after';

export class CuttingProxy {
  /** What becomes of the next commit; `null`: it passes. */
  cut: Cut | null = null;
  /** Whether connections are taken. */
  isOpen = true;
  readonly port: number;
  readonly #connections: ReadonlySet<Socket>;
  readonly #close: () => Promise<void>;

  private constructor(port: number, connections: ReadonlySet<Socket>, close: () => Promise<void>) {
    this.port = port;
    this.#connections = connections;
    this.#close = close;
  }

  static async open(target: number): Promise<CuttingProxy> {
    const open = new Set<Socket>();
    const made: { proxy?: CuttingProxy } = {};
    const server = createServer((client) => {
      const { proxy } = made;
      if (proxy?.isOpen !== true) return void client.destroy();
      const database = connect(target, '127.0.0.1');
      let isCut = false;
      const end = (): void => {
        client.destroy();
        database.destroy();
      };
      for (const socket of [client, database]) {
        open.add(socket);
        socket.on('error', end);
        socket.on('close', () => {
          open.delete(socket);
          end();
        });
      }
      client.on('data', (octets) => {
        if (proxy.cut !== null && /\bcommit\b/i.test(octets.toString('latin1'))) {
          isCut = true;
          const { cut } = proxy;
          proxy.cut = null;
          if (cut === 'before') {
            end();
            return;
          }
        }
        database.write(octets);
      });
      database.on('data', (octets) => {
        if (isCut) end();
        else client.write(octets);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    made.proxy = new CuttingProxy((server.address() as AddressInfo).port, open, async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return made.proxy;
  }

  /** Ends all connections, and takes none until `isOpen` says so again. */
  sever(): void {
    this.isOpen = false;
    for (const socket of this.#connections) socket.destroy();
  }

  close(): Promise<void> {
    return this.#close();
  }
}

/**
 * The delivery function's end of HI2 and HI3: TLS connections to LEMFs (TS 102 232-1 clause 7: TCP with TLS, opened by
 * the delivery function), certificates on both sides. What is said on them is the handover manager's business.
 */
import type {
  HandoverAddress,
  HandoverChannel,
  HandoverChannelEvents,
  HandoverTransport,
} from '../handover/ports.ts';
import { whyOf } from '../../../bytes/system-errors.ts';
import type { HostMap } from '../../../net/hosts.ts';
import { connectTo } from '../../../net/tls-client.ts';
import type { TlsMaterial } from '../../../net/tls.ts';

export interface HandoverClientOptions {
  readonly tls: TlsMaterial;
  readonly hosts: HostMap;
  /** Milliseconds of silence after which a connection that is not up is given up; default 10 s. */
  readonly connectMs?: number;
}

/** A peer that takes nothing more gets so long to take the rest of a connection that we close, in milliseconds. */
const CLOSING = 2_000;

export class HandoverClient implements HandoverTransport {
  readonly #options: HandoverClientOptions;

  constructor(options: HandoverClientOptions) {
    this.#options = options;
  }

  open({ host, port }: HandoverAddress, events: HandoverChannelEvents): HandoverChannel {
    const { connectMs = 10_000 } = this.#options;
    const socket = connectTo({ host, port, role: 'lemf' }, this.#options);
    let reason = 'connection closed';
    let closing = false;
    let gathering = false;
    const givenUp = () => socket.destroy(new Error(`no connection within ${connectMs} ms`));
    socket.setTimeout(connectMs, givenUp);
    socket.once('secureConnect', () => {
      socket.setTimeout(0);
      socket.off('timeout', givenUp);
      events.opened();
    });
    socket.on('data', (chunk: Buffer) => events.received(new Uint8Array(chunk)));
    socket.on('error', (error: Error) => (reason = whyOf(error)));
    socket.once('close', () => {
      if (!closing) events.closed(reason);
    });
    return {
      // PDUs that are given together go in one record of TLS.
      send: (octets) => {
        if (closing || !socket.writable) return;
        if (!gathering) {
          gathering = true;
          socket.cork();
          process.nextTick(() => {
            gathering = false;
            socket.uncork();
          });
        }
        socket.write(octets);
      },
      close: () => {
        closing = true;
        socket.setTimeout(CLOSING, () => socket.destroy());
        if (socket.connecting) socket.destroy();
        else socket.destroySoon();
      },
    };
  }
}

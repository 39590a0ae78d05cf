/** Ground for the SIP tests: silent log, repeatable randomness, a network of flows without sockets, short messages. */
import { createHash } from 'node:crypto';
import type { Random } from '../../src/bytes/ports.ts';
import { SipError } from '../../src/sip/errors.ts';
import type { Flow, Protocol } from '../../src/sip/flow.ts';
import { Identifiers } from '../../src/sip/identifiers.ts';
import type { SipResponse } from '../../src/sip/message.ts';
import { parseMessage, SipRequest } from '../../src/sip/message.ts';
import { toOctets } from '../../src/sip/text.ts';
import { TransactionLayer } from '../../src/sip/transactions.ts';
import type { LayerOptions } from '../../src/sip/transactions.ts';
import type { TransportUser } from '../../src/sip/transport.ts';
import { silent } from '../support/silent.ts';

export const loopback = { resolve: (address: string, port: number) => ({ address, port }) };

export function testRandom(seed: string): Random {
  let count = 0;
  return {
    bytes: (length) => {
      const block = createHash('sha512').update(`${seed} ${count++}`).digest();
      return new Uint8Array(Buffer.alloc(length, block));
    },
  };
}

/** A flow that keeps what is sent on it. */
export class FakeFlow implements Flow {
  readonly protocol: Protocol;
  readonly local = { address: '127.0.0.1', port: 5060 };
  readonly remote = { address: '127.0.0.2', port: 5070 };
  open = true;
  readonly sent: (SipRequest | SipResponse)[] = [];

  constructor(protocol: Protocol) {
    this.protocol = protocol;
  }

  send(octets: Uint8Array): void {
    this.sent.push(parseMessage(octets));
  }

  /** Method or status of everything sent. */
  get trace(): string[] {
    return this.sent.map((message) =>
      message instanceof SipRequest ? message.method : String(message.status),
    );
  }
}

/** A transaction layer without a network: `wire` is handed what arrives, and flows lead wherever they are kept. */
export function layerOn(options: Pick<LayerOptions, 'clock'> & Partial<LayerOptions>): {
  readonly layer: TransactionLayer;
  readonly wire: TransportUser;
} {
  const attached: TransportUser[] = [];
  const layer = new TransactionLayer({
    transport: {
      attach: (user) => void attached.push(user),
      flowTo: () => Promise.reject(new SipError('unreachable', 'nobody there')),
    },
    logger: silent,
    identifiers: new Identifiers(testRandom('transactions')),
    sentBy: () => 'cscf.home1.example',
    ...options,
  });
  const [wire] = attached;
  if (wire === undefined) throw new Error('the layer has not attached');
  return { layer, wire };
}

/** A request with all that a request needs. */
export function request(
  method: string,
  fields: Readonly<Record<string, string>> = {},
  body = '',
): SipRequest {
  const all = {
    'Max-Forwards': '70',
    From: '<sip:alice@home1.example>;tag=a1',
    To: '<sip:bob@home2.example>',
    'Call-ID': 'call-1',
    CSeq: `1 ${method}`,
    ...fields,
  };
  const message = new SipRequest(method, 'sip:bob@home2.example');
  for (const [name, value] of Object.entries(all)) message.append(name, value);
  message.setBody('application/sdp', toOctets(body));
  return message;
}

export function isRequest(message: SipRequest | SipResponse | undefined): asserts message is SipRequest {
  if (!(message instanceof SipRequest)) throw new Error('a request is expected');
}

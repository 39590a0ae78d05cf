/** What waits for the network over UDP is bounded, and answers to strangers go first. */
import dgram from 'node:dgram';
import { afterEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/host/runtime.ts';
import { makeResponse } from '../../src/sip/response.ts';
import { Transport } from '../../src/sip/transport.ts';
import { silent } from '../support/silent.ts';
import { layerOn, loopback, request } from './support.ts';

const MIB = 1 << 20;
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A node over UDP, and what it hands to the system while so many octets wait. */
async function node() {
  const transport = new Transport({ clock: systemClock(), logger: silent, hosts: loopback });
  cleanups.push(() => transport.close());
  await transport.listen('UDP', '127.0.0.1', 0);
  const queued = vi.spyOn(dgram.Socket.prototype, 'getSendQueueSize').mockReturnValue(0);
  const send = vi.spyOn(dgram.Socket.prototype, 'send').mockReturnValue(undefined);
  const flow = await transport.flowTo({ protocol: 'UDP', host: '127.0.0.1', port: 9 });
  return { transport, queued, send, flow };
}

it('R-70: what waits for the network over UDP is bounded in octets; what exceeds it is not sent, and counted', async () => {
  const { transport, queued, send, flow } = await node();
  const octets = Uint8Array.of(1, 2, 3);
  for (const [waiting, unsent] of [
    [0, 0],
    [4 * MIB, 0],
    [4 * MIB + 1, 1],
    [64 * MIB, 2],
    [0, 2],
  ] as const) {
    queued.mockReturnValue(waiting);
    flow.send(octets);
    expect(transport.unsent).toBe(unsent);
  }
  expect(send).toHaveBeenCalledTimes(3);
});

it('R-70: answers to strangers leave three quarters of it to those whom the node knows', async () => {
  const { transport, queued, send, flow } = await node();
  const { layer, wire } = layerOn({ clock: systemClock() });
  cleanups.push(() => {
    layer.abandon();
    return Promise.resolve();
  });
  layer.attach({
    request: (transaction) => {
      const response = makeResponse(transaction.request, 403, { toTag: 't' });
      if (transaction.request.method === 'OPTIONS') transaction.answerOnce(response);
      else if (transaction.admit('sip:alice@home1.example')) transaction.respond(response);
    },
    ack: () => undefined,
    stray: () => undefined,
    closed: () => undefined,
  });
  queued.mockReturnValue(2 * MIB);
  for (const [method, sent, unsent] of [
    ['OPTIONS', 0, 1],
    ['MESSAGE', 1, 1],
  ] as const) {
    const message = request(method, { Via: `SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK${method}` });
    wire.arrived(message, message.serialise(), flow);
    expect([send.mock.calls.length, transport.unsent]).toEqual([sent, unsent]);
  }
});

/** datagrams that the system has dropped are counted. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { datagramsLost } from '../../src/net/udp-losses.ts';

const COUNT = 3000;

const receiver = createSocket({ type: 'udp4', recvBufferSize: 1 << 16 });
const sender = createSocket('udp4');

afterEach(() => {
  receiver.close();
  sender.close();
});

it.skipIf(process.platform !== 'linux')(
  'R-70: what comes while nobody reads, and has no room, is counted for its port',
  async () => {
    let received = 0;
    receiver.on('message', () => received++);
    receiver.bind(0, '127.0.0.1');
    await once(receiver, 'listening');
    const { port } = receiver.address();
    expect(datagramsLost([port])).toBe(0);
    const sent = Array.from(
      { length: COUNT },
      () => new Promise((done) => sender.send(Buffer.alloc(1000), port, '127.0.0.1', done)),
    );
    await Promise.all(sent);
    await expect.poll(() => received + datagramsLost([port])).toBe(COUNT);
    expect(datagramsLost([port])).toBeGreaterThan(0);
    expect(datagramsLost([])).toBe(0);
  },
);

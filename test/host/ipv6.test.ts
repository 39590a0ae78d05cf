/** Addresses of IPv6 in configurations, with brackets and without. */
import { describe, expect, it } from 'vitest';
import { isLoopback } from '../../src/host/admin.ts';
import { configReader, listener, mediaPorts, peerAddress } from '../../src/host/config.ts';
import { strict } from '../../src/bytes/schema.ts';

const read = configReader(
  strict({ at: listener('where'), media: mediaPorts('media'), to: peerAddress('a host') }),
);

describe('R-95: addresses of IPv6 in a configuration', () => {
  it.each(['::1', '[::1]'])('%s is where to listen, and a peer’s address', (address) => {
    const config = read({ at: { address }, media: { address }, to: { host: address, port: 7512 } });
    expect([config.at.address, config.media.address, config.to.host]).toEqual(['::1', '::1', '::1']);
  });

  it.each([
    ['::1', true],
    ['0:0:0:0:0:0:0:1', true],
    ['::ffff:127.0.0.1', true],
    ['::', false],
    ['fe80::1', false],
    ['::ffff:192.0.2.1', false],
  ])('the admin listener takes %s for loopback: %s', (address, loopback) => {
    expect(isLoopback(address)).toBe(loopback);
  });
});

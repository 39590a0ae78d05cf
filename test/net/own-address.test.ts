import { describe, expect, test } from 'vitest';
import { reachableAddress } from '../../src/net/own-address.ts';

describe('the address that a machine is reached at', () => {
  test('R-81: is the one that is listened on, whatever the way to the peer', async () => {
    expect(await reachableAddress('127.0.0.7', { address: '127.0.0.1', port: 5060 })).toBe('127.0.0.7');
  });

  test.each(['0.0.0.0', '::'])('R-81: is a real one where %s is listened on', async (bound) => {
    expect(await reachableAddress(bound, { address: '127.0.0.1', port: 5060 })).toBe('127.0.0.1');
  });

  test('R-81: is not made up where there is no such peer', async () => {
    await expect(
      reachableAddress('0.0.0.0', { address: 'nobody.invalid', port: 5060 }),
    ).rejects.toBeDefined();
  });
});

import { expect, it } from 'vitest';
import { CallNames } from '../../../src/entities/df/call-names.ts';

const call = (n: number) => Uint8Array.of(0, 0, 0, 0, 0, 0, n >> 8, n & 0xff);

it('a call has one name, by its octets', () => {
  const names = new CallNames();
  const name = names.of(call(258));
  expect(name.call).toBe('0000000000000102');
  expect(names.of(call(259)).call).toBe('0000000000000103');
  expect(names.of(call(258))).toBe(name);
  expect([names.key(name, 'LIID-1'), names.key(name, 'LIID-2'), names.key(name, 'LIID-1')]).toEqual(
    ['LIID-1', 'LIID-2', 'LIID-1'].map((liid) => `0000000000000102 ${liid}`),
  );
});

it('names of calls are kept in bounds, and not when they are forgotten', () => {
  const names = new CallNames();
  const first = names.of(call(0));
  for (let n = 0; n < 5_000; n++)
    expect(names.of(call(n)).call).toBe(`000000000000${n.toString(16).padStart(4, '0')}`);
  expect(names.of(call(0))).not.toBe(first);
  const octets = call(0);
  const known = names.of(octets);
  names.forget();
  expect(names.of(octets)).not.toBe(known);
});

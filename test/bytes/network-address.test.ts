/** IP addresses in their spellings (RFC 4291 section 2.2, RFC 5952), and in octets. */
import { describe, expect, test } from 'vitest';
import { addressOctets } from '../../src/bytes/network-address.ts';

const ZEROS = Array<number>(10).fill(0);

describe('an IP address in octets', () => {
  test.each([
    ['192.0.2.255', [192, 0, 2, 255]],
    ['0.0.0.0', [0, 0, 0, 0]],
    ['::', [...ZEROS, 0, 0, 0, 0, 0, 0]],
    ['::1', [...ZEROS, 0, 0, 0, 0, 0, 1]],
    ['2001:db8::', [0x20, 0x01, 0x0d, 0xb8, ...ZEROS, 0, 0]],
    ['2001:0DB8:0:0:1:0:0:ff', [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0xff]],
    ['1:2:3:4:5:6:7:8', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
    ['1:2:3:4:5:6:7::', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0]],
    // The end of IPv6 in the form of IPv4, translated (RFC 6052) and compatible (RFC 4291 section 2.5.5.1).
    ['64:ff9b::192.0.2.33', [0, 0x64, 0xff, 0x9b, ...ZEROS.slice(0, 8), 192, 0, 2, 33]],
    ['::192.0.2.33', [...ZEROS, 0, 0, 192, 0, 2, 33]],
    ['1:2:3:4:5:6:192.0.2.33', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 192, 0, 2, 33]],
    // Mapped: that of IPv4.
    ['::ffff:192.0.2.1', [192, 0, 2, 1]],
    ['::FFFF:c000:201', [192, 0, 2, 1]],
    ['0:0:0:0:0:ffff:192.0.2.1', [192, 0, 2, 1]],
    // A zone is no part of it (RFC 4007).
    ['fe80::1%eth0', [0xfe, 0x80, ...ZEROS, 0, 0, 0, 1]],
    ['fe80::1%2', [0xfe, 0x80, ...ZEROS, 0, 0, 0, 1]],
    ['fe80::192.0.2.33%eth0.100', [0xfe, 0x80, ...ZEROS, 192, 0, 2, 33]],
  ])('%s', (address, octets) => {
    expect([...addressOctets(address)]).toEqual(octets);
  });

  test('of IPv6 that is mapped and has a zone as well, all sixteen', () => {
    expect([...addressOctets('::ffff:192.0.2.1%2')]).toEqual([...ZEROS, 0xff, 0xff, 192, 0, 2, 1]);
  });
});

import { describe, expect, it } from 'vitest';
import { HostMap } from '../../src/net/hosts.ts';

describe('HostMap', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1', 443],
    ['127.0.0.1:7000', '127.0.0.1', 7000],
    ['::1', '::1', 443],
    ['[::1]', '::1', 443],
    ['[2001:db8::7]:7000', '2001:db8::7', 7000],
  ])('leads to %s', (target, address, port) => {
    const hosts = new HostMap({ 'mapped.example': target });
    expect(hosts.resolve('Mapped.example', 443)).toEqual({ address, port });
  });
});

describe('R-95: HostMap with addresses of IPv6 as names', () => {
  const hosts = new HostMap({
    '[2001:DB8::1]:443': '[::1]:7000',
    '2001:db8::2': '::1',
    '::3:443': '127.0.0.1',
  });
  it.each([
    ['2001:db8::1', 443, '::1', 7000],
    ['[2001:db8:0:0::1]', 443, '::1', 7000],
    ['2001:db8::1', 444, '2001:db8::1', 444],
    ['[2001:db8::2]', 5060, '::1', 5060],
    ['::3', 443, '::3', 443],
    ['[::3:443]', 443, '127.0.0.1', 443],
  ])('%s port %s is at %s port %s', (host, port, address, at) => {
    expect(hosts.resolve(host, port)).toEqual({ address, port: at });
  });

  it('says where they lead that have a port', () => {
    expect(hosts.endpoints()).toEqual([{ address: '::1', port: 7000 }]);
  });
});

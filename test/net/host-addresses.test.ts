import { describe, expect, it } from 'vitest';
import { HostAddresses } from '../../src/net/host-addresses.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { silent } from '../support/silent.ts';

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
  ])('%s port %i is at %s port %i', (host, port, address, at) => {
    expect(hosts.resolve(host, port)).toEqual({ address, port: at });
  });

  it('says where they lead that have a port', () => {
    expect(hosts.endpoints()).toEqual([{ address: '::1', port: 7000 }]);
  });
});

describe('HostAddresses (R-81: peers named by DNS or address)', () => {
  const hosts = new HostMap({ 'mapped.example:5060': '127.0.0.1:7000' });

  function addresses(
    clock: ManualClock,
    resolve: (name: string) => Promise<readonly string[]>,
  ): HostAddresses {
    const names = ['mapped.example', 'dns.example', '192.0.2.1'];
    return new HostAddresses({ hosts, names, clock, logger: silent, resolve });
  }

  it('finds mapped names, addresses, and all addresses that DNS has', async () => {
    const asked: string[] = [];
    const known = addresses(new ManualClock(), (name) => {
      asked.push(name);
      return Promise.resolve(['192.0.2.7', '2001:db8::7']);
    });
    await known.start();
    expect(known.of('mapped.example', 5060)).toEqual([{ address: '127.0.0.1', port: 7000 }]);
    expect(known.of('192.0.2.1', 5060)).toEqual([{ address: '192.0.2.1', port: 5060 }]);
    expect(known.of('dns.example', 5070)).toEqual([
      { address: '192.0.2.7', port: 5070 },
      { address: '2001:db8::7', port: 5070 },
    ]);
    expect(known.of('other.example', 5060)).toEqual([]);
    expect(new Set(asked)).toEqual(new Set(['mapped.example', 'dns.example']));
    known.stop();
  });

  it('asks again, and keeps what it knows while DNS does not answer', async () => {
    const clock = new ManualClock();
    let answer: () => Promise<readonly string[]> = () => Promise.resolve(['192.0.2.7']);
    const known = addresses(clock, () => answer());
    await known.start();
    answer = () => Promise.reject(new Error('SERVFAIL'));
    clock.advance(60_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(known.of('dns.example', 1)).toEqual([{ address: '192.0.2.7', port: 1 }]);
    answer = () => Promise.resolve(['192.0.2.8']);
    clock.advance(60_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(known.of('dns.example', 1)).toEqual([{ address: '192.0.2.8', port: 1 }]);
    known.stop();
  });
});

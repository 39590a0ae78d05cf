import { describe, expect, it } from 'vitest';
import { deliveryEndpoint } from '../../../src/li/ne/poi-address.ts';

describe('Delivery addresses that X2, X3, HI2 and HI3 can reach', () => {
  it('an address with a TCP port', () => {
    const address = { kind: 'ipAddressAndPort', address: '127.0.0.1', port: 7 } as const;
    expect(deliveryEndpoint({ ...address, transport: 'tcp' })).toEqual({ host: '127.0.0.1', port: 7 });
    expect(deliveryEndpoint({ ...address, transport: 'udp' })).toBeNull();
  });

  it.each([
    ['tls://df.home1.example:41000', { host: 'df.home1.example', port: 41000 }],
    ['tls://[2001:db8::1]:41000/x', { host: '2001:db8::1', port: 41000 }],
    ['tls://df.home1.example', null],
    ['tls://user@df.home1.example:1', null],
    ['tls://df:0', null],
    ['tls://df:65536', null],
    ['mailto:a@b', null],
  ])('%s', (value, endpoint) => expect(deliveryEndpoint({ kind: 'uri', value })).toEqual(endpoint));

  it('no telephone numbers', () => {
    expect(deliveryEndpoint({ kind: 'e164Number', value: '4930' })).toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import { closedFlow, nextHopOf } from '../../src/sip/flow.ts';
import { SipRequest } from '../../src/sip/message.ts';
import { makeResponse } from '../../src/sip/response.ts';
import { responseDestination } from '../../src/sip/transport.ts';
import { parseUri } from '../../src/sip/uri.ts';

describe('RFC 3263: where a SIP URI leads', () => {
  it.each([
    ['sip:a@Host.example', { protocol: 'TCP', host: 'host.example', port: 5060 }],
    ['sip:host.example:5070;Transport=UDP', { protocol: 'UDP', host: 'host.example', port: 5070 }],
    ['sip:[2001:db8::7]:5070', { protocol: 'TCP', host: '2001:db8::7', port: 5070 }],
    ['sip:host.example;maddr=192.0.2.7', { protocol: 'TCP', host: '192.0.2.7', port: 5060 }],
    ['sip:host.example;transport=tls', { protocol: 'TLS', host: 'host.example', port: 5061 }],
    ['sips:host.example', { protocol: 'TLS', host: 'host.example', port: 5061 }],
    ['sips:host.example:5071;transport=tcp', { protocol: 'TLS', host: 'host.example', port: 5071 }],
    ['sips:host.example;transport=udp', null],
    ['sip:host.example;transport=sctp', null],
    ['tel:+15550001', null],
  ])('%s', (uri, hop) => {
    expect(nextHopOf(parseUri(uri), 'TCP')).toEqual(hop);
  });

  it.each(['[2001:db8::7]:5070', '192.0.2.66:5070;received=192.0.2.67;maddr=192.0.2.68'])(
    'R-70, RFC 3261 section 18.2.2: a response whose connection is gone goes to its host, at the port of a Via of %s',
    (via) => {
      const request = new SipRequest('OPTIONS', 'sip:host.example');
      request.append('Via', `SIP/2.0/TCP ${via};branch=z9hG4bK1`);
      const hop = { protocol: 'TCP', host: '2001:db8::7', port: 5070 };
      const gone = closedFlow({ address: '::1', port: 5060 }, { address: '2001:db8::7', port: 40_000 });
      expect(responseDestination(makeResponse(request, 200), gone)).toEqual(hop);
    },
  );
});

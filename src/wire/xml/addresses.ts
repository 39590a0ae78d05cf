/** IP addresses and ports of TS 103 280, which X1 and HI1 have in common. */
import { spread } from '../../bytes/fields.ts';
import { formsOf, leaf, mapped, record } from './forms.ts';
import type { ElementForm } from './forms.ts';
import { COMMON_NAMESPACE } from './namespaces.ts';
import * as types from './simple-types.ts';

const { one, choiceOf } = formsOf(COMMON_NAMESPACE);

const IP_ADDRESS = choiceOf(
  { IPv4Address: leaf(types.ipv4Address), IPv6Address: leaf(types.ipv6Address) },
  (address) => (address.includes(':') ? 'IPv6Address' : 'IPv4Address'),
);

interface Port {
  readonly port: number;
  readonly transport: 'tcp' | 'udp';
}

const portOf = (transport: Port['transport'], type: types.SimpleType<number>): ElementForm<Port> =>
  mapped(
    leaf(type),
    (port) => ({ port, transport }),
    ({ port }) => port,
  );

const PORT = choiceOf<Port>(
  { TCPPort: portOf('tcp', types.tcpPort), UDPPort: portOf('udp', types.udpPort) },
  ({ transport }) => (transport === 'tcp' ? 'TCPPort' : 'UDPPort'),
);

/** `IPAddressPort`. */
export const IP_ADDRESS_AND_PORT = record({
  address: one('address', IP_ADDRESS),
  port: spread(one('port', PORT)),
});

interface PortSpan {
  readonly start: number;
  readonly end: number;
  readonly transport: Port['transport'];
}

const spanOf = (transport: Port['transport'], type: types.SimpleType<number>): ElementForm<PortSpan> =>
  mapped(
    record({ start: one('start', leaf(type)), end: one('end', leaf(type)) }),
    (span) => ({ ...span, transport }),
    ({ start, end }) => ({ start, end }),
  );

/** `IPAddressPortRange`. */
export const IP_ADDRESS_AND_PORTS = record({
  address: one('address', IP_ADDRESS),
  ports: spread(
    one(
      'portRange',
      choiceOf<PortSpan>(
        { TCPPortRange: spanOf('tcp', types.tcpPort), UDPPortRange: spanOf('udp', types.udpPort) },
        ({ transport }) => (transport === 'tcp' ? 'TCPPortRange' : 'UDPPortRange'),
      ),
    ),
  ),
});

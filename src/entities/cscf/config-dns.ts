/** Settings of whom the CSCF asks where other homes are. */
import { isIP } from 'node:net';
import { bareHost } from '../../bytes/network-address.ts';
import { strict, Unfit } from '../../bytes/schema.ts';
import { listOf, milliseconds, parsed } from '../../host/config.ts';

const SERVER = 'an IP address, with a port or without: 192.0.2.53, [2001:db8::53]:5353';

export const DNS_SETTINGS = strict(
  {
    servers: listOf(
      parsed('IP address, with a port or without', SERVER, (text) => {
        const [, host = '', port = '53'] = /^(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?$/.exec(text) ?? [];
        const isAddress = isIP(bareHost(host)) !== 0 && Number(port) > 0 && Number(port) < 65_536;
        if (isIP(text) === 0 && !isAddress) throw new Unfit(SERVER);
        return text;
      }),
      { description: 'DNS servers that are asked where other homes are; without any, those of the system' },
    ),
    timeoutMs: milliseconds('until a DNS server is asked again, and then given up', {
      min: 100,
      max: 10_000,
      default: 2_000,
    }),
  },
  { default: {} },
);

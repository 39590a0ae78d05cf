/** The settings of the media gateway: those of every element with a point of interception, and its own. */
import { strict, Unfit } from '../../bytes/schema.ts';
import {
  configReader,
  count,
  listOf,
  mediaPorts,
  milliseconds,
  namedListener,
  parsed,
} from '../../host/config.ts';
import type { ConfigOf } from '../../host/config.ts';
import { POI_SETTINGS } from '../../poi/config.ts';
import { isNetwork } from './destinations.ts';

export const GATEWAY_CONFIG = strict({
  ...POI_SETTINGS,
  control: namedListener(
    'where CSCFs control the gateway',
    'names of the CSCFs that may',
    "`cscf.` and the domain of the own certificate's name",
    {},
  ),
  media: mediaPorts('where media pass, each port used again as late as can be'),
  workers: count(
    'threads that relay media, each on a part of the ports; 0: the thread of control does, with sockets of Node.js',
    {
      min: 0,
      max: 256,
      default: 1,
    },
  ),
  idleMs: milliseconds('without media and control after which a session is ended', {
    min: 1000,
    default: 900_000,
  }),
  maxSessions: count('sessions at once', { min: 1, default: 10_000 }),
  maxPacketRate: count('packets that a stream hands on in a second, from either side, RTP and RTCP apart', {
    min: 1,
    default: 2000,
  }),
  closedNetworks: listOf(
    parsed('address or network', 'an address, or a network as 192.0.2.0/24', (text) => {
      if (!isNetwork(text)) throw new Unfit('an address, or a network as 192.0.2.0/24');
      return text;
    }),
    { description: 'addresses and networks that media are never sent to: those of other entities' },
  ),
});

export type GatewayConfig = ConfigOf<typeof GATEWAY_CONFIG>;

/** @throws ConfigError */
export const gatewayConfig = configReader(GATEWAY_CONFIG);

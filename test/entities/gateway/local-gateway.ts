/** A media gateway whose media pass in the thread of its control, over sockets of the test's. */
import { MediaDestinations } from '../../../src/entities/gateway/destinations.ts';
import type { DestinationRules } from '../../../src/entities/gateway/destinations.ts';
import { MediaGateway } from '../../../src/entities/gateway/gateway.ts';
import type { GatewayOptions } from '../../../src/entities/gateway/gateway.ts';
import { LocalRelay } from '../../../src/entities/gateway/relay.ts';
import type { LocalRelayOptions } from '../../../src/entities/gateway/relay.ts';
import type { ObservationReporter } from '../../../src/poi/poi.ts';

interface LocalGatewayOptions
  extends
    Omit<GatewayOptions, 'relay' | 'destinations' | 'poi'>,
    Omit<LocalRelayOptions, 'allows' | 'clock'> {
  readonly poi: ObservationReporter;
  /** Where media must not go, besides what no gateway sends to. */
  readonly refuse?: Omit<DestinationRules, 'media'>;
}

export function localGateway({ refuse, poi, ...options }: LocalGatewayOptions): MediaGateway {
  const destinations = new MediaDestinations({ ...refuse, media: options.ports });
  const relay = new LocalRelay({ ...options, allows: (at) => destinations.allows(at) });
  const report = poi.report.bind(poi);
  return new MediaGateway({ ...options, relay, destinations, poi: { report, missed: () => undefined } });
}

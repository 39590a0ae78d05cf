/** The settings of the media gateway: those of every element with a point of interception, and its own. */
import { strict } from '../../bytes/schema.ts';
import { configReader, count, listener, mediaPorts, milliseconds } from '../../host/config.ts';
import type { ConfigOf } from '../../host/config.ts';
import { POI_SETTINGS } from '../../poi/config.ts';

export const GATEWAY_CONFIG = strict({
  ...POI_SETTINGS,
  control: listener('where CSCFs control the gateway'),
  media: mediaPorts('where media pass, lowest free port first'),
  idleMs: milliseconds('without media and control after which a session is ended', {
    min: 1000,
    default: 900_000,
  }),
  maxSessions: count('sessions at once', { min: 1, default: 10_000 }),
});

export type GatewayConfig = ConfigOf<typeof GATEWAY_CONFIG>;

/** @throws ConfigError */
export const gatewayConfig = configReader(GATEWAY_CONFIG);

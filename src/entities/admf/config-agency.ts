/** The settings of a laboratory's law enforcement agency: which ADMF, and as whom. */
import Type from 'typebox';
import { strict } from '../../bytes/schema.ts';
import { configReader, doorUrl, HOSTS, milliseconds, TLS_FILES } from '../../host/config.ts';
import type { ConfigOf } from '../../host/config.ts';
import { HI1_ENDPOINT } from './config-hi1.ts';

export const AGENCY_CONFIG = strict({
  url: doorUrl("the ADMF's door for agencies (its setting `hi1`)", 'https://admf.home1.example:8500'),
  tls: TLS_FILES,
  hosts: HOSTS,
  sender: Type.Optional(
    strict(HI1_ENDPOINT, {
      description: 'as whom `claviger hi1 list` and `get` send',
      absent: 'they cannot',
    }),
  ),
  receiver: Type.Optional(
    strict(HI1_ENDPOINT, { description: 'the ADMF’s end point', absent: 'they cannot' }),
  ),
  timeoutMs: milliseconds('for one request', { min: 1, default: 10_000 }),
});

export type AgencyConfig = ConfigOf<typeof AGENCY_CONFIG>;

/** @throws ConfigError */
export const agencyConfig = configReader(AGENCY_CONFIG);

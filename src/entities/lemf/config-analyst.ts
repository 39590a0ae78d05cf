/** The settings of whoever listens at a LEMF's door for analysts: which LEMF, and as whom. */
import { strict } from '../../bytes/schema.ts';
import { configReader, doorUrl, HOSTS, milliseconds, TLS_FILES } from '../../host/config.ts';
import type { ConfigOf } from '../../host/config.ts';

export const ANALYST_CONFIG = strict({
  url: doorUrl("the LEMF's door for analysts (its setting `analysts`)", 'https://lemf.home1.example:8443'),
  tls: TLS_FILES,
  hosts: HOSTS,
  timeoutMs: milliseconds('for one call', { min: 1, default: 30_000 }),
});

export type AnalystConfig = ConfigOf<typeof ANALYST_CONFIG>;

/** @throws ConfigError */
export const analystConfig = configReader(ANALYST_CONFIG);

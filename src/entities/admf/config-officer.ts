/** The settings of whoever works at the ADMF's door for officers: which ADMF, and as whom. */
import Type from 'typebox';
import { strict } from '../../bytes/schema.ts';
import { configReader, doorUrl, HOSTS, milliseconds, peerAddress, TLS_FILES } from '../../host/config.ts';
import type { ConfigOf } from '../../host/config.ts';
import { watchedEntities } from '../../host/watched.ts';

export const OFFICER_CONFIG = strict({
  url: doorUrl("the ADMF's door for officers (its setting `officers`)", 'https://admf.home1.example:9443'),
  tls: TLS_FILES,
  hosts: HOSTS,
  lemf: Type.Optional(
    strict(
      { hi2: peerAddress('where HI2 goes'), hi3: Type.Optional(peerAddress('where HI3 goes')) },
      { description: 'where deliveries go unless `--lemf` says otherwise' },
    ),
  ),
  entities: watchedEntities(
    'entities whose status, metrics and, for an auditor, audit log `claviger console` shows; they must admit the certificate; where there are none, it shows what the ADMF does (its setting `officers.entities`)',
  ),
  timeoutMs: milliseconds('for one call', { min: 1, default: 30_000 }),
});

export type OfficerConfig = ConfigOf<typeof OFFICER_CONFIG>;

/** @throws ConfigError */
export const officerConfig = configReader(OFFICER_CONFIG);

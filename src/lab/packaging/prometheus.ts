/** What Prometheus needs to watch a laboratory: where its entities answer, and the package's rules. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { endpointText } from '../../bytes/network-address.ts';
import type { TlsFiles } from '../../net/tls.ts';
import type { WatchedEntity } from '../network/people.ts';

export interface WatchedHome {
  readonly home: string;
  readonly domain: string;
  readonly entities: readonly WatchedEntity[];
  /** Of its operator, as whom Prometheus asks. */
  readonly tls: TlsFiles;
}

const RULES = 'alerts.yaml';

/** Files by name, for one folder. Each process is a job of its own, since the entity's name is what its certificate must bear. */
export function prometheusFiles(watched: readonly WatchedHome[], folder: string): Record<string, string> {
  const config = {
    global: { scrape_interval: '15s', evaluation_interval: '15s' },
    rule_files: [RULES],
    scrape_configs: watched.flatMap(({ home, domain, entities, tls }) =>
      entities.map(({ entity, process, ...at }) => ({
        job_name: `${process}.${domain}`,
        scheme: 'https',
        tls_config: {
          ca_file: path.relative(folder, tls.authorities),
          cert_file: path.relative(folder, tls.certificate),
          key_file: path.relative(folder, tls.privateKey),
          server_name: `${entity}.${domain}`,
        },
        static_configs: [{ targets: [endpointText(at)], labels: { job: 'claviger', home, element: entity } }],
      })),
    ),
  };
  const rules = readFileSync(new URL(`../../../assets/prometheus/${RULES}`, import.meta.url), 'utf8');
  return { 'prometheus.yml': stringify(config), [RULES]: rules };
}

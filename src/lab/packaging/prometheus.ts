/** What Prometheus needs to watch a laboratory: where its entities answer, and the package's rules. */
import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import type { Service } from '../network/home.ts';

export interface Watched {
  readonly home: string;
  readonly entity: Service;
  /** Of its admin listener, on loopback. */
  readonly address: string;
  readonly port: number;
}

const RULES = 'alerts.yaml';

/** Files by name, for one folder. */
export function prometheusFiles(watched: readonly Watched[]): Record<string, string> {
  const config = {
    global: { scrape_interval: '15s', evaluation_interval: '15s' },
    rule_files: [RULES],
    scrape_configs: [
      {
        job_name: 'claviger',
        static_configs: watched.map(({ home, entity, address, port }) => ({
          targets: [address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`],
          labels: { home, element: entity },
        })),
      },
    ],
  };
  const rules = readFileSync(new URL(`../../../assets/prometheus/${RULES}`, import.meta.url), 'utf8');
  return { 'prometheus.yml': stringify(config), [RULES]: rules };
}

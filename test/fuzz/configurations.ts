/** The readers of configurations, with the examples of their documentation. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { utf8 } from '../../src/bytes/octets.ts';
import { ConfigError, parseConfig } from '../../src/host/config.ts';
import { CONFIG_READERS } from '../../src/lab/check/configurations.ts';
import type { FuzzedDecoder } from './decoder.ts';

export const CONFIGURATIONS = Object.entries(CONFIG_READERS).map(([entity, read]): FuzzedDecoder => ({
  name: `config-${entity}`,
  errors: [ConfigError],
  samples: () => examplesOf(entity),
  decode: (octets) => {
    const text = new TextDecoder().decode(octets);
    return ['x.json', 'x.yaml'].map((file) => {
      try {
        return typeof read(parseConfig(text, file), file);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        return error.message.replace(/[0-9]+/g, '#').slice(0, 60);
      }
    });
  },
}));

/** The examples of the page about settings, by entity. */
function examplesOf(entity: string): Uint8Array[] {
  const page = readFileSync(path.join(process.cwd(), 'docs/configuration.md'), 'utf8');
  const [, section = ''] = page.split(`\n## ${entity}\n`);
  const [, example = ''] = /```json\n([^]*?)```/.exec(section) ?? [];
  return [utf8(example)];
}

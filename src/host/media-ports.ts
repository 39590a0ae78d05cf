/** `{ "address": "127.0.0.1", "from": 16384, "to": 32767 }`: UDP ports for media, below the system's ephemeral ones. */
import type { PortRange } from '../media/datagrams.ts';
import { ConfigError } from './config.ts';
import type { Fields } from './config.ts';

/** @throws ConfigError */
export function mediaPorts(fields: Fields): PortRange {
  const range = {
    address: fields.string('address', '127.0.0.1'),
    from: fields.integer('from', { min: 1024, max: 65534, fallback: 16_384 }),
    to: fields.integer('to', { min: 1025, max: 65535, fallback: 32_767 }),
  };
  fields.end();
  if (range.from >= range.to) throw new ConfigError('configuration', 'media: from must be below to');
  return range;
}

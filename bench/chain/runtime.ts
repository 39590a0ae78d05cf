/** The environment of an entity that is measured: it tells what goes wrong, and nothing else. */
import { systemClock, systemRandom } from '../../src/host/runtime.ts';
import type { Runtime } from '../../src/host/runtime.ts';

const ignore = (): void => undefined;

export const runtime: Runtime = {
  clock: systemClock(),
  random: systemRandom(),
  logger: {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields: object, message: string) => console.error(message, fields),
  },
};

export function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

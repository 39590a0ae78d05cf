/** Whether entities are ready, as each says at its control socket, and why not. */
import { setTimeout as sleep } from 'node:timers/promises';
import Type from 'typebox';
import { messageOf } from '../bytes/errors.ts';
import { Form } from '../bytes/schema.ts';
import { askControl, socketOf } from './control-client.ts';
import { CliError } from './failure.ts';

/** An entity that runs, by its configuration. */
export interface AskedEntity {
  /** `kms.home1` */
  readonly name: string;
  readonly file: string;
}

export interface Readiness {
  readonly name: string;
  readonly ready: boolean;
  /** Why it is not ready; empty: it is. */
  readonly reasons: readonly string[];
}

/** Between two questions. */
const LOOK_MS = 200;
const HEALTH = new Form(Type.Object({ ready: Type.Boolean(), reasons: Type.Array(Type.String()) }));

/** Asks all of them once; one that gives no answer is not ready. */
export function readinessOf(entities: readonly AskedEntity[]): Promise<Readiness[]> {
  return Promise.all(
    entities.map(async ({ name, file }) => {
      try {
        return { name, ...(await askControl(socketOf(file), ['GET', '/health'], HEALTH)) };
      } catch (error) {
        return { name, ready: false, reasons: [messageOf(error)] };
      }
    }),
  );
}

/**
 * Resolves when all have said that they are ready, or nobody wants to know any more.
 * @throws CliError `failed` after `ms` milliseconds, with reasons
 */
export async function untilReady(
  entities: readonly AskedEntity[],
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  let waiting = entities;
  const end = performance.now() + ms;
  while (signal?.aborted !== true) {
    const said = await readinessOf(waiting);
    const unready = said.filter(({ ready }) => !ready);
    if (unready.length === 0) return;
    if (performance.now() > end)
      throw new CliError(
        'failed',
        [`not ready within ${ms / 1000} s:`, ...unready.map((each) => `  ${unreadyText(each)}`)].join('\n'),
      );
    waiting = waiting.filter(({ name }) => unready.some((each) => each.name === name));
    await sleep(LOOK_MS);
  }
}

export function unreadyText({ name, reasons }: Readiness): string {
  return `${name}: ${reasons.length === 0 ? 'it does not say why' : reasons.join('; ')}`;
}

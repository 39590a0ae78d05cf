/**
 * A DF whose parts are processes of their own, with streams between them, as `roles` says:
 *
 *     all of it, without `streams`    `startDf`: between the parts are function calls
 *     intake                          `startIntake`
 *     delivery                        `startDeliverer`
 *     mediation                       `startMediator`; with `database` `startMediators`, of which there may be several
 *     all of it, with `streams`       the same, which listens and delivers besides
 */
import type { Listen } from '../../host/config.ts';
import type { Running, Runtime } from '../../host/runtime.ts';
import type { Operation } from '../../host/operation.ts';
import type { DfConfig } from './config.ts';
import { startDf } from './start.ts';

/** What runs of a DF in one process. */
export interface RunningRoles extends Running {
  /** Absent: it takes no PDUs in by itself, or has no tasks. */
  readonly x2x3?: Listen;
  readonly x1?: Listen;
  readonly operation: Operation<DfConfig>;
}

/** @throws ConfigError, TlsError, StorageError */
export async function startRoles(config: DfConfig, runtime: Runtime): Promise<RunningRoles> {
  const { roles, streams, database } = config;
  if (streams === undefined) return startDf(config, runtime);
  if (roles.includes('mediation') && database !== undefined) {
    const { startMediators } = await import('./start-mediators.ts');
    return startMediators(config, streams, database, runtime);
  }
  if (roles.includes('mediation')) {
    const { startMediator } = await import('./start-mediator.ts');
    return startMediator(config, streams, runtime);
  }
  if (roles.includes('intake')) {
    const { startIntake } = await import('./start-intake.ts');
    return startIntake(config, streams, runtime);
  }
  const { startDeliverer } = await import('./start-deliverer.ts');
  return startDeliverer(config, streams, runtime);
}

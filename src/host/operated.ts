import type { BackupManifest, BackupOrder } from './backup.ts';
import type { LogLevel } from './log.ts';
import type { Operation } from './operation.ts';
import type { Status } from './status.ts';
import type { ReloadReport } from './reload.ts';

/** What is told at the admin listener. */
export interface ObservedEntity {
  status(): Promise<Status>;
  /** In the exposition format of Prometheus. */
  metrics(): Promise<string>;
  readonly operation: Pick<Operation, 'entity' | 'name' | 'tls' | 'audit'>;
}

/** What is done at the control socket besides. */
export interface Operated extends ObservedEntity {
  /** Takes anew what can be taken anew while it runs. */
  reload(): Promise<ReloadReport>;
  drain(ms: number): Promise<boolean>;
  /** @throws BackupError */
  backup(order: BackupOrder): Promise<BackupManifest>;
  level(): LogLevel;
  setLevel(level: LogLevel): void;
}

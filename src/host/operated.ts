import type { BackupManifest, BackupOrder } from './backup.ts';
import type { LogLevel } from './log.ts';
import type { Operation, Status } from './operation.ts';
import type { ReloadReport } from './reload.ts';

/** What is done at the control socket and the admin listener. */
export interface Operated {
  status(): Promise<Status>;
  /** In the exposition format of Prometheus. */
  metrics(): Promise<string>;
  /** Takes anew what can be taken anew while it runs. */
  reload(): Promise<ReloadReport>;
  drain(ms: number): Promise<boolean>;
  /** @throws BackupError */
  backup(order: BackupOrder): Promise<BackupManifest>;
  level(): LogLevel;
  setLevel(level: LogLevel): void;
  readonly operation: Pick<Operation, 'entity' | 'name' | 'tls' | 'audit'>;
}

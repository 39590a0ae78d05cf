/** What the mediation works with, and its bounds. */
import type { Clock, Logger, SetAside } from '../../bytes/ports.ts';
import type { BacklogOptions } from './backlog.ts';
import type { ContentDecryptionSettings } from './decryption/content-decryption.ts';
import type { DfListener } from './events.ts';
import type {
  DfIssues,
  DfStore,
  DfTasks,
  DfWarrants,
  PassedOn,
  PduRecorder,
  RecordEncoder,
  SharedTaskView,
} from './ports.ts';
import type { RetentionOptions } from './retention.ts';
import type { StateLimits } from './working-state.ts';

export interface MediationOptions extends Partial<StateLimits> {
  readonly store: DfStore;
  readonly tasks: DfTasks;
  readonly warrants: DfWarrants;
  readonly encode: RecordEncoder;
  readonly issues: DfIssues;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder?: PduRecorder;
  readonly onEvent?: DfListener;
  /** What may wait for each destination; absent: all of it. */
  readonly backlog?: BacklogOptions;
  /** How long PDUs may wait so that more are committed at a time, milliseconds; default 0. */
  readonly gatherMs?: Readonly<Record<'x2' | 'x3', number>>;
  /** How long a call that is not heard of is remembered, milliseconds; default 24 h. */
  readonly sessionMemoryMs?: number;
  /** How long a PDU waits for its task, milliseconds; default 10 min. */
  readonly holdMs?: number;
  /** PDUs that may wait for their tasks; default 10,000. */
  readonly holdMost?: number;
  /** Octets of PDUs that may wait for their tasks; default 64 MiB. */
  readonly holdOctets?: number;
  /** Where PDUs are kept that cannot be worked on; absent: they are counted and reported only. */
  readonly setAside?: SetAside;
  /** Absent: content goes as it was intercepted, and keys go to the LEMFs. */
  readonly decryption?: ContentDecryptionSettings;
  /** Absent: what is kept of a warrant that has ended goes with its calls and when it is delivered. */
  readonly retention?: RetentionOptions;
  /** Tasks that other processes change as well; absent: nobody does. */
  readonly sharedTasks?: SharedTaskView;
  /** What has left the outbox before a LEMF has acknowledged it; absent: nothing does. */
  readonly passedOn?: PassedOn;
}

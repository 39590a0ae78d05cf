/** One thread that recovers, one order at a time. */
import { LemfError } from '../errors.ts';
import type { RecoverOrder, RecoveryOrder, RecoveryReply } from './recovery-order.ts';
import type { RecoveryReport } from '../recover.ts';
import type { Erased } from '../retention.ts';
import { OrderThread } from './order-thread.ts';

/** The thread's module. */
const MODULE = new URL('./recovery-worker.js', import.meta.url);

export class RecoveryThread extends OrderThread<RecoveryOrder, RecoveryReply> {
  constructor() {
    super(MODULE);
  }
}

/** @throws LemfError `recovery` */
export function erasedOf(reply: RecoveryReply): Erased {
  if (reply.kind === 'erased') return reply.erased;
  throw new LemfError('recovery', reply.kind === 'failed' ? reply.reason : 'no answer to what was asked');
}

/** Recovers from two files into a folder, in a thread of its own. @throws LemfError `recovery` */
export async function recoverInThread(order: Omit<RecoverOrder, 'kind'>): Promise<RecoveryReport> {
  const thread = new RecoveryThread();
  try {
    const reply = await thread.run({ kind: 'recover', ...order });
    if (reply.kind === 'recovered') return reply.report;
    throw new LemfError('recovery', reply.kind === 'failed' ? reply.reason : 'no answer to what was asked');
  } finally {
    await thread.end();
  }
}

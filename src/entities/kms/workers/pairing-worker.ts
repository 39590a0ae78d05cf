/** A worker of the pairing pool: one engine, one task at a time. What is no IbeError ends the worker. */
import { parentPort } from 'node:worker_threads';
import { toBigInt } from '../../../bytes/octets.ts';
import { Secret } from '../../../bytes/secret.ts';
import { defaultEngine } from '../../../ibe/default-engine.ts';
import { IbeError } from '../../../ibe/errors.ts';
import type { MasterKey } from '../ports.ts';
import type { PairingOrder, PairingReply, PairingResult, PairingTask } from './pairing-job.ts';

const engine = defaultEngine();
const keys = new Map<number, MasterKey>();

parentPort?.on('message', (order: PairingOrder) => {
  switch (order.kind) {
    case 'key':
      keys.set(order.key, { bf: order.bf, masterSecret: Secret.of(order.masterSecret) });
      break;
    case 'forget':
      forget(order.key);
      break;
    case 'task':
      parentPort?.postMessage({ number: order.number, result: resultOf(order.task) } satisfies PairingReply);
      break;
    case 'end':
      for (const key of [...keys.keys()]) forget(key);
      parentPort?.close();
      break;
  }
});

function forget(key: number): void {
  keys.get(key)?.masterSecret.wipe();
  keys.delete(key);
}

function resultOf(task: PairingTask): PairingResult {
  const key = keys.get(task.key);
  if (key === undefined) throw new Error(`master secret ${task.key} was not given`);
  try {
    const masterSecret = toBigInt(key.masterSecret.expose());
    return { kind: 'extracted', key: engine.extract(key.bf, masterSecret, task.id) };
  } catch (error) {
    if (!(error instanceof IbeError)) throw error;
    return { kind: 'failed', code: error.code, message: error.message };
  }
}

/** A worker of the pairing pool: one engine, one task at a time. What is no IbeError ends the worker. */
import { parentPort } from 'node:worker_threads';
import { defaultEngine } from '../ibe/default-engine.ts';
import { IbeError } from '../ibe/errors.ts';
import type { PairingReply, PairingRequest, PairingResult, PairingTask } from './pairing-job.ts';

const engine = defaultEngine();

parentPort?.on('message', ({ number, task }: PairingRequest) => {
  const reply: PairingReply = { number, result: resultOf(task) };
  parentPort?.postMessage(reply);
});

function resultOf(task: PairingTask): PairingResult {
  try {
    const { params, masterSecret, id } = task;
    if (task.kind === 'extract') {
      return { kind: 'extracted', key: engine.extract(params, masterSecret, id) };
    }
    return { kind: 'opened', message: engine.decryptWithMaster(params, masterSecret, id, task.ciphertext) };
  } catch (error) {
    if (!(error instanceof IbeError)) throw error;
    return { kind: 'failed', code: error.code, message: error.message };
  }
}

/** An entity as a process of its own command. */
import { RESTARTS_VARIABLE } from '../../host/runtime.ts';
import type { Service } from '../network/home.ts';
import { LabProcess } from './lab-process.ts';
import type { Launch } from './lab-process.ts';

/** How an entity is started. */
export interface EntityStart extends Pick<Launch, 'name' | 'readyMs' | 'onMessage' | 'onLine'> {
  readonly entity: Service;
  /** Its configuration. */
  readonly file: string;
  /** The command line's own script. */
  readonly script: string;
  /** Options of node. */
  readonly nodeOptions?: readonly string[];
  /** What follows `ENTITY run --config FILE`. */
  readonly args?: readonly string[];
  /** How often it was started again before. */
  readonly restarts?: number;
}

/** Starts it, and waits for the line that says where it listens. @throws LabError `process` with the end of its log */
export function startEntityProcess(start: EntityStart): Promise<LabProcess> {
  const { entity, name, file, script, nodeOptions = [], args = [], restarts = 0 } = start;
  const { readyMs, onMessage, onLine } = start;
  return LabProcess.launch({
    ...{ name, readyMs, onMessage, onLine },
    program: process.execPath,
    args: [...nodeOptions, script, entity, 'run', '--config', file, ...args],
    env: { ...process.env, [RESTARTS_VARIABLE]: String(restarts) },
  });
}

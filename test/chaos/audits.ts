/** Audit logs of all processes, as an auditor checks them: each by itself, and all joined. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { cli } from '../support/cli.ts';
import type { ScaledSystem } from './system.ts';

/** What does not hold of them. @param folder where the joined log goes */
export function auditFaults(system: ScaledSystem, folder: string): { faults: string[]; logs: number } {
  const logs = system.audits();
  const all = path.join(folder, 'audits.jsonl');
  const commands = [
    ...logs.map(({ file }) => ['audit', 'verify', file]),
    ['audit', 'merge', '--out', all, ...logs.map(({ name, file }) => `${name}=${file}`)],
    ['audit', 'verify', '--merged', all],
  ];
  const faults = commands.flatMap((args) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' });
    return status === 0 ? [] : [`claviger ${args.join(' ')}: ${(stderr || stdout).trim()}`];
  });
  return { faults, logs: logs.length };
}

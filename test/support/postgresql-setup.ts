/** Where the PostgreSQL of this run is, if a test starts one; when the run ends, so does it. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { endServerIn, RUN_FOLDER, RUN_PROCESS } from './postgresql-server.ts';

/** Called for each project, of which the first one decides. */
export default function setup(): (() => void) | undefined {
  if (process.env[RUN_FOLDER] !== undefined) return undefined;
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-pg-'));
  process.env[RUN_FOLDER] = folder;
  process.env[RUN_PROCESS] = String(process.pid);
  return () => endServerIn(folder);
}

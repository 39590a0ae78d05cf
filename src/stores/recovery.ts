/** What recovery yields, as files: `recover.json` and one WAV a stream. They are somebody's conversation: 0600. */
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Recovery } from '../lemf/recover.ts';

export const RECOVERY_REPORT = 'recover.json';

/** Audio of an earlier run, which must not pass for that of this one. */
const AUDIO = /^recovered-.*\.wav$/;

/** Writes all files into `folder` (made if missing) and gives their paths. */
export function writeRecovery(folder: string, { report, audio }: Recovery): string[] {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder).filter((entry) => AUDIO.test(entry))) {
    rmSync(path.join(folder, name));
  }
  const files = [
    ...audio,
    { name: RECOVERY_REPORT, octets: Buffer.from(`${JSON.stringify(report, null, 2)}\n`) },
  ];
  return files.map(({ name, octets }) => {
    const file = path.join(folder, name);
    writeFileSync(`${file}.new`, octets, { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return file;
  });
}

/** What recovery yields, as files: `recover.json` and one WAV a stream. They are somebody's conversation: 0600. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Recovery } from '../recover.ts';

export const RECOVERY_REPORT = 'recover.json';

/** What `recover` calls its audio. */
const AUDIO = /^recovered-[A-Za-z0-9_-]+\.wav$/;

/**
 * Writes all files into `folder` (made if missing) and gives their paths. Audio that the report of an earlier run lists
 * goes, lest it pass for that of this one.
 */
export function writeRecovery(folder: string, { report, audio }: Recovery): string[] {
  mkdirSync(folder, { recursive: true });
  for (const name of earlierAudio(path.join(folder, RECOVERY_REPORT))) {
    rmSync(path.join(folder, name), { force: true });
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

/** Names of audio files in an earlier report; none if there is no report, or none that can be read. */
function earlierAudio(report: string): string[] {
  if (!existsSync(report)) return [];
  const names = /"file": "([^"\\]+)"/g;
  return [...readFileSync(report, 'utf8').matchAll(names)]
    .map(([, name]) => name ?? '')
    .filter((name) => AUDIO.test(name));
}

/** What recovery yields, as files: `recover.json` and one WAV a stream. They are somebody's conversation: 0600. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { makeFolder, replaceFile } from '../../../storage/files.ts';
import type { Recovery } from '../recover.ts';

export const RECOVERY_REPORT = 'recover.json';

/** What `recover` calls its audio. */
const AUDIO = /^recovered-[A-Za-z0-9_-]+\.wav$/;

/**
 * Writes all files into `folder` (made if missing) and gives their paths. The report of an earlier run and the audio that
 * it lists go, lest they pass for those of this one.
 * @throws FileError
 */
export function writeRecovery(folder: string, { report, audio }: Recovery): string[] {
  makeFolder(folder);
  const earlier = path.join(folder, RECOVERY_REPORT);
  for (const name of earlierAudio(earlier)) rmSync(path.join(folder, name), { force: true });
  rmSync(earlier, { force: true });
  const files = [
    ...audio,
    { name: RECOVERY_REPORT, octets: Buffer.from(`${JSON.stringify(report, null, 2)}\n`) },
  ];
  return files.map(({ name, octets }) => {
    const file = path.join(folder, name);
    replaceFile(file, octets, 0o600);
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

/**
 * Recovery from files by a LEMF that asks the KMS itself. It is apart from the wiring of a LEMF that runs, whose
 * process needs nothing of what decrypts.
 */
import path from 'node:path';
import { loadTls } from '../../net/tls.ts';
import type { Runtime } from '../../host/runtime.ts';
import type { LemfConfig } from './config.ts';
import { keyTroubles, putQuestion } from './key-asker.ts';
import type { QuestionOutcome } from './key-asker.ts';
import type { KeyAnswer, KeyQuestion } from './key-questions.ts';
import { lemfXkClient } from './start-asking.ts';
import { KEY_ANSWERS_FILE, SqliteKeyAnswers } from './store/key-answers.ts';
import { recoverEach } from './store/recovery.ts';
import type { HandoverPaths } from './store/recovery.ts';

/**
 * For recovery from files: recovers, asks for what lacks and recovers again, until there is nothing to ask. What is answered
 * is kept beside `hi2`, where recovery finds it.
 * @returns questions by what came of them; `null`: the configuration says of no KMS
 * @throws FileError, StorageError, TlsError
 */
export async function askForFiles(
  config: LemfConfig,
  { paths, folder }: { readonly paths: HandoverPaths; readonly folder: string },
  { clock, logger }: Pick<Runtime, 'clock' | 'logger'>,
): Promise<Readonly<Record<QuestionOutcome, number>> | null> {
  const source = lemfXkClient(config, loadTls(config.tls, clock.now()));
  if (source === null) return null;
  const counts = { answered: 0, refused: 0, later: 0 };
  const answers = await SqliteKeyAnswers.open(path.join(path.dirname(paths.hi2), KEY_ANSWERS_FILE));
  try {
    const tried = new Set<string>();
    const troubles = keyTroubles({ clock, logger });
    for (let hasNew = true; hasNew;) {
      const open: KeyQuestion[] = [];
      recoverEach(paths, folder, {}, (result) => {
        if (result.kind === 'call') open.push(...result.questions);
      });
      hasNew = false;
      for (const question of open.filter(({ id }) => !tried.has(id))) {
        tried.add(question.id);
        const keep = (answer: KeyAnswer) => answers.put(answer);
        const asked = await putQuestion(question, { source, keep, clock }, troubles);
        counts[asked]++;
        hasNew ||= asked !== 'later';
      }
    }
    return counts;
  } finally {
    answers.close();
    await source.close();
  }
}

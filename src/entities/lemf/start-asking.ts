/** A LEMF that asks the KMS itself, wired: where answers are kept, who asks, and over which connection. */
import { X509Certificate } from 'node:crypto';
import path from 'node:path';
import { HostMap } from '../../net/hosts.ts';
import { loadTls, peerOfCertificate, requireOwn } from '../../net/tls.ts';
import type { TlsMaterial } from '../../net/tls.ts';
import type { Runtime } from '../../host/runtime.ts';
import { XkClient } from '../../xk/client.ts';
import type { LemfConfig } from './config.ts';
import { KeyAsker, putQuestion } from './key-asker.ts';
import type { QuestionOutcome } from './key-asker.ts';
import type { KeyAnswer, KeyQuestion } from './key-questions.ts';
import { KEY_ANSWERS_FILE, SqliteKeyAnswers } from './store/key-answers.ts';
import { recoverEach } from './store/recovery.ts';
import type { HandoverPaths } from './store/recovery.ts';

export interface OpenAsking {
  readonly asker: KeyAsker;
  take(questions: readonly KeyQuestion[]): void;
  /** Forgets what was asked and answered of a warrant. @param liid as it is told */
  forget(liid: string): void;
  /** Asks no more. */
  stop(): Promise<void>;
  close(): void;
}

/** The asking end of Xk with the certificate of the LEMF. @throws TlsError unless it says that it is one */
export function lemfXkClient({ xk }: LemfConfig, tls: TlsMaterial): XkClient | null {
  if (xk === undefined) return null;
  const { commonName } = peerOfCertificate(new X509Certificate(tls.certificate), tls);
  requireOwn(tls, commonName, 'lemf');
  return new XkClient({ url: xk.url, hosts: new HostMap(xk.hosts), tls, timeoutMs: xk.attemptMs });
}

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
    for (let hasNew = true; hasNew;) {
      const open: KeyQuestion[] = [];
      recoverEach(paths, folder, {}, (result) => {
        if (result.kind === 'call') open.push(...result.questions);
      });
      hasNew = false;
      for (const question of open.filter(({ id }) => !tried.has(id))) {
        tried.add(question.id);
        const keep = (answer: KeyAnswer) => answers.put(answer);
        const asked = await putQuestion(question, { source, keep, clock, logger });
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

/** @returns `null`: it asks nobody; what was answered before is kept for recovery */
export async function openAsking(
  config: LemfConfig,
  { clock, logger }: Runtime,
  tls: TlsMaterial,
  onAnswered: (session: number) => void,
): Promise<OpenAsking | null> {
  const source = lemfXkClient(config, tls);
  if (source === null) return null;
  const answers = await SqliteKeyAnswers.open(path.join(config.folder, KEY_ANSWERS_FILE));
  const asker = new KeyAsker({ source, keep: (answer) => answers.put(answer), onAnswered, clock, logger });
  return {
    asker,
    take: (questions) => asker.take(questions),
    forget: (liid) => {
      asker.forget(liid);
      answers.forget(liid);
    },
    stop: async () => {
      await asker.stop();
      await source.close();
    },
    close: () => answers.close(),
  };
}

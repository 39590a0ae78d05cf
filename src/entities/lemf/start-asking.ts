/** A LEMF that asks the KMS itself, wired: where answers are kept, who asks, and over which connection. */
import { X509Certificate } from 'node:crypto';
import path from 'node:path';
import { HostMap } from '../../net/hosts.ts';
import { peerOfCertificate, requireOwn } from '../../net/tls.ts';
import type { TlsMaterial } from '../../net/tls.ts';
import type { Runtime } from '../../host/runtime.ts';
import { XkClient } from '../../xk/client.ts';
import type { LemfConfig } from './config.ts';
import { KeyAsker } from './key-asker.ts';
import type { KeyQuestion } from './key-questions.ts';
import { KEY_ANSWERS_FILE, SqliteKeyAnswers } from './store/key-answers.ts';

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

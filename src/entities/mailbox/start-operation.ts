/** What a running mailbox says to its operator: how much waits, never for whom. */
import { X509Certificate } from 'node:crypto';
import path from 'node:path';
import type { KmsIdentification } from '../../endpoint/credentials.ts';
import type { KeptState } from '../../host/backup.ts';
import { meter, meterBy } from '../../host/meters.ts';
import type { Operation } from '../../host/operation.ts';
import type { Alarm } from '../../host/status.ts';
import type { LiveTls } from '../../net/live-tls.ts';
import { loadTls, peerOfCertificate } from '../../net/tls.ts';
import type { StatePlace } from '../../storage/lock.ts';
import { placeProblems } from '../../storage/room.ts';
import { MAILBOX_BOUNDS } from './config.ts';
import type { MailboxConfig } from './config.ts';
import type { Mailbox } from './mailbox.ts';
import type { FileMessageStore } from './store/files.ts';

export interface MailboxOperationParts {
  readonly tls: LiveTls;
  readonly identification: Pick<KmsIdentification, 'validity'>;
  readonly mailbox: Mailbox;
  readonly store: FileMessageStore;
  /** Has other bounds in force from now on. */
  readonly take: (config: MailboxConfig) => void;
}

/** Of messages or octets, the part at which an operator is told. */
const NEARLY_FULL = 0.9;

/** What is locked while it runs, or is put back. */
export function mailboxPlace({ folder, replays }: Pick<MailboxConfig, 'folder' | 'replays'>): StatePlace {
  return { entity: 'mailbox', folders: [folder], files: [replays] };
}

export function messagesIn({ folder }: Pick<MailboxConfig, 'folder'>): string {
  return path.join(folder, 'messages');
}

/** What is copied: messages as they are, and the exchanges that were answered. */
export function mailboxKept(config: Pick<MailboxConfig, 'folder' | 'replays'>): KeptState {
  return {
    stores: { replays: config.replays },
    folders: { messages: messagesIn(config) },
    audit: null,
    place: mailboxPlace(config),
    secret: false,
  };
}

/** It is ready while it is registered, and can keep what is left. */
export function mailboxOperation(
  config: MailboxConfig,
  { tls, identification, mailbox, store, take }: MailboxOperationParts,
): Operation<MailboxConfig> {
  const name = nameIn(tls.certificate);
  return {
    entity: 'mailbox',
    name,
    tls,
    keyRequestValidity: () => identification.validity(),
    audit: null,
    state: () => {
      const { messages, octets, oldest } = mailbox.waiting;
      const since = oldest === null ? null : new Date(oldest).toISOString();
      return {
        tasks: 0,
        destinations: 0,
        queues: [{ name: 'messages', to: '', entries: messages, octets, oldest: since }],
        peers: [
          { name: config.cscf.url.host, role: 'cscf', state: mailbox.problem === null ? 'up' : 'down' },
        ],
        alarms: alarmsOf(mailbox, store),
      };
    },
    unready: () => [
      ...(mailbox.problem === null ? [] : [mailbox.problem]),
      ...(mailbox.fill >= 1 ? ['no more messages can be kept'] : []),
      ...placeProblems(config.folder),
    ],
    meters: [
      meter('mailbox_calls', 'Calls that stand, in and out.', () => mailbox.calls),
      meter('mailbox_messages', 'Messages that wait.', () => mailbox.waiting.messages),
      meter('mailbox_octets', 'Octets of the messages that wait.', () => mailbox.waiting.octets),
      meter('mailbox_fill', 'How full it is, from 0 to 1, by messages or octets.', () => mailbox.fill),
      meterBy('bound', 'mailbox_refused_total', 'How often a bound was exceeded.', () => mailbox.refused),
      meterBy('end', 'mailbox_messages_total', 'What became of calls and messages.', () => ({
        ...mailbox.counts,
        ...store.counts,
      })),
    ],
    kept: mailboxKept(config),
    retakes: Object.fromEntries(MAILBOX_BOUNDS.map((name) => [name, take])),
    drain: () => Promise.resolve(true),
  };
}

/** What its certificate calls it. @throws ConfigError if there is none that can be used */
export function mailboxName({ tls }: Pick<MailboxConfig, 'tls'>, now: number): string {
  return nameIn(loadTls(tls, now).certificate);
}

function nameIn(certificate: string | Buffer): string {
  return peerOfCertificate(new X509Certificate(certificate)).commonName;
}

function alarmsOf(mailbox: Mailbox, store: FileMessageStore): Alarm[] {
  const alarms: Alarm[] = [];
  const alarm = (name: string, text: string): void =>
    void alarms.push({ name, severity: 'warning', about: '', text, since: null });
  if (store.counts.damaged > 0)
    alarm('damaged-message', `${store.counts.damaged} messages could not be read, and were put aside`);
  if (mailbox.fill >= NEARLY_FULL)
    alarm('mailbox-full', `${Math.floor(mailbox.fill * 100)} of 100 parts of what can be kept are taken`);
  return alarms;
}

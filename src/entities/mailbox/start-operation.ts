/** What a running mailbox says to its operator: how much waits, never for whom. */
import { X509Certificate } from 'node:crypto';
import { meter, meterBy } from '../../host/meters.ts';
import type { Operation } from '../../host/operation.ts';
import type { LiveTls } from '../../net/live-tls.ts';
import { peerOfCertificate } from '../../net/tls.ts';
import { placeProblems } from '../../storage/room.ts';
import type { MailboxConfig } from './config.ts';
import type { Mailbox } from './mailbox.ts';
import type { FileMessageStore } from './store/files.ts';

export interface MailboxOperationParts {
  readonly tls: LiveTls;
  readonly mailbox: Mailbox;
  readonly store: FileMessageStore;
}

/** It is ready while it is registered, and can keep what is left. */
export function mailboxOperation(
  config: MailboxConfig,
  { tls, mailbox, store }: MailboxOperationParts,
): Operation<MailboxConfig> {
  const { commonName: name } = peerOfCertificate(new X509Certificate(tls.certificate));
  const full = () => mailbox.waiting.messages >= config.maxMessages;
  return {
    entity: 'mailbox',
    name,
    tls,
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
        alarms:
          store.counts.damaged === 0
            ? []
            : [
                {
                  name: 'damaged-message',
                  severity: 'warning',
                  about: '',
                  text: `${store.counts.damaged} messages could not be read, and were put aside`,
                  since: null,
                },
              ],
      };
    },
    unready: () => [
      ...(mailbox.problem === null ? [] : [mailbox.problem]),
      ...(full() ? ['no more messages can be kept'] : []),
      ...placeProblems(config.folder),
    ],
    meters: [
      meter('mailbox_calls', 'Calls that stand, in and out.', () => mailbox.calls),
      meter('mailbox_messages', 'Messages that wait.', () => mailbox.waiting.messages),
      meter('mailbox_octets', 'Octets of the messages that wait.', () => mailbox.waiting.octets),
      meterBy('end', 'mailbox_messages_total', 'What became of calls and messages.', () => ({
        ...mailbox.counts,
        ...store.counts,
      })),
    ],
    kept: null,
    retakes: {},
    drain: () => Promise.resolve(true),
  };
}

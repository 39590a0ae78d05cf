/** The settings of the mailbox. They hold a pre-shared key and a password. */
import { strict } from '../../bytes/schema.ts';
import { ENDPOINT_SETTINGS } from '../../endpoint/config.ts';
import {
  configReader,
  count,
  milliseconds,
  OPERATION_SETTINGS,
  seconds,
  TLS_FILES,
} from '../../host/config.ts';
import type { ConfigOf } from '../../host/config.ts';
import { filePath } from '../../host/config-paths.ts';

export const MAILBOX_CONFIG = strict({
  ...ENDPOINT_SETTINGS,
  tls: TLS_FILES,
  folder: filePath('where messages wait, each in a file of its own'),
  ...OPERATION_SETTINGS,
  maxMessages: count('messages that wait, in all; beyond, 486', { min: 1, default: 10_000 }),
  maxMessagesOfOne: count('messages that wait for one recipient; beyond, 486', { min: 1, default: 100 }),
  maxMessagesFromOne: count('of them, those of one caller; beyond, 486', { min: 1, default: 20 }),
  maxOctets: count('octets of all messages; beyond, 486, and a message that is being left ends', {
    min: 1_000,
    default: 1_000_000_000,
  }),
  maxMessageMs: milliseconds('the longest message, milliseconds; then it is cut', {
    min: 1_000,
    max: 3_600_000,
    default: 180_000,
  }),
  maxCalls: count('calls at once, in and out; beyond, 486', { min: 1, max: 10_000, default: 100 }),
  keep: seconds('seconds for which a message waits; then it is removed', { min: 1, default: 7 * 86_400 }),
  retryMs: milliseconds('until somebody is called again who did not take a message, milliseconds', {
    min: 100,
    default: 300_000,
  }),
});

export type MailboxConfig = ConfigOf<typeof MAILBOX_CONFIG>;

/** @throws ConfigError */
export const mailboxConfig = configReader(MAILBOX_CONFIG);

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
import type { MailboxLimits } from './ports.ts';

export const MAILBOX_CONFIG = strict({
  ...ENDPOINT_SETTINGS,
  tls: TLS_FILES,
  folder: filePath('where messages wait, each in a file of its own'),
  ...OPERATION_SETTINGS,
  maxMessages: count('messages that wait, in all; beyond, 486', { min: 1, default: 10_000 }),
  maxMessagesOfOne: count('messages that wait for one recipient; beyond, 486', { min: 1, default: 100 }),
  maxMessagesFromOne: count('of them, those of one caller; beyond, 486', { min: 1, default: 20 }),
  maxMessagesOfCaller: count('messages that one caller has left for whomever; beyond, 486', {
    min: 1,
    default: 200,
  }),
  maxOctets: count('octets of all messages; beyond, 486, and a message that is being left ends', {
    min: 1_000,
    default: 1_000_000_000,
  }),
  maxOctetsOfOne: count('octets of the messages for one recipient; beyond, the same', {
    min: 1_000,
    default: 50_000_000,
  }),
  maxOctetsOfCaller: count('octets of the messages of one caller; beyond, the same', {
    min: 1_000,
    default: 50_000_000,
  }),
  maxMessageMs: milliseconds('the longest message, milliseconds; then it is cut', {
    min: 1_000,
    max: 3_600_000,
    default: 180_000,
  }),
  maxCalls: count('calls at once, in and out; beyond, 486', { min: 1, max: 10_000, default: 100 }),
  maxCallsOfCaller: count('of them, those in which one caller leaves a message; beyond, 486', {
    min: 1,
    default: 5,
  }),
  keep: seconds('seconds for which a message waits; then it is removed', { min: 1, default: 7 * 86_400 }),
  retryMs: milliseconds('until somebody is called again who did not take a message, milliseconds', {
    min: 100,
    default: 300_000,
  }),
});

export type MailboxConfig = ConfigOf<typeof MAILBOX_CONFIG>;

/** Settings that are taken anew while it runs. */
export const MAILBOX_BOUNDS = [
  ...(['maxMessages', 'maxMessagesOfOne', 'maxMessagesFromOne', 'maxMessagesOfCaller', 'maxOctets'] as const),
  ...(['maxOctetsOfOne', 'maxOctetsOfCaller', 'maxMessageMs', 'maxCalls', 'maxCallsOfCaller'] as const),
  ...(['keep', 'retryMs'] as const),
] satisfies readonly (keyof MailboxConfig)[];

export function boundsIn(config: Pick<MailboxConfig, (typeof MAILBOX_BOUNDS)[number]>): MailboxLimits {
  return {
    messages: config.maxMessages,
    messagesOfOne: config.maxMessagesOfOne,
    messagesFromOne: config.maxMessagesFromOne,
    messagesOfCaller: config.maxMessagesOfCaller,
    octets: config.maxOctets,
    octetsOfOne: config.maxOctetsOfOne,
    octetsOfCaller: config.maxOctetsOfCaller,
    messageMs: config.maxMessageMs,
    keepSeconds: config.keep,
    calls: config.maxCalls,
    callsOfCaller: config.maxCallsOfCaller,
    retryMs: config.retryMs,
  };
}

/** @throws ConfigError */
export const mailboxConfig = configReader(MAILBOX_CONFIG);

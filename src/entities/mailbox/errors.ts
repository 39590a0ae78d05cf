import { ClavigerError } from '../../bytes/errors.ts';

export type MailboxErrorCode =
  /** An offer or an answer that a mailbox can do nothing with. */
  | 'not-acceptable'
  /** Who calls wants the mailbox itself, or somebody whom it does not keep messages for. */
  | 'nobody'
  /** The caller does not take this for a mailbox: it left no key for whom it called. */
  | 'no-key-left'
  /** The key exchange does not verify. */
  | 'key-exchange'
  /** A bound on messages, their octets, or calls at once. */
  | 'full'
  /** No message came, or no packet of it. */
  | 'empty'
  /** A file is not a message, or only the beginning of one. */
  | 'damaged';

/** A failure of the mailbox; what a message says stays out of it, as nobody here can know that. */
export class MailboxError extends ClavigerError<MailboxErrorCode> {}

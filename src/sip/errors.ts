import { ClavigerError } from '../bytes/errors.ts';

export type SipErrorCode =
  /** Octets that are no SIP message, or a field whose value does not follow its grammar. */
  | 'syntax'
  /** More octets, headers or connections than the limits allow. */
  | 'too-large'
  /** A host or protocol that cannot be reached. */
  | 'unreachable'
  /** A final response other than 2xx. */
  | 'refused'
  /** No answer within the transaction's time. */
  | 'timeout'
  /** An action that the state of a transaction or dialog does not allow. */
  | 'state'
  /** A session description that is encoded, or within another body, where it cannot be read or changed. */
  | 'unsupported-body'
  /** A body of which nothing says what it is. */
  | 'untyped-body';

/** A failure of the SIP domain. */
export class SipError extends ClavigerError<SipErrorCode> {}

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
  /** Offers of both sides have crossed (491): another attempt may follow (RFC 3261 section 14.1). */
  | 'crossed'
  /** The far end knows no such dialog any more, or does not answer (481, 408): it is over (RFC 3261 12.2.1.2). */
  | 'no-dialog'
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

import { ClavigerError } from '../../bytes/errors.ts';

export type IqErrorCode =
  /** The control message does not say what it should. */
  | 'malformed'
  /** More is to be said of a session than a request has room for. */
  | 'too-large';

/** A message on Iq that cannot be read, or written. */
export class IqError extends ClavigerError<IqErrorCode> {}

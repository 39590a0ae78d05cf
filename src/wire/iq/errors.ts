import { ClavigerError } from '../../bytes/errors.ts';

export type IqErrorCode =
  /** The control message does not say what it should. */
  'malformed';

/** A message on Iq that cannot be read. */
export class IqError extends ClavigerError<IqErrorCode> {}

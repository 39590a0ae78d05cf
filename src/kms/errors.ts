/** Failures of the KMS. */
import { ClavigerError } from '../bytes/errors.ts';

export type KmsErrorCode =
  /** A district, serial or subscriber that must not be taken up. */
  | 'refused'
  /** A REQUEST_KEY that is not a MIKEY message, or not that one. */
  | 'malformed-request'
  /** Nothing to be answered with yet: no parameters are in force. */
  | 'no-parameters';

export class KmsError extends ClavigerError<KmsErrorCode> {}

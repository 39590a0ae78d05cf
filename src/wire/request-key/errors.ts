/** Failures of REQUEST_KEY, at either end. */
import { ClavigerError } from '../../bytes/errors.ts';

export type RequestKeyErrorCode =
  /** Not a MIKEY message, or not one of which even an Error message can be made. */
  | 'malformed'
  /** The KMS refuses; the text names the error. */
  | 'refused'
  /** A message that does not answer the request. */
  | 'other-request'
  /** The MAC of the answer is not made with this pre-shared key. */
  | 'unverified'
  /** What the answer holds is not keys as the profile has them. */
  | 'no-keys';

export class RequestKeyError extends ClavigerError<RequestKeyErrorCode> {}

/** Failures of REQUEST_KEY, at either end. */
import { ClavigerError } from '../../bytes/errors.ts';

export type RequestKeyErrorCode =
  /** Not a MIKEY message, or not one of which even an Error message can be made. */
  | 'malformed'
  /** The KMS refuses; the text names the error. */
  | 'refused'
  /** The KMS refuses since T is too far from its clock, or since it has had such a request. */
  | 'untimely'
  /** A message that does not answer the request. */
  | 'other-request'
  /** The MAC of the answer is not made with the key of this request. */
  | 'unverified'
  /** A certificate or key that a request cannot be made with. */
  | 'credential'
  /** What the answer holds is not keys as the profile has them. */
  | 'no-keys';

export class RequestKeyError extends ClavigerError<RequestKeyErrorCode> {}

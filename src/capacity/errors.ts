/** Errors of the capacity model. */
import { ClavigerError } from '../bytes/errors.ts';

export type CapacityErrorCode =
  /** A parameter is not a number that it can be, or contradicts another. */
  'parameter';

export class CapacityError extends ClavigerError<CapacityErrorCode> {}

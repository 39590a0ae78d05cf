/** Failures of the KMS. */
import { ClavigerError } from '../../bytes/errors.ts';

export type KmsErrorCode =
  /** A district, serial or subscriber that must not be taken up. */
  | 'refused'
  /** Nothing to be answered with yet: no parameters are in force. */
  | 'no-parameters'
  /** More work waits than can be done in time: ask again later. */
  | 'busy'
  /** One subscriber, or one address, asks for more at once than its share: ask again later. */
  | 'share'
  /** Who asked is gone. */
  | 'cancelled'
  /** What computes with the master secrets does not work, or works no longer. */
  | 'unavailable';

export class KmsError extends ClavigerError<KmsErrorCode> {}

/** Whether something cannot be had for the moment: the KMS's threads, or its store. */
export function isUnavailable(error: unknown): error is ClavigerError<'unavailable'> {
  return error instanceof ClavigerError && error.code === 'unavailable';
}

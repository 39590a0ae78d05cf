/** What can be wrong with state on disk. */
import { ClavigerError } from '../bytes/errors.ts';

export type StorageErrorCode =
  /** Another process works with this state; the message says which. */
  | 'locked'
  /** A later version of Claviger wrote the store; the message says what to do. */
  | 'newer'
  /** The file is the store of something else. */
  | 'foreign'
  /** The file, or a value in it, is not of the form that was written. */
  | 'damaged'
  /** Nobody knows whether it was written, or the database is away: whoever asked looks again. */
  | 'unavailable'
  /** What may be there once is there already: nothing was written. */
  | 'conflict'
  /** It was decided on what is not so any more: nothing was written. */
  | 'outdated'
  /** The stream has as much as it may keep: nothing was written. */
  | 'full'
  /** The database does not take a statement, or does not admit who asks; the message says why. */
  | 'refused';

/** State that is not used: nothing was changed, but perhaps for `unavailable`. */
export class StorageError extends ClavigerError<StorageErrorCode> {}

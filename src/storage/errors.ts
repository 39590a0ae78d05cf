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
  | 'damaged';

/** State that is not used: nothing was changed. */
export class StorageError extends ClavigerError<StorageErrorCode> {}

import { ClavigerError } from '../../bytes/errors.ts';

export type PpsErrorCode =
  /** The body is not parameters in the prescribed form. */
  'malformed';

/** What a public parameter server sent cannot be read. */
export class PpsError extends ClavigerError<PpsErrorCode> {}

import { ClavigerError } from '../../bytes/errors.ts';

export type OfficersErrorCode =
  /** Not the JSON that the interface prescribes; the message has each place that is wrong. */
  'malformed';

/** A message of the officers' interface that cannot be read. */
export class OfficersError extends ClavigerError<OfficersErrorCode> {}

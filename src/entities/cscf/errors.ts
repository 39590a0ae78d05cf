import { ClavigerError } from '../../bytes/errors.ts';

export type CscfErrorCode =
  /** The configuration contradicts itself. */
  | 'configuration'
  /** The media gateway cannot be reached or has no room. */
  | 'media'
  /** A session description leads media to where they must not go. */
  | 'destination';

/** A failure of the CSCF that is not SIP's. */
export class CscfError extends ClavigerError<CscfErrorCode> {}

import { ClavigerError } from '../../bytes/errors.ts';

export type GatewayErrorCode =
  /** Every port pair of the range is in use. */
  | 'no-ports'
  /** As many sessions as this gateway may hold are up. */
  | 'too-many';

/** A failure of the media gateway . */
export class GatewayError extends ClavigerError<GatewayErrorCode> {}

import { ClavigerError } from '../../bytes/errors.ts';

export type GatewayErrorCode =
  /** Every port pair of the range is in use. */
  | 'no-ports'
  /** Media must not be sent where they are to go: to the gateway, to other entities, to many. */
  | 'destination'
  /** As many sessions as this gateway may hold are up. */
  | 'too-many';

/** A failure of the media gateway. */
export class GatewayError extends ClavigerError<GatewayErrorCode> {}

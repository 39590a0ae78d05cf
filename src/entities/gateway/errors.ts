import { ClavigerError } from '../../bytes/errors.ts';

export type GatewayErrorCode =
  /** The control message does not say what it should. */
  | 'request'
  /** Every port pair of the range is in use. */
  | 'no-ports'
  /** As many sessions as this gateway may hold are up. */
  | 'too-many'
  /** No answer from the gateway, or not the one that was due. */
  | 'unreachable';

/** A failure of the media gateway or of its control interface. */
export class GatewayError extends ClavigerError<GatewayErrorCode> {}

import { ClavigerError } from '../../bytes/errors.ts';

export type HiErrorCode =
  /** The octets are not what the ASN.1 modules prescribe. */
  | 'malformed'
  /** A value that was to be sent does not fit its field. */
  | 'range';

/** A failure of the HI2/HI3 codec. */
export class HiError extends ClavigerError<HiErrorCode> {}

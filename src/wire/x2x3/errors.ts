import { ClavigerError } from '../../bytes/errors.ts';

export type X2X3ErrorCode =
  /** A field's value or length is not one that TS 103 221-2 allows. */
  | 'range'
  /** Header or payload exceed what this end is willing to buffer. */
  | 'too-large'
  /** The PDU's version is not one that this end speaks. */
  | 'version';

/** A failure of the X2/X3 codec. */
export class X2X3Error extends ClavigerError<X2X3ErrorCode> {}

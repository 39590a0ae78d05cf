import { ClavigerError } from '../../bytes/errors.ts';

export type LemfErrorCode =
  /** A PDU that has no place here: no CIN, or a kind that a LEMF does not take. */
  | 'unexpected-pdu'
  /** A file of received PDUs is not what this LEMF wrote. */
  | 'damaged'
  /** What was received could not be made durable. */
  | 'store'
  /** Recovery in a thread came to no end. */
  | 'recovery'
  /** Too many ask for what the thread of recovery has. */
  | 'busy';

/** A failure at the law enforcement monitoring facility. */
export class LemfError extends ClavigerError<LemfErrorCode> {}

import { ClavigerError } from '../../bytes/errors.ts';

export type X1ErrorCode =
  /** Not a well-formed XML document in UTF-8. */
  | 'not-xml'
  /** What X1 has no use for and an attacker has: a document type, foreign encodings, depth. */
  | 'forbidden-xml'
  /** More octets, or requests, than a document may have. */
  | 'too-large'
  /** Well-formed, but not as the schema has it; the message names the element. */
  | 'schema'
  /** A message whose type is not that of a request of X1. */
  | 'unknown-request';

/** A document that is not X1, or a value that X1 cannot carry. */
export class X1Error extends ClavigerError<X1ErrorCode> {}

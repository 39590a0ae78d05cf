import { ClavigerError } from '../../bytes/errors.ts';

export type XmlDocumentErrorCode =
  /** Not a well-formed XML document in UTF-8. */
  | 'not-xml'
  /** What nobody has a use for and an attacker has: a document type, foreign encodings, depth. */
  | 'forbidden-xml'
  /** More octets, or requests, than a document may have. */
  | 'too-large'
  /** Well-formed, but not as the schema has it; the message names the element. */
  | 'schema'
  /** A request of a type that the reference point does not have. */
  | 'unknown-request';

/** A document that is not of its reference point (X1, HI1), or a value that it cannot carry. */
export class XmlDocumentError extends ClavigerError<XmlDocumentErrorCode> {}

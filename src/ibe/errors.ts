import { ClavigerError } from '../bytes/errors.ts';

export type IbeErrorCode =
  /** Not the DER that RFC 5091 section 8 or RFC 5408 section 6 asks for. */
  | 'malformed'
  /** Well formed, but of a version, curve, hash function or extension that this implementation does not have. */
  | 'unsupported'
  /** A point out of range, off the curve, of the wrong order, or 0. */
  | 'point'
  /** Public parameters that are not of the prescribed form: sizes, primes, q | p + 1. */
  | 'parameters'
  /** An identity that cannot be encrypted to (its hash point vanishes). */
  | 'identity'
  /** A random value or a message outside what the algorithm takes. */
  | 'range'
  /** The caller gave up a parameter generation. */
  | 'cancelled';

/** A failure of identity-based encryption. Decryption is different: it answers `null` for every cause alike. */
export class IbeError extends ClavigerError<IbeErrorCode> {}

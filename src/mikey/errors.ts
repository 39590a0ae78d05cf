/** Failures of the MIKEY layer. */
import { BytesError, ClavigerError } from '../bytes/errors.ts';

export type MikeyErrorCode =
  /** The octets are not a MIKEY message, payload chain or field of that form. */
  | 'malformed'
  /** A value cannot be expressed in its field, or contradicts another one. */
  | 'unencodable'
  /** An algorithm identifier that this implementation cannot compute with. */
  | 'unsupported-algorithm';

export class MikeyError extends ClavigerError<MikeyErrorCode> {}

/** Runs a codec; what the octet layer throws becomes a `MikeyError` of that code. */
export function asMikey<T>(code: 'malformed' | 'unencodable', what: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof BytesError) throw new MikeyError(code, `${what}: ${cause.message}`, { cause });
    throw cause;
  }
}

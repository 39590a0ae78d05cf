import { fileOf, whyOf } from './system-errors.ts';

/**
 * The root of every error that Claviger throws on purpose. Each domain has one subclass with its own union of codes
 * (`BytesError`, `IbeError`, `MikeyError`, …); only adapters map codes to HTTP, SIP or X1.
 */
export abstract class ClavigerError<Code extends string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** What was thrown, in words, with its place where the system names one: for logs, and for errors that say what lies beneath. */
export function messageOf(error: unknown): string {
  const place = fileOf(error);
  return place === null ? whyOf(error) : `${place}: ${whyOf(error)}`;
}

export type BytesErrorCode =
  /** The input ends before the value does. */
  | 'truncated'
  /** Octets are left after the value. */
  | 'trailing'
  /** A value does not fit its field, or is outside its range. */
  | 'range'
  /** The encoding is not the one that the rules prescribe (DER, base64, hex, UTF-8). */
  | 'encoding';

/** A failure of the octet layer: readers, writers, text encodings, DER. */
export class BytesError extends ClavigerError<BytesErrorCode> {}

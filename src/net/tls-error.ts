/** What is wrong with a TLS configuration, or with a peer. */
import { ClavigerError } from '../bytes/errors.ts';

export type TlsErrorCode =
  /** Files that cannot be read or do not belong together, or a peer that is not authenticated. */
  'tls-configuration';

/** A TLS configuration that cannot be used; there is no fallback to an unprotected connection. */
export class TlsError extends ClavigerError<TlsErrorCode> {}

import { ClavigerError } from '../bytes/errors.ts';

export type EndpointErrorCode =
  /** The KMS does not answer, refuses, or its answer does not verify. */
  | 'kms'
  /** A key, a seed or parameters that an exchange needs are not at hand. */
  | 'no-key'
  /** The registrar refuses, or does not answer. */
  | 'not-registered'
  /** The other side refuses the call, or it fails on the way. */
  | 'call-failed'
  /** An offer or answer has nothing in common with what this end can do. */
  | 'not-acceptable'
  /** The key exchange does not verify. */
  | 'key-exchange'
  /** No local port is free. */
  | 'no-ports';

/** A failure of the user equipment. */
export class EndpointError extends ClavigerError<EndpointErrorCode> {}

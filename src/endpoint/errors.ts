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
  /** What is called is not a SIP URI, or asks for TLS on every hop (`sips:`), which this end does not have. */
  | 'target'
  /** An offer or answer that cannot be read, or brings no MIKEY message. */
  | 'not-acceptable'
  /** An offer or answer has no audio. */
  | 'no-audio'
  /** An offer or answer has audio, but not over SRTP. */
  | 'no-srtp'
  /** An offer or answer has no codec that this end can do. */
  | 'no-codec'
  /** An offer or answer names no IP address for its audio. */
  | 'no-address'
  /** The key exchange does not verify. */
  | 'key-exchange'
  /** No local port is free. */
  | 'no-ports';

/** A failure of the user equipment. */
export class EndpointError extends ClavigerError<EndpointErrorCode> {}

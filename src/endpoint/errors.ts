import { ClavigerError } from '../bytes/errors.ts';

export type EndpointErrorCode =
  /** The KMS does not answer, refuses, or its answer does not verify. */
  | 'kms'
  /** The own clock and the KMS's differ by more than the KMS takes. */
  | 'clock'
  /** A key, a seed or parameters that an exchange needs are not at hand. */
  | 'no-key'
  /** The registrar refuses, or does not answer. */
  | 'not-registered'
  /** The other side refuses the call, or it fails on the way. */
  | 'call-failed'
  /** What is called is not a SIP URI, nor a number that is known; or asks for TLS on every hop (`sips:`), which this end does not have. */
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
  /** The responder is on another curve and knows nothing of this end's point: another exchange may follow. */
  | 'other-curve'
  /** A security policy that one end asks for and the other does not support. */
  | 'policy'
  /** What is pressed is not a key. */
  | 'key'
  /** A step that the call does not take, or not now. */
  | 'state'
  /** Somebody else would answer than was called, which is refused here. */
  | 'other-party'
  /** No local port is free. */
  | 'no-ports';

/** A failure of the user equipment. */
export class EndpointError extends ClavigerError<EndpointErrorCode> {}

/** An I_MESSAGE_1 whose security policy is not supported: the initiator is told so (RFC 3830 section 5.1.2). */
export class PolicyRefusal extends EndpointError {
  /** The error message. */
  readonly octets: Uint8Array;
  readonly errorNo: number;

  constructor(octets: Uint8Array, errorNo: number, name: string) {
    super('policy', `the security policy that is offered is not supported: MIKEY error ${errorNo}, ${name}`);
    this.octets = octets;
    this.errorNo = errorNo;
  }
}

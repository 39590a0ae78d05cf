/** Failures of the MIKEY-IBAKE profile. */
import { ClavigerError } from '../bytes/errors.ts';

export type IbakeErrorCode =
  /** A URI that has no canonical form, or ID data that are not in it. */
  | 'identity'
  /** A message, container or plaintext that is not of the profile's form. */
  | 'malformed'
  /** All that is wrong with a message of the right form: one code, so that the answer tells nothing. */
  | 'rejected'
  /** A security policy that is not supported, or a policy number without one. */
  | 'policy'
  /** An I_MESSAGE_1 outside the skew, or seen before. */
  | 'replayed'
  /** The other side's choice is sound but not acceptable here (who answered, the protocols offered). */
  | 'unacceptable'
  /** The responder knows nothing of this end's point, and is on another curve: a new exchange on that one may follow. */
  | 'curve'
  /** A step that this exchange does not take, or not now. */
  | 'state';

export class IbakeError extends ClavigerError<IbakeErrorCode> {}

/** A refused security policy, with the error number that tells the initiator (RFC 3830 table 6.12). */
export class PolicyError extends IbakeError {
  readonly errorNo: number;

  constructor(errorNo: number, message: string) {
    super('policy', message);
    this.errorNo = errorNo;
  }
}

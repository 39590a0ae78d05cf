import { ClavigerError } from '../../bytes/errors.ts';

export type AdmfErrorCode =
  /** The warrant is not one that can be carried out. */
  | 'invalid-warrant'
  /** A warrant with this LIID is on record. */
  | 'warrant-exists'
  /** No warrant with this LIID is on record, or it has ended. */
  | 'warrant-unknown'
  /** What is asked for cannot be done in the state that the warrant is in. */
  | 'wrong-state'
  /** Nobody approves what they entered or changed themselves. */
  | 'own-act'
  /** A change of this warrant waits for a second officer already. */
  | 'change-pending'
  /** Nothing of this warrant waits for an approval. */
  | 'nothing-pending'
  /** The warrant has changed since it was looked at. */
  | 'stale'
  /** What is asked for is not well formed: no officer, no reason, an unknown change. */
  | 'invalid-act'
  /** An element could not be provisioned; the message names it. */
  | 'provisioning-failed'
  /** The ADMF stops before the elements have done it; it goes on after its next start. */
  | 'stopped';

export class AdmfError extends ClavigerError<AdmfErrorCode> {}

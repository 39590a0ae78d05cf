import { ClavigerError } from '../../bytes/errors.ts';

export type AdmfErrorCode =
  /** The warrant is not one that can be carried out. */
  | 'invalid-warrant'
  /** A warrant with this LIID is on record. */
  | 'warrant-exists'
  /** No warrant with this LIID is on record, or it has ended. */
  | 'warrant-unknown'
  /** An element could not be provisioned; the message names it. */
  | 'provisioning-failed'
  /** The ADMF stops before the elements have done it; it goes on after its next start. */
  | 'stopped';

export class AdmfError extends ClavigerError<AdmfErrorCode> {}

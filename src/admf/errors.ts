import { ClavigerError } from '../bytes/errors.ts';

export type AdmfErrorCode =
  /** The warrant is not one that can be carried out. */
  | 'invalid-warrant'
  | 'warrant-exists'
  | 'warrant-unknown'
  /** An element could not be provisioned; the message names it. */
  | 'provisioning-failed';

export class AdmfError extends ClavigerError<AdmfErrorCode> {}

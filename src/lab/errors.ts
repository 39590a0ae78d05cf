/** Failures of the laboratory itself; what goes wrong in the network it runs has errors of its own. */
import { ClavigerError } from '../bytes/errors.ts';

export type LabErrorCode =
  /** No block of free ports was found, or a port of the block is taken. */
  | 'ports'
  /** The options of a run make no sense. */
  | 'options'
  /** A folder is not a laboratory, or holds what must not be touched. */
  | 'folder'
  /** The laboratory runs already. */
  | 'running'
  /** An entity did not start, or has ended. */
  | 'process'
  /** A program that the laboratory needs besides is not installed, or cannot be run here. */
  | 'engine'
  /** Files of the laboratory's certificate authority cannot be used, or a certificate is not one of its own. */
  | 'pki'
  /** The call did not come to its end. */
  | 'call';

export class LabError extends ClavigerError<LabErrorCode> {}

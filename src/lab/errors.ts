/** Failures of the laboratory itself; what goes wrong in the network it runs has errors of its own. */
import { ClavigerError } from '../bytes/errors.ts';

export type LabErrorCode = 'ports' | 'options' | 'call';

export class LabError extends ClavigerError<LabErrorCode> {}

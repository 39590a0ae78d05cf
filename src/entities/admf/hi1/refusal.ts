/** Why an action, or a whole message, is not carried out. */
import { ClavigerError } from '../../../bytes/errors.ts';
import type { Unsuccessful } from '../../../wire/hi1/common.ts';
import { HI1_ERRORS } from '../../../wire/hi1/error-codes.ts';
import type { Hi1ErrorName } from '../../../wire/hi1/error-codes.ts';

/** An answer of HI1 in place of what was asked for; the code is its name in `error-codes.ts`. */
export class Hi1Refusal extends ClavigerError<Hi1ErrorName> {
  constructor(name: Hi1ErrorName, why?: string, options?: ErrorOptions) {
    super(name, why === undefined ? HI1_ERRORS[name].text : why, options);
  }

  get information(): Unsuccessful {
    return { ErrorCode: HI1_ERRORS[this.code].code, ErrorDescription: this.message };
  }
}

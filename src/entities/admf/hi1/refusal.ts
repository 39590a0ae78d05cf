/** Why an action, or a whole message, is not carried out. */
import { ClavigerError } from '../../../bytes/errors.ts';
import type { Unsuccessful } from '../../../wire/hi1/common.ts';
import { HI1_ERRORS } from '../../../wire/hi1/error-codes.ts';
import type { Hi1ErrorName } from '../../../wire/hi1/error-codes.ts';

/** What comes of requests, for whoever counts them. */
export type Hi1Outcome =
  /** Answered with GET and LIST alone; changed something; answered before. */
  | 'read'
  | 'done'
  | 'repeated'
  /** Not as it must be, or not allowed. */
  | 'refused'
  /** Of another time than requests are taken from; as many exchanges are kept as can be. */
  | 'out-of-time'
  | 'full'
  /** The store, the audit log, or something of ours failed. */
  | 'not-stored'
  | 'not-recorded'
  | 'failed'
  /** The sender is not one of the agency's end points, or the certificate is no agency's. */
  | 'forbidden';

/** An answer of HI1 in place of what was asked for; the code is its name in `error-codes.ts`. */
export class Hi1Refusal extends ClavigerError<Hi1ErrorName> {
  readonly outcome: Hi1Outcome;

  constructor(
    name: Hi1ErrorName,
    why?: string,
    { outcome = 'refused', ...options }: ErrorOptions & { readonly outcome?: Hi1Outcome } = {},
  ) {
    super(name, why === undefined ? HI1_ERRORS[name].text : why, options);
    this.outcome = outcome;
  }

  get information(): Unsuccessful {
    return { ErrorCode: HI1_ERRORS[this.code].code, ErrorDescription: this.message };
  }
}

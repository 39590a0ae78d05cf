/** Why an action, or a whole message, is not carried out. */
import { ClavigerError } from '../../../bytes/errors.ts';
import type { Unsuccessful } from '../../../wire/hi1/common.ts';
import { HI1_ERRORS } from '../../../wire/hi1/error-codes.ts';
import type { Hi1ErrorName } from '../../../wire/hi1/error-codes.ts';

/**
 * What comes of requests, for whoever counts them:
 *
 *     read, done, repeated               answered with GET and LIST alone; has changed something; was answered before
 *     refused                            not as it must be, or not allowed
 *     out-of-time, full                  of another time than requests are taken from; no more exchanges can be kept
 *     not-stored, not-recorded, failed   the store, the audit log, or something of ours did not work
 *     forbidden                          the certificate is no agency's, or the sender not one of that agency's
 */
export const HI1_OUTCOMES = [
  'read',
  'done',
  'repeated',
  'refused',
  'out-of-time',
  'full',
  'not-stored',
  'not-recorded',
  'failed',
  'forbidden',
] as const;
export type Hi1Outcome = (typeof HI1_OUTCOMES)[number];

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

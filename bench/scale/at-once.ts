/** What a model has to know of KMSs that were measured. */
import type { Answers, SharedKmsFigures } from './shared-kms.ts';

/** Questions under way at each KMS: what the model has to know of the load. */
export const QUESTIONS_AT_ONCE = 4;

/**
 * Per cent of the time in which the threads of KMSs answer (`interception.share`): all of it, so that what is measured is
 * what they can. As shipped they rest as long as they have worked, and their machine has nothing to do meanwhile.
 */
export const QUESTION_SHARE = 100;

/** Of the share of a core that each may have, at least, where nothing else limits. */
const USED = 0.9;

/** Whether KMSs were what limits: they had as good as all that they may have. */
export function isKmsLimit({ processes, limited }: SharedKmsFigures, what: keyof Answers): boolean {
  const { rate, kms } = limited[what];
  return (rate * kms) / 1e6 / processes >= USED * limited.share;
}

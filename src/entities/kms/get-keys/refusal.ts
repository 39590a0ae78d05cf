/**
 * Why a question is refused, as its failure indication. What is wrong with the messages is one indication, made in one
 * place, whatever it is: an oracle would tell an attacker which of his changes came how far.
 */
import { ClavigerError } from '../../../bytes/errors.ts';
import { BytesError } from '../../../bytes/errors.ts';
import { IbeError } from '../../../ibe/errors.ts';
import { IbakeError } from '../../../ibake/errors.ts';
import type { FailureIndication } from '../../../wire/xk/get-keys.ts';
import { MikeyError } from '../../../mikey/errors.ts';

export class Refusal extends ClavigerError<FailureIndication> {}

/** All that is wrong with the messages. */
export function inconsistent(): Refusal {
  return new Refusal('messages-inconsistent', 'the messages are not those of one sound exchange');
}

/** The failure indication of what was thrown; anything but a verdict on the question is thrown on. */
export function indicationOf(error: unknown): FailureIndication {
  if (error instanceof Refusal) return error.code;
  // IDR data that are not canonical name nobody (profile, section 6, step 1).
  if (error instanceof IbakeError && error.code === 'identity') return 'target-not-party';
  const isAboutMessages = [IbakeError, MikeyError, IbeError, BytesError].some(
    (known) => error instanceof known,
  );
  if (isAboutMessages) return inconsistent().code;
  throw error;
}

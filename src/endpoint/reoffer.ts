/**
 * An offer within a call that changes no key: it repeats no MIKEY message and keeps the keys (interfaces, "SIP
 * carriage"). Where the other side receives may change. An offer with a MIKEY message, which would update the keys, is
 * not taken: 488, and the call goes on as it was.
 *
 * An INVITE without an offer asks for one (RFC 3261 section 14.2); the answer comes in the ACK. Where none comes that
 * can be used, nobody knows what was agreed upon, and the call is over.
 */
import type { Reply } from '../sip/agent-types.ts';
import type { SipRequest } from '../sip/message.ts';
import type { CallMedia } from './call-media.ts';
import { EndpointError } from './errors.ts';
import { notAcceptable } from './refusal.ts';
import type { SessionMedia, OwnDescriptions } from './session-description.ts';
import { readDescription } from './session-description.ts';

export interface Reoffered {
  readonly said: OwnDescriptions;
  readonly media: CallMedia;
  /** The call cannot go on. */
  readonly failed: (cause: EndpointError) => void;
}

export function reoffered(request: SipRequest, { said, media, failed }: Reoffered): Reply {
  if (request.body.length === 0 && request.method === 'INVITE')
    return { body: said.offer(null), answered: attempt((ack) => void take(ack, media), failed) };
  if (request.body.length === 0) return {};
  try {
    return { body: said.answer(null, take(request, media)) };
  } catch (cause) {
    if (cause instanceof EndpointError) return notAcceptable(cause);
    throw cause;
  }
}

/** Takes a description that keeps the keys. @throws EndpointError */
function take({ contentType, body }: SipRequest, media: CallMedia): SessionMedia {
  const description = readDescription(contentType, body);
  if (description.mikey !== null)
    throw new EndpointError('key-exchange', 'the keys are not changed in a call');
  media.connect(description);
  return description;
}

function attempt<T>(action: (input: T) => void, failed: Reoffered['failed']): (input: T) => void {
  return (input) => {
    try {
      action(input);
    } catch (cause) {
      if (!(cause instanceof EndpointError)) throw cause;
      failed(cause);
    }
  };
}

/**
 * An offer within a call that changes no key: it repeats no MIKEY message and keeps the keys (interfaces, "SIP
 * carriage"). Where the other side receives may change. An offer with a MIKEY message, which would update the keys, is
 * not taken: 488, and the call goes on as it was.
 */
import type { Reply } from '../sip/agent-types.ts';
import type { SipRequest } from '../sip/message.ts';
import type { AudioStream } from './audio-stream.ts';
import { EndpointError } from './errors.ts';
import type { LocalSide } from './session-description.ts';
import { describeAnswer, readDescription } from './session-description.ts';

/** Versions of descriptions after the two of the set-up. */
const LATER = 3;

export function reoffered(
  request: SipRequest,
  { side, stream }: { readonly side: LocalSide; readonly stream: AudioStream },
): Reply {
  if (request.body.length === 0) return {};
  try {
    const offer = readDescription(request.contentType, request.body);
    const [law] = offer.laws;
    if (offer.mikey !== null || law === undefined) return { status: 488 };
    stream.connect(offer, law);
    return { body: describeAnswer(side, LATER, null, offer, law) };
  } catch (cause) {
    if (cause instanceof EndpointError) return { status: 488 };
    throw cause;
  }
}

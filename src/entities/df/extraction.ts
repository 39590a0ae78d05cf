/**
 * The encryption information in intercepted signalling: MIKEY messages in `a=key-mgmt:mikey` attributes of SDP
 * (RFC 4567 section 3.1), with the dialog that they belong to.
 *
 * The profile puts the attribute at session level; an interceptor takes it wherever it finds it. What cannot be read is
 * passed over here: the LEMF gets the SIP message in any case, and is told where media are encrypted and no keys were seen
 * (`unkeyed.ts`).
 */
import { ClavigerError } from '../../bytes/errors.ts';
import { seenDescription } from '../../sip/descriptions.ts';
import { answerIn } from '../../xk/carriage.ts';
import type { RequestAnswer } from '../../xk/carriage.ts';
import { seenMikeyIn } from '../../xk/seen-messages.ts';
import type { SeenMessage } from '../../xk/seen-messages.ts';
import { sightMedia } from './media-sighting.ts';
import type { MediaSighting } from './media-sighting.ts';
import { parseOnce } from './parsed-sip.ts';
import { standingSightingIn } from './retained.ts';
import type { StandingSighting } from './retained.ts';

/** What a SIP message says of keys and media. */
export interface Sighting {
  /** Its MIKEY-IBAKE messages that stand in their roles, in order. */
  readonly mikey: readonly SeenMessage[];
  /** Whether others do not, or are too long. */
  readonly misplaced: boolean;
  /** What it says of a request. */
  readonly answer: RequestAnswer | null;
  readonly media: MediaSighting;
  /** What it says of the call that stands. */
  readonly standing: StandingSighting;
}

const NOTHING: Sighting = {
  mikey: [],
  misplaced: false,
  answer: null,
  media: { party: null, agreed: null },
  standing: { described: null, accepts: null, ends: [] },
};

/** Nothing where the message cannot be read. */
export function sightingIn(sip: Uint8Array, fromTarget: boolean | null, time: number): Sighting {
  try {
    const message = parseOnce(sip);
    const description = seenDescription(message);
    return {
      ...seenMikeyIn(message, description, fromTarget, time),
      answer: answerIn(message),
      media: sightMedia(message, description, time),
      standing: standingSightingIn(message),
    };
  } catch (error) {
    if (error instanceof ClavigerError) return NOTHING;
    throw error;
  }
}

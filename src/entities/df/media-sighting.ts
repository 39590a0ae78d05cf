/**
 * What one SIP message says of the media of a call, as far as it tells whether they are encrypted and whether the LEMF can
 * use the keys that are shown; plain data, kept in the store.
 */
import { suiteByName } from '../../media/srtp/suites.ts';
import { mediaProtection } from '../../sip/media-protection.ts';
import type { Keying, MediumProtection } from '../../sip/media-protection.ts';
import type { SipRequest, SipResponse } from '../../sip/message.ts';
import { usableSdesKeys } from '../../sip/sdes.ts';
import type { SessionDescription } from '../../sip/sdp.ts';

/** One m= section of a party. */
export interface SeenMedium {
  /** Port 0: not used. */
  readonly refused: boolean;
  readonly secured: boolean;
  readonly securable: boolean;
  readonly keying: readonly Keying[];
  /** Tags of a=crypto lines with keys that the LEMF can use. */
  readonly keyTags: readonly number[];
  /** Payload types of its m= line; absent in what an older version stored. */
  readonly formats?: readonly number[] | undefined;
}

/** What a party last said of its media. */
export interface SeenParty {
  readonly callId: string;
  /** The party's own tag in From or To. */
  readonly tag: string;
  readonly media: readonly SeenMedium[];
}

/** A dialog whose media were agreed upon. */
export interface Agreed {
  readonly callId: string;
  readonly tags: readonly string[];
  /** Time of the event, Unix milliseconds. */
  readonly eventTime: number;
}

/** What one SIP message says of media. */
export interface MediaSighting {
  readonly party: SeenParty | null;
  readonly agreed: Agreed | null;
}

/** Media of one description; what is beyond counts as one, without keys. */
const MAX_MEDIA = 64;

export function sightMedia(
  message: SipRequest | SipResponse,
  description: SessionDescription | null,
  time: number,
): MediaSighting {
  const { callId, fromTag, toTag } = message;
  const tag = (message.kind === 'request' ? fromTag : toTag) ?? '';
  const party = description === null ? null : { callId, tag, media: bounded(mediaOf(description)) };
  const isAgreed =
    message.kind === 'response' &&
    Math.floor(message.status / 100) === 2 &&
    (message.cseq.method === 'INVITE' || (message.cseq.method === 'UPDATE' && party !== null));
  return {
    party: party !== null && party.media.length > 0 ? party : null,
    agreed: isAgreed ? { callId, tags: [fromTag ?? '', toTag ?? ''], eventTime: time } : null,
  };
}

/* ---------------------------------------------------------------- helpers */

function mediaOf(description: SessionDescription): SeenMedium[] {
  const protections = mediaProtection(description);
  return description.media.map(({ port, formats }, at) => seenMedium(port, formats, protections[at]));
}

function seenMedium(
  port: number,
  formats: readonly string[],
  protection: MediumProtection | undefined,
): SeenMedium {
  const { secured = false, securable = false, keying = [], crypto = [] } = protection ?? {};
  const keyTags = crypto.filter((line) => usableSdesKeys(line, suiteByName) !== null).map(({ tag }) => tag);
  const types = formats.filter((format) => /^\d{1,3}$/.test(format)).map(Number);
  return { refused: port === 0, secured, securable, keying: [...keying], keyTags, formats: types };
}

function bounded(media: readonly SeenMedium[]): readonly SeenMedium[] {
  if (media.length <= MAX_MEDIA) return media;
  const rest = media.slice(MAX_MEDIA - 1).filter(({ refused }) => !refused);
  const folded = {
    refused: rest.length === 0,
    secured: rest.some(({ secured }) => secured),
    securable: rest.some(({ securable }) => securable),
    keying: [...new Set(rest.flatMap(({ keying }) => keying))],
    keyTags: [],
  };
  return [...media.slice(0, MAX_MEDIA - 1), folded];
}

import { ClavigerError } from '../bytes/errors.ts';

export type MediaErrorCode =
  /** The octets are not the RTP, RTCP, SRTP or WAV structure that they claim to be. */
  | 'malformed'
  /** A well-formed thing that this implementation has no use for, e.g. a stereo WAV file. */
  | 'unsupported'
  /** A key, salt or MKI of the wrong length for its suite. */
  | 'key'
  /** The authentication tag does not verify. */
  | 'authentication'
  /** A packet with this index was accepted before, or is too old to tell. */
  | 'replay'
  /** The packet indices of a master key are used up (RFC 3711 section 9.2). */
  | 'exhausted'
  /** A stream grew beyond what the caller allowed. */
  | 'too-large';

/** A failure of the media layer. */
export class MediaError extends ClavigerError<MediaErrorCode> {}

/**
 * Media types of bodies (RFC 3261 section 20.15 and 25.1).
 *
 *     media-type = m-type SLASH m-subtype *( SEMI m-parameter )        SLASH = SWS "/" SWS, SEMI = SWS ";" SWS
 *
 * So `application / sdp ; charset=utf-8` is what `application/sdp` is.
 */
import { SipError } from './errors.ts';
import { isToken, parseParams, split } from './text.ts';
import type { Param } from './text.ts';

export interface MediaType {
  /** Type and subtype in lower case: `application/sdp`. */
  readonly essence: string;
  readonly params: readonly Param[];
}

/** @throws SipError `syntax` */
export function parseMediaType(text: string): MediaType {
  const [essence = '', ...params] = split(text, ';');
  const names = essence.split('/').map((name) => name.trim());
  if (names.length !== 2 || !names.every(isToken)) throw new SipError('syntax', 'not a media type');
  return {
    essence: names.join('/').toLowerCase(),
    params: params.flatMap((param) => {
      if (param === '') throw new SipError('syntax', 'a media type has an empty parameter');
      return parseParams(param, 'media type');
    }),
  };
}

/** Type and subtype in lower case; `null` if it is not a media type. */
export function essenceOf(text: string): string | null {
  try {
    return parseMediaType(text).essence;
  } catch (error) {
    if (error instanceof SipError) return null;
    throw error;
  }
}

/**
 * Publication of a district's parameters (RFC 5408 section 4): GET at the district's URI gives IBESysParams.
 *
 *     GET  the district's URI [?serial=N]        without a serial: the parameters in force
 *     200  application/ibe-pp-data               base64 of the DER of IBESysParams (section 4.1)
 *          Link: <URI?serial=M>; rel="successor-version"
 *
 * The RFC has one structure an answer and no way to learn of the next; an announced serial is linked (RFC 5829) and
 * fetched by its number.
 */
import { fromBase64, fromUtf8, toBase64 } from '../../bytes/octets.ts';
import { PpsError } from './errors.ts';

/** Media type of the base64 text. */
export const PPS_MEDIA_TYPE = 'application/ibe-pp-data';

/** What a district publishes. */
export interface PublishedParameters {
  /** DER of IBESysParams. */
  readonly der: Uint8Array;
  /** Where the parameters are that will follow these, if they are announced. */
  readonly successor: string | null;
}

/** Path at which the server of a district answers. */
export function pathOfDistrict(district: string): string {
  return new URL(district).pathname;
}

/** URI of the parameters with one serial. */
export function uriOfSerial(district: string, serial: number): string {
  return `${district}?serial=${serial}`;
}

/** Whether a URI is one at which this district publishes a serial. */
export function isOfDistrict(uri: string, district: string): boolean {
  return uri.startsWith(`${district}?serial=`);
}

/** The serial that a query asks for; `null` for the one in force, `undefined` for a query that asks for something else. */
export function serialOfQuery(query: unknown): number | null | undefined {
  if (typeof query !== 'object' || query === null || !('serial' in query)) return null;
  const { serial } = query;
  return typeof serial === 'string' && /^[0-9]{1,15}$/.test(serial) ? Number(serial) : undefined;
}

/** The body, and the value of the Link field if there is one. */
export function encodePublication({ der, successor }: PublishedParameters): {
  readonly body: string;
  readonly link: string | null;
} {
  return { body: toBase64(der), link: successor === null ? null : `<${successor}>; rel="successor-version"` };
}

/**
 * @param link the value of the Link field (RFC 8288), empty if there is none
 * @throws PpsError if the body is not base64
 */
export function decodePublication(body: Uint8Array, link: string): PublishedParameters {
  const [, successor = null] = /<([^>]*)>\s*;\s*rel="?successor-version"?/i.exec(link) ?? [];
  try {
    return { der: fromBase64(fromUtf8(body).replace(/\s/g, '')), successor };
  } catch (cause) {
    throw new PpsError('malformed', 'the body is not base64 of parameters', { cause });
  }
}

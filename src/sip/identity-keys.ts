/**
 * Identities as SIP carries them (P-Asserted-Identity, From, tel: and `user=phone`, private identities, instances),
 * reduced to keys that are equal where they name one subscriber or one device:
 *
 *     sip:Alice@Home1.Example:5060;transport=tcp   sip:Alice@home1.example
 *     sips:+1-212-555-0101@home1.example;user=phone   sip:+1-212-555-0101@home1.example, tel:+12125550101
 *     tel:+1-212-555-0101                          tel:+12125550101
 *     tel:0101;phone-context=home1.example         tel:0101;phone-context=home1.example
 *     urn:gsma:imei:35693803-564398-0              imei:35693803564398
 *
 * A SIP URI stands for a telephone number only with `user=phone` (RFC 3261 section 19.1.6): digits alone may be any
 * user's name, and intercepting another subscriber is worse than being told the number as well. Host names compare
 * without case, user parts with case and with escapes undone (section 19.1.4); ports and parameters say where, not
 * who. Local numbers count within their context only (RFC 3966 section 5.1.5).
 */
import { RecentlyMade } from '../bytes/recently-made.ts';
import { addressOfRecord, parseUri, telNumber } from './uri.ts';
import type { Uri } from './uri.ts';

/** Keys of identities that were asked for lately: those who call and are called are named in each message of theirs. */
const KNOWN = new RecentlyMade<readonly string[]>(2_048);
const LONGEST_KNOWN = 128;

/** Keys of a SIP, SIPS or tel URI or IMEI URN, with or without angle brackets; of any other text, itself. */
export function identityKeys(text: string): readonly string[] {
  const known = KNOWN.get(text);
  if (known !== undefined) return known;
  if (text.length > LONGEST_KNOWN) return readKeys(text);
  // The text may be part of a message, which must not be kept for it.
  const own = Buffer.from(text, 'utf8').toString('utf8');
  return own === text ? KNOWN.put(own, readKeys(own)) : readKeys(text);
}

function readKeys(text: string): string[] {
  const bare = text.trim().replace(/^<([^<>]*)>$/, '$1');
  const uri = uriOf(bare);
  if (uri === null) return [bare];
  if (uri.kind === 'tel') return [telKey(uri)];
  if (uri.kind === 'other') return instanceKeys(uri.text) ?? [uri.text];
  return [addressOfRecord(uri), ...phoneKeys(uri)];
}

/** Key of a private identity (the user name of digest credentials). */
export function privateIdentityKeys(impi: string): string[] {
  const at = impi.lastIndexOf('@');
  return [`impi:${at < 0 ? impi : impi.slice(0, at + 1) + impi.slice(at + 1).toLowerCase()}`];
}

/** Key of an instance identifier (`+sip.instance`, RFC 7254), `null` if it names no IMEI. */
export function instanceKeys(urn: string): string[] | null {
  const match = /^<?urn:gsma:imei(?:sv)?:([0-9]{8})-([0-9]{6})-[0-9]{1,2}(?:;[^>]*)?>?$/i.exec(urn.trim());
  return match === null ? null : [`imei:${match[1] ?? ''}${match[2] ?? ''}`];
}

function uriOf(text: string): Uri | null {
  try {
    return parseUri(text);
  } catch {
    return null;
  }
}

function telKey(uri: Extract<Uri, { kind: 'tel' }>): string {
  const number = telNumber(uri);
  return number.startsWith('+') ? `tel:${number}` : `tel:${number}${contextOf(uri.params)}`;
}

/** The telephone number of a SIP URI with `user=phone`; its user part is a telephone-subscriber (RFC 3966). */
function phoneKeys(uri: Extract<Uri, { kind: 'sip' }>): string[] {
  const isPhone = uri.params.some(
    ({ name, value }) => name.toLowerCase() === 'user' && value?.toLowerCase() === 'phone',
  );
  const tel = isPhone && uri.user !== null ? uriOf(`tel:${uri.user}`) : null;
  return tel?.kind === 'tel' ? [telKey(tel)] : [];
}

function contextOf(params: readonly { readonly name: string; readonly value: string | null }[]): string {
  const context = params.find(({ name }) => name.toLowerCase() === 'phone-context')?.value ?? '';
  const normal = context.startsWith('+') ? context.replace(/[-.()]/g, '') : context.toLowerCase();
  return `;phone-context=${normal}`;
}

/**
 * Identities (profile, section 1): the canonical form of a SIP URI, addresses of record and device identities, and the
 * identity that is encrypted to.
 *
 * Canonical form:
 *
 *     "sip:" user "@" host [";gr=" value]
 *
 *     scheme  lower case; `sips` becomes `sip`; tel: is translated before keying and has no place here
 *     user    RFC 3261 `user`, case kept. %HH is decoded if and only if it encodes an unreserved character, else kept
 *             with upper-case hex. With `user=phone` the visual separators - . ( ) of the number go
 *     host    a name in lower case whose labels are A-labels; no address, no trailing dot
 *     else    password, port and headers are refused; all parameters but a `gr` with a value go
 *
 * Two identities are equal if and only if their octets are; ID data of IDR payloads are this string and no other form.
 *
 * ```asn1
 * SipIdentityData ::= SEQUENCE {       -- identityType ARC.1
 *   uri   UTF8String,                  -- canonical
 *   time  GeneralizedTime              -- start of the key period
 * }
 * ```
 * This departs from RFC 5409, which foresees e-mail addresses only.
 */
import { domainToASCII, domainToUnicode } from 'node:url';
import { derDecode, derGeneralizedTime, derSequence, derUtf8 } from '../bytes/der.ts';
import { BytesError } from '../bytes/errors.ts';
import { utf8 } from '../bytes/octets.ts';
import { encodeIbeIdentityInfo } from '../ibe/identity.ts';
import type { IbeIdentityInfo } from '../ibe/identity.ts';
import { OID } from '../ibe/oids.ts';
import { IbakeError } from './errors.ts';

/** Octets of a canonical URI at most; a bound, not a rule of any RFC. */
const MAX_OCTETS = 1024;

/** RFC 3261 section 25.1. */
const UNRESERVED = /^[A-Za-z0-9\-_.!~*'()]$/;
const USER = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]|%[0-9A-Fa-f]{2})+$/;
const PARAMETER =
  /^((?:[A-Za-z0-9\-_.!~*'()[\]/:&+$]|%[0-9A-Fa-f]{2})+)(?:=((?:[A-Za-z0-9\-_.!~*'()[\]/:&+$]|%[0-9A-Fa-f]{2})+))?$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
/** RFC 3966 section 3: visual-separator. */
const VISUAL_SEPARATORS = /[-.()]/g;

export interface SipIdentity {
  /** Canonical. */
  readonly uri: string;
  /** Without `gr`. */
  readonly addressOfRecord: string;
  readonly host: string;
}

/** The canonical form of a SIP or SIPS URI. @throws IbakeError `identity` */
export function canonicalIdentity(text: string): SipIdentity {
  const match = /^(sips?):([^@]*)@([^@]*)$/i.exec(text);
  if (match === null) throw refused('not a SIP URI with a user part');
  const [, , rawUser = '', rest = ''] = match;
  const [rawHost = '', ...parameters] = rest.split(';');
  const { gr, isPhone } = readParameters(parameters);
  const host = canonicalHost(rawHost);
  const addressOfRecord = `sip:${canonicalUser(rawUser, isPhone)}@${host}`;
  const uri = gr === null ? addressOfRecord : `${addressOfRecord};gr=${gr}`;
  if (utf8(uri).length > MAX_OCTETS) throw refused('too long');
  return { uri, addressOfRecord, host };
}

/** The identity that ID data are. @throws IbakeError `identity` unless they are canonical already */
export function identityOfData(data: Uint8Array): SipIdentity {
  const text = Buffer.from(data).toString('latin1');
  const identity = canonicalIdentity(text);
  if (identity.uri !== text) throw refused('ID data not in canonical form');
  return identity;
}

/** The district of identities at a host, where the operator has not configured another. */
export function districtOfHost(host: string): string {
  return districtOfKms(`https://kms.${host}`);
}

/** The district whose KMS is at a URL. */
export function districtOfKms(url: string): string {
  return `${url}/.well-known/ibe`;
}

/** Start of the key period that contains a time (RFC 5409 section 2); Unix seconds. */
export function periodStart(time: number, keyLifetime: number): number {
  return Math.floor(time / keyLifetime) * keyLifetime;
}

/** DER of IBEIdentityInfo: the public key of `uri` in a period, under a serial of its district. */
export function publicIdentity(
  uri: string,
  period: number,
  district: { readonly district: string; readonly serial: number },
): Uint8Array {
  return encodeIbeIdentityInfo({
    district: district.district,
    serial: district.serial,
    identityType: OID.sipIdentity,
    identityData: derSequence(derUtf8(uri), derGeneralizedTime(period)),
  });
}

/**
 * Whom a public key is of, and from when (Unix seconds); `null`: of somebody who is not named by SipIdentityData. The URI
 * is as it stands there, canonical or not.
 */
export function decodeSipIdentity({
  identityType,
  identityData,
}: IbeIdentityInfo): { readonly uri: string; readonly period: number } | null {
  if (identityType !== OID.sipIdentity) return null;
  try {
    return derDecode(identityData, 'SipIdentityData', (reader) => {
      const inside = reader.sequence('SipIdentityData');
      const identity = { uri: inside.utf8('uri'), period: inside.generalizedTime('time') };
      inside.end('SipIdentityData');
      return identity;
    });
  } catch (error) {
    if (error instanceof BytesError) return null;
    throw error;
  }
}

/* ---------------------------------------------------------------- helpers */

function canonicalUser(raw: string, isPhone: boolean): string {
  if (!USER.test(raw)) throw refused('user part outside RFC 3261 `user`');
  const user = raw.replace(/%[0-9A-Fa-f]{2}/g, canonicalEscape);
  const result = isPhone ? withoutSeparators(user) : user;
  if (result === '') throw refused('no user part left');
  return result;
}

function canonicalEscape(escape: string): string {
  const character = String.fromCharCode(parseInt(escape.slice(1), 16));
  return UNRESERVED.test(character) ? character : escape.toUpperCase();
}

/** A telephone-subscriber's parameters follow its number; separators are the number's alone. */
function withoutSeparators(user: string): string {
  const [number = '', ...parameters] = user.split(';');
  return [number.replace(VISUAL_SEPARATORS, ''), ...parameters].join(';');
}

function canonicalHost(raw: string): string {
  const host = raw.toLowerCase();
  const labels = host.split('.');
  const isName =
    host.length <= 253 &&
    labels.every((label) => label.length <= 63 && LABEL.test(label)) &&
    /^[a-z]/.test(labels.at(-1) ?? '');
  // Port, header, IPv6 reference and trailing dot fail above; what IDNA maps or refuses, here.
  if (!isName || !isOfALabels(host)) throw refused('host is not a name of A-labels alone');
  return host;
}

/**
 * Whether every label that begins like an A-label is one: it decodes, and encodes to itself again. Versions of Node.js
 * differ in what they make of one that does not decode: nothing, or the label as it was.
 */
function isOfALabels(host: string): boolean {
  const unicode = domainToUnicode(host);
  return domainToASCII(unicode) === host && !unicode.split('.').some((label) => label.startsWith('xn--'));
}

function readParameters(parameters: readonly string[]): { gr: string | null; isPhone: boolean } {
  let gr: string | null = null;
  let isPhone = false;
  for (const parameter of parameters) {
    const match = PARAMETER.exec(parameter);
    if (match === null) throw refused('not a URI parameter');
    const [, name = '', value] = match;
    if (name.toLowerCase() === 'user' && value?.toLowerCase() === 'phone') isPhone = true;
    if (name.toLowerCase() !== 'gr' || value === undefined) continue;
    if (gr !== null) throw refused('two `gr` parameters');
    gr = value;
  }
  return { gr, isPhone };
}

function refused(why: string): IbakeError {
  return new IbakeError('identity', `identity refused: ${why}`);
}

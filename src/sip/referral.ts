/**
 * Referrals (RFC 3515) and dialogs that others take the place of (RFC 3891): what their fields and bodies say, read and
 * written side by side.
 *
 *     Refer-To  = ( name-addr / addr-spec ) *( SEMI generic-param )             one in a REFER, no more
 *     Replaces  = callid *( SEMI ( "to-tag=" token / "from-tag=" token / "early-only" / generic-param ) )
 *     Event     = "refer" [ ";id=" CSeq number of the REFER ]                   in NOTIFY
 *     body of NOTIFY: message/sipfrag (RFC 3420), of which the status line counts
 *
 * A Refer-To may ask for a Replaces in the INVITE: `<sip:carol@home2.example?Replaces=…>`. Of other fields that it asks
 * for, none is taken (RFC 3261 section 19.1.5): they would be written in the name of whoever is referred.
 */
import { utf8 } from '../bytes/octets.ts';
import type { Body } from './agent-types.ts';
import { SipError } from './errors.ts';
import { parseNameAddr } from './fields.ts';
import type { SipMessage } from './head-and-body.ts';
import type { SipRequest } from './message.ts';
import { decimal, fromOctets, isToken, paramOf, parseParams } from './text.ts';
import type { Param } from './text.ts';
import { formatSipUri } from './uri.ts';
import type { Uri } from './uri.ts';
import { REASONS } from './verdict.ts';

/** What Allow and Supported say where referrals are understood. */
export const REFERRAL_METHODS = ['REFER', 'NOTIFY'] as const;
export const REFERRAL_OPTIONS = ['replaces', 'norefersub'] as const;

const FRAGMENT = 'message/sipfrag';

/** A dialog as one of its ends sees it. */
export interface DialogName {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
}

/** The dialog that an INVITE is to take the place of, as who receives the INVITE sees it. */
export interface Replacement extends DialogName {
  /** Only while it is early. */
  readonly earlyOnly: boolean;
  /** Further parameters. */
  readonly further: readonly Param[];
}

/** Where a REFER leads. */
export interface Referral {
  /** Whom to call, without what else the URI asks for. */
  readonly uri: Uri;
  /** `INVITE` unless it says something else. */
  readonly method: string;
  readonly replaces: Replacement | null;
}

/** @throws SipError `syntax` */
export function parseReplaces(text: string): Replacement {
  const [, callId = '', rest = ''] = /^\s*([^\s;,@]+(?:@[^\s;,@]+)?)\s*((?:;.*)?)$/s.exec(text) ?? [];
  const params = rest === '' ? [] : parseParams(rest.slice(1), 'Replaces');
  const tag = (name: string): string => {
    const found = params.filter((param) => param.name.toLowerCase() === name);
    const value = paramOf(found, name) ?? '';
    if (found.length !== 1 || !isToken(value))
      throw new SipError('syntax', `Replaces: not one ${name}, or not a tag`);
    return value;
  };
  if (callId === '') throw new SipError('syntax', 'Replaces: not a Call-ID');
  const further = params.filter(({ name }) => !OWN_PARAMS.has(name.toLowerCase()));
  const earlyOnly = paramOf(params, 'early-only') !== null;
  return { callId, localTag: tag('to-tag'), remoteTag: tag('from-tag'), earlyOnly, further };
}

const OWN_PARAMS: ReadonlySet<string> = new Set(['to-tag', 'from-tag', 'early-only']);

export function formatReplaces({
  callId,
  localTag,
  remoteTag,
  earlyOnly = false,
  further = [],
}: DialogName & Partial<Replacement>): string {
  const own = `${callId};to-tag=${localTag};from-tag=${remoteTag}${earlyOnly ? ';early-only' : ''}`;
  return own + further.map(({ name, value }) => `;${name}${value === null ? '' : `=${value}`}`).join('');
}

/** The same dialog from its other end. */
export function otherEnd({ callId, localTag, remoteTag }: DialogName): DialogName {
  return { callId, localTag: remoteTag, remoteTag: localTag };
}

/** The Replaces of an INVITE; `null` without. @throws SipError `syntax`, also for more than one */
export function replacementIn(request: SipMessage): Replacement | null {
  const values = request.list('Replaces');
  if (values.length > 1) throw new SipError('syntax', 'more than one Replaces');
  return values[0] === undefined ? null : parseReplaces(values[0]);
}

/** The Refer-To of a REFER. @throws SipError `syntax`: none, more than one, or one that asks for what cannot be */
export function referralIn(request: SipRequest): Referral {
  const [value, ...others] = request.list('Refer-To');
  if (value === undefined || others.length > 0) throw new SipError('syntax', 'not one Refer-To');
  const { uri } = parseNameAddr(value, 'Refer-To');
  if (uri.kind !== 'sip') return { uri, method: 'INVITE', replaces: null };
  const fields = (uri.headers ?? '').split('&').filter((field) => field !== '');
  const replaces = fields.flatMap((field) => {
    const [name = '', ...words] = field.split('=');
    return name.toLowerCase() === 'replaces' ? [parseReplaces(unescape(words.join('=')))] : [];
  });
  if (replaces.length > 1) throw new SipError('syntax', 'Refer-To: more than one Replaces');
  const params = uri.params.filter(({ name }) => name.toLowerCase() !== 'method');
  const bare = { ...uri, params, headers: null };
  return {
    uri: { ...bare, text: formatSipUri(bare) },
    method: (paramOf(uri.params, 'method') ?? 'INVITE').toUpperCase(),
    replaces: replaces[0] ?? null,
  };
}

/** Refer-To for a SIP URI without fields of its own, and the dialog that the call to it is to take the place of. */
export function formatReferTo(uri: string, replaces: Replacement | null = null): string {
  if (replaces === null) return `<${uri}>`;
  return `<${uri}?Replaces=${encodeURIComponent(formatReplaces(replaces))}>`;
}

/** Of which event a NOTIFY is, with the REFER that it is about; `id` is `null` where it is not said. */
export function eventOf(request: SipRequest): { readonly name: string; readonly id: number | null } {
  const [, name = '', rest = ''] = /^\s*([^;\s]+)\s*((?:;.*)?)$/s.exec(request.first('Event') ?? '') ?? [];
  const id = paramOf(rest === '' ? [] : parseParams(rest.slice(1), 'Event'), 'id');
  return { name: name.toLowerCase(), id: id === null ? null : (decimal(id, 2 ** 31) ?? -1) };
}

/** Whether a NOTIFY is the last one (RFC 6665 section 4.1.3). */
export function isTerminated(request: SipRequest): boolean {
  return /^\s*terminated\b/i.test(request.first('Subscription-State') ?? '');
}

export function statusFragment(status: number): Body {
  return {
    type: `${FRAGMENT};version=2.0`,
    octets: utf8(`SIP/2.0 ${status} ${REASONS[status] ?? 'Unknown'}\r\n`),
  };
}

/** The status that a NOTIFY tells of; `null` where its body is of another type, or has no status line. */
export function statusIn({ contentType, body }: SipMessage): number | null {
  if (contentType !== FRAGMENT) return null;
  const line = /^SIP\/2\.0 ([1-6][0-9]{2})(?: [^\r\n]*)?(?:\r?\n|$)/.exec(fromOctets(body));
  return line === null ? null : Number(line[1]);
}

/** `%HH` undone. @throws SipError `syntax` */
function unescape(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new SipError('syntax', 'Refer-To: an escape that is none', { cause });
  }
}

/**
 * Is a message a good one? RFC 3261 sections 8.1.1, 8.1.3.5, 8.2.2, 16.3 and 18.3, with the judgements that RFC 4475
 * gives for its 49 messages.
 *
 * `judge` looks at form alone, in one of two moods. `strict` follows the grammar; `lenient` lets pass what can be
 * understood without guessing: further spaces in the Request-Line (the start line is then written anew), a Date that
 * is not GMT, a Max-Forwards beyond 255, and the requests of RFC 2543, which have neither From tag nor Max-Forwards.
 * `admit` then says whether an element with given abilities may go on with a well-formed request.
 */
import { SipError } from './errors.ts';
import { branchOf, parseNameAddr } from './fields.ts';
import { SINGLE } from './header-names.ts';
import type { SipMessage } from './head-and-body.ts';
import type { SipRequest, SipResponse } from './message.ts';
import { decimal } from './text.ts';
import { parseUri } from './uri.ts';

export type Strictness = 'strict' | 'lenient';

/** `reject` carries the response that a request deserves; a bad response, or ACK, is dropped. */
export type Verdict =
  | { readonly kind: 'accept' }
  | { readonly kind: 'reject'; readonly status: number; readonly reason: string; readonly problem: string }
  | { readonly kind: 'discard'; readonly problem: string };

/** What an element can do (8.2.1, 8.2.2, 16.3). */
export interface Abilities {
  readonly role: 'user-agent' | 'proxy';
  /** Methods understood; `null`: any. */
  readonly methods: readonly string[] | null;
  /** Schemes of Request-URIs understood. */
  readonly schemes: readonly string[];
  /** Option tags understood in Require (user agent) or Proxy-Require (proxy). */
  readonly options: readonly string[];
  /** Media types understood in bodies; `null`: any. */
  readonly bodies: readonly string[] | null;
}

/** Octets of a Request-URI at most. */
const MAX_URI = 4096;

/** Methods that RFC 3261 and its extensions define: a CSeq that disagrees with one of them is an error of form. */
const KNOWN_METHODS = [
  ...['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS', 'REGISTER', 'PRACK', 'UPDATE', 'MESSAGE', 'INFO'],
  ...['SUBSCRIBE', 'NOTIFY', 'REFER', 'PUBLISH'],
];

/** The reason phrases of RFC 3261 section 21 and the extensions in use. */
export const REASONS: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  181: 'Call Is Being Forwarded',
  183: 'Session Progress',
  200: 'OK',
  202: 'Accepted',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  414: 'Request-URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  421: 'Extension Required',
  422: 'Session Interval Too Small',
  423: 'Interval Too Brief',
  430: 'Flow Failed',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  489: 'Bad Event',
  491: 'Request Pending',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  505: 'Version Not Supported',
  513: 'Message Too Large',
  600: 'Busy Everywhere',
  603: 'Decline',
};

/** Judges the form of a message. */
export function judge(message: SipRequest | SipResponse, strictness: Strictness): Verdict {
  return message.kind === 'request' ? judgeRequest(message, strictness) : judgeResponse(message, strictness);
}

/** Whether an element of these abilities may go on with a well-formed request. */
export function admit(request: SipRequest, abilities: Abilities): Verdict {
  const { role, methods, schemes, options, bodies } = abilities;
  const uri = parseUri(request.uri);
  const scheme = uri.kind === 'tel' ? 'tel' : uri.scheme;
  if (methods !== null && !methods.includes(request.method)) return reject(501, `method ${request.method}`);
  if (!schemes.includes(scheme)) return reject(416, 'the scheme of the Request-URI');
  const unsupported = unsupportedOptions(request, abilities);
  if (unsupported.length > 0 && request.method !== 'ACK' && request.method !== 'CANCEL')
    return reject(420, `extensions ${unsupported.join(', ')} (known: ${options.join(', ')})`);
  if (role === 'proxy') return maxForwards(request) === 0 ? reject(483, 'Max-Forwards is 0') : accept;
  if (request.body.length > 0 && bodies !== null && !bodies.includes(request.contentType ?? ''))
    return reject(415, `body of type ${request.contentType ?? 'unknown'}`);
  const accepts = request.all('Accept').join(',');
  if (request.method === 'INVITE' && accepts !== '' && !/application\/(sdp|\*)|\*\/\*/i.test(accepts))
    return reject(406, 'the answer would be SDP, which is not accepted');
  return accept;
}

/** Option tags demanded of this role that it does not understand. */
export function unsupportedOptions(
  request: SipRequest,
  abilities: Pick<Abilities, 'role' | 'options'>,
): string[] {
  const tags = request.list(abilities.role === 'proxy' ? 'Proxy-Require' : 'Require');
  return tags.filter((tag) => !abilities.options.includes(tag.toLowerCase()));
}

/** Max-Forwards as a number; `null` if absent or beyond its range. */
export function maxForwards(request: SipRequest): number | null {
  const value = request.first('Max-Forwards');
  return value === null ? null : decimal(value, 256);
}

const accept: Verdict = { kind: 'accept' };

function reject(status: number, problem: string): Verdict {
  return { kind: 'reject', status, reason: REASONS[status] ?? 'Error', problem };
}

function judgeRequest(request: SipRequest, strictness: Strictness): Verdict {
  if (!isVersion2(request)) return reject(505, `version ${request.version}`);
  const { fault } = request;
  if (fault !== null)
    return request.method === 'ACK'
      ? { kind: 'discard', problem: fault.problem }
      : reject(fault.status, fault.problem);
  if (request.uri.length > MAX_URI) return reject(414, `a Request-URI of ${request.uri.length} octets`);
  try {
    checkCommon(request, strictness);
    const { number, method } = request.cseq;
    if (method !== request.method)
      return reject(KNOWN_METHODS.includes(request.method) ? 400 : 501, `CSeq ${number} ${method}`);
    checkRequest(request, strictness);
  } catch (cause) {
    if (!(cause instanceof SipError)) throw cause;
    return request.method === 'ACK'
      ? { kind: 'discard', problem: cause.message }
      : reject(400, cause.message);
  }
  return accept;
}

function judgeResponse(response: SipResponse, strictness: Strictness): Verdict {
  try {
    demand(isVersion2(response), 'the version is not SIP/2.0');
    demand(response.fault === null, response.fault?.problem ?? '');
    demand(response.status >= 100 && response.status <= 699, 'the status is out of range');
    checkCommon(response, strictness);
    for (const warning of response.list('Warning'))
      demand(/^[0-9]{3} /.test(warning), 'the Warning code has not three digits');
  } catch (cause) {
    if (!(cause instanceof SipError)) throw cause;
    return { kind: 'discard', problem: cause.message };
  }
  return accept;
}

function isVersion2({ version }: SipRequest | SipResponse): boolean {
  return version === 'SIP/2.0' || version.toUpperCase() === 'SIP/2.0';
}

/** What requests and responses have in common. @throws SipError `syntax` */
function checkCommon(message: SipMessage, strictness: Strictness): void {
  const repeated = message.repeated(SINGLE);
  demand(repeated === null, `more than one ${repeated ?? ''}`);
  const declared = message.first('Content-Length');
  demand(declared === null || message.contentLength() !== null, 'Content-Length is not a number');
  demand((message.contentLength() ?? 0) <= message.body.length, 'the body is shorter than Content-Length');
  demand(message.callId !== '', 'Call-ID is empty');
  demand(message.from.uri.text !== '' && message.to.uri.text !== '', 'From or To is empty');
  demand(message.vias.length > 0, 'Via is missing');
  demand(message.cseq.number >= 0, 'CSeq is malformed');
  demand(message.contacts.length >= 0 && message.recordRoutes.length >= 0, 'Contact is malformed');
  const date = message.first('Date');
  demand(strictness === 'lenient' || date === null || date.endsWith(' GMT'), 'Date is not in GMT');
}

function checkRequest(request: SipRequest, strictness: Strictness): void {
  const { topVia } = request;
  demand(strictness === 'lenient' || !request.rewritten, 'spaces in the Request-Line');
  const uri = parseUri(request.uri);
  demand(uri.kind !== 'sip' || uri.headers === null, 'the Request-URI has headers');
  demand(branchOf(topVia)?.toLowerCase() !== 'z9hg4bk', 'the branch has the magic cookie alone');
  demand(request.routes.length >= 0, 'Route is malformed');
  for (const value of request.list('P-Asserted-Identity')) parseNameAddr(value, 'P-Asserted-Identity');
  if (strictness === 'lenient') return;
  demand(maxForwards(request) !== null, 'Max-Forwards is missing or beyond 255');
  demand(request.fromTag !== null, 'From has no tag');
}

function demand(condition: boolean, problem: string): void {
  if (!condition) throw new SipError('syntax', problem);
}

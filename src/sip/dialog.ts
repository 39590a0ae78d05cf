/**
 * Dialogs (RFC 3261 section 12): Call-ID, local tag and remote tag; early until a 2xx.
 *
 * The route set is the Record-Route of the response, reversed, at the caller, and of the request, as it is, at the
 * callee; it is fixed by the first message that made the dialog, save that a 2xx fixes it again for the caller
 * (13.2.2.4). The remote target follows every Contact of a target refresh (INVITE, UPDATE).
 */
import { SipError } from './errors.ts';
import { formatNameAddr, tagOf } from './fields.ts';
import { SipRequest } from './message.ts';
import type { SipMessage } from './head-and-body.ts';
import type { SipResponse } from './message.ts';
import { withParam } from './text.ts';

export interface DialogParts {
  readonly callId: string;
  /** From value for requests of this side, tag included. */
  readonly local: string;
  /** To value for requests of this side, tag included. */
  readonly remote: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly isCaller: boolean;
  readonly localSeq: number;
  readonly remoteSeq: number | null;
  readonly remoteTarget: string;
  readonly routeSet: readonly string[];
}

export class Dialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** Whether this side began it: the Call-ID is its own. */
  readonly isCaller: boolean;
  readonly #local: string;
  readonly #remote: string;
  #localSeq: number;
  #remoteSeq: number | null;
  #remoteTarget: string;
  #routeSet: readonly string[];
  state: 'early' | 'confirmed' | 'terminated' = 'early';

  constructor(parts: DialogParts) {
    this.callId = parts.callId;
    this.localTag = parts.localTag;
    this.remoteTag = parts.remoteTag;
    this.isCaller = parts.isCaller;
    this.#local = parts.local;
    this.#remote = parts.remote;
    this.#localSeq = parts.localSeq;
    this.#remoteSeq = parts.remoteSeq;
    this.#remoteTarget = parts.remoteTarget;
    this.#routeSet = parts.routeSet;
  }

  /**
   * The caller's dialog from a response with a To tag; `routeSet` where it is not the response's own, reversed.
   * @throws SipError `syntax` without tag
   */
  static atCaller(
    request: SipRequest,
    response: SipResponse,
    routeSet: readonly string[] = response.list('Record-Route').reverse(),
  ): Dialog {
    return new Dialog({
      callId: request.callId,
      local: request.first('From') ?? '',
      remote: response.first('To') ?? '',
      localTag: needTag(request.fromTag),
      remoteTag: needTag(response.toTag),
      isCaller: true,
      localSeq: request.cseq.number,
      remoteSeq: null,
      remoteTarget: targetOf(response) ?? request.uri,
      routeSet,
    });
  }

  /** The callee's dialog from the INVITE and the tag that it answers with. */
  static atCallee(request: SipRequest, localTag: string): Dialog {
    const { to } = request;
    return new Dialog({
      callId: request.callId,
      local: formatNameAddr({ ...to, params: withParam(to.params, 'tag', localTag) }),
      remote: request.first('From') ?? '',
      localTag,
      remoteTag: tagOf(request.from) ?? '',
      isCaller: false,
      localSeq: 0,
      remoteSeq: request.cseq.number,
      remoteTarget: targetOf(request) ?? request.from.uri.text,
      routeSet: request.list('Record-Route'),
    });
  }

  /** Call-ID and tags in one word, for tables. */
  get key(): string {
    return dialogKey(this.callId, this.localTag, this.remoteTag);
  }

  get remoteTarget(): string {
    return this.#remoteTarget;
  }

  get routeSet(): readonly string[] {
    return this.#routeSet;
  }

  /** A 2xx fixes the caller's route set and target for good. */
  confirm(response: SipResponse | null): void {
    if (response !== null && this.state === 'early') this.#routeSet = response.list('Record-Route').reverse();
    if (response !== null) this.refresh(response);
    this.state = 'confirmed';
  }

  /** Follows the Contact of a target refresh. */
  refresh(message: SipMessage): void {
    this.#remoteTarget = targetOf(message) ?? this.#remoteTarget;
  }

  /** A request within the dialog (12.2.1.1). ACK and CANCEL name the CSeq of their INVITE; others get the next. */
  request(method: string, cseq?: number): SipRequest {
    if (this.state === 'terminated') throw new SipError('state', 'the dialog has ended');
    const number = cseq ?? ++this.#localSeq;
    const request = new SipRequest(method, this.#remoteTarget);
    for (const route of this.#routeSet) request.append('Route', route);
    request.append('Max-Forwards', '70');
    request.append('From', this.#local);
    request.append('To', this.#remote);
    request.append('Call-ID', this.callId);
    request.append('CSeq', `${number} ${method}`);
    return request;
  }

  /** Takes note of a CSeq that this side has used, e.g. for a request sent again with credentials. */
  used(cseq: number): void {
    this.#localSeq = Math.max(this.#localSeq, cseq);
  }

  /** Section 12.2.2: whether a request of the far end comes in order; takes note of its CSeq if so. */
  inOrder(request: SipRequest): boolean {
    const { number } = request.cseq;
    if (this.#remoteSeq !== null && number <= this.#remoteSeq) return false;
    this.#remoteSeq = number;
    return true;
  }
}

/** The key of the dialog with these tags, seen from the side of `localTag`. */
export function dialogKey(callId: string, localTag: string, remoteTag: string): string {
  return `${callId}\n${localTag}\n${remoteTag}`;
}

function targetOf(message: SipMessage): string | null {
  return message.contacts[0]?.uri.text ?? null;
}

function needTag(tag: string | null): string {
  if (tag === null) throw new SipError('syntax', 'a dialog needs tags');
  return tag;
}

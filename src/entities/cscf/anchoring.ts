/**
 * The IMS application level gateway (TS 23.228 annex G): media of a call run through the media gateway. Every session
 * description that passes is reported to the gateway as part of the wanted state, and its c= and m= lines are
 * rewritten to where the gateway listens on the other side. MIKEY stays untouched.
 *
 *     A ──offer: A's ports──► CSCF ──put(a = A's ports)──► gateway: listens at g.a (for A), g.b (for B)
 *                             CSCF ──offer: g.b──► B;      B's answer: put(b = B's ports), A is told g.a
 *
 * Each branch of a forked INVITE has a session of its own, since each device answers with ports of its own. Where a
 * proxy behind forks once more, its early dialogs share the session of the branch, and the dialog that is heard of
 * last has the media; so the one that wins has them in the end.
 *
 * What would lead media past the gateway is taken out, as the standards have it for a node that does not do ICE
 * (RFC 8839 section 5): candidates, and with them all that speaks of ICE, and `a=rtcp`, which is not true any more. A
 * description within a multipart body, or encoded, would lead media past it as well: a request with one is refused, an
 * answer goes on without its body.
 */
import type { Logger } from '../../bytes/ports.ts';
import { SipError } from '../../sip/errors.ts';
import { SDP_TYPE, SessionDescription } from '../../sip/sdp.ts';
import { fromOctets } from '../../sip/text.ts';
import type { Medium } from '../../sip/sdp.ts';
import type { SipMessage } from '../../sip/message.ts';
import type { MediaAnchor } from './ports.ts';
import type { AnchoredStream, MediaAddress, WantedSession } from '../../wire/iq/sessions.ts';

export type Side = 'a' | 'b';

export function otherSide(side: Side): Side {
  return side === 'a' ? 'b' : 'a';
}

const PAST_THE_GATEWAY =
  /^(?:rtcp|candidate|remote-candidates|end-of-candidates|ice-ufrag|ice-pwd|ice-options|ice-pacing|ice-lite|ice-mismatch)(?::|$)/;
/** RFC 3264 section 8.4: the address by which RFC 2543 put a party on hold. */
const NOWHERE = ['0.0.0.0', '::'];

interface Session {
  readonly id: string;
  readonly sdps: { a: string | null; b: string | null };
  readonly media: { a: readonly Medium[] | null; b: readonly Medium[] | null };
  local: readonly AnchoredStream[];
}

/** The media sessions of one call. */
export class AnchoredCall {
  readonly #anchor: MediaAnchor;
  readonly #logger: Logger;
  readonly #correlation: Uint8Array;
  readonly #parties: () => WantedSession['parties'];
  readonly #newId: (branch: string) => string;
  readonly #byBranch = new Map<string, Session>();
  readonly #byDialog = new Map<string, Session>();

  constructor(
    anchor: MediaAnchor,
    logger: Logger,
    call: {
      readonly correlation: Uint8Array;
      readonly parties: () => WantedSession['parties'];
      readonly newId: (branch: string) => string;
    },
  ) {
    this.#anchor = anchor;
    this.#logger = logger;
    this.#correlation = call.correlation;
    this.#parties = call.parties;
    this.#newId = call.newId;
  }

  /** A message on a branch of the first INVITE; `calleeTag` once the callee has one. */
  onBranch(
    message: SipMessage,
    from: Side,
    branch: string,
    calleeTag: string | null,
  ): Promise<void> | undefined {
    let session = this.#byBranch.get(branch);
    if (session === undefined) {
      session = {
        id: this.#newId(branch),
        sdps: { a: null, b: null },
        media: { a: null, b: null },
        local: [],
      };
      this.#byBranch.set(branch, session);
    }
    if (calleeTag !== null) this.#byDialog.set(calleeTag, session);
    return this.#rewrite(message, from, session);
  }

  /** A message within a dialog. */
  inDialog(message: SipMessage, from: Side, calleeTag: string): Promise<void> | undefined {
    const session = this.#byDialog.get(calleeTag);
    return session === undefined ? undefined : this.#rewrite(message, from, session);
  }

  /** A branch has failed: its media are not needed. */
  releaseBranch(branch: string): void {
    const session = this.#byBranch.get(branch);
    if (session === undefined) return;
    this.#byBranch.delete(branch);
    for (const [tag, each] of this.#byDialog) if (each === session) this.#byDialog.delete(tag);
    this.#delete(session);
  }

  /** A dialog has ended: its media are not needed, unless another dialog of the branch has them. */
  releaseDialog(calleeTag: string): void {
    const session = this.#byDialog.get(calleeTag);
    this.#byDialog.delete(calleeTag);
    if ([...this.#byDialog.values()].some((each) => each === session)) return;
    for (const [branch, each] of this.#byBranch) if (each === session) this.releaseBranch(branch);
  }

  release(): void {
    for (const branch of [...this.#byBranch.keys()]) this.releaseBranch(branch);
  }

  #rewrite(message: SipMessage, from: Side, session: Session): Promise<void> | undefined {
    if (hidesSdp(message))
      throw new SipError('unsupported-body', 'the session description is not in the open');
    if (message.body.length === 0 || message.contentType !== SDP_TYPE) return undefined;
    const sdp = SessionDescription.parse(message.body);
    // A description for people to read may be in any character set: what is not UTF-8 is shown replaced.
    const text = new TextDecoder().decode(message.body);
    if (text === session.sdps[from] && sdp.media.every(({ port }, k) => port === 0 || session.local[k])) {
      this.#apply(message, sdp, from, session);
      return undefined;
    }
    session.sdps[from] = text;
    session.media[from] = sdp.media;
    return this.#anchor.put(session.id, this.#wanted(session, from)).then((local) => {
      session.local = local;
      this.#apply(message, sdp, from, session);
    });
  }

  #apply(message: SipMessage, sdp: SessionDescription, from: Side, session: Session): void {
    const towards = otherSide(from);
    const shared = session.local.find((each) => each !== null)?.[towards];
    if (shared !== undefined) sdp.setConnection(connection(shared.address));
    for (const [k, medium] of sdp.media.entries()) {
      const local = session.local[k]?.[towards];
      if (medium.port > 0 && local !== undefined) sdp.setMedium(k, local.port, connection(local.address));
    }
    sdp.dropAttributes((attribute) => PAST_THE_GATEWAY.test(attribute));
    message.replaceBody(sdp.serialise());
  }

  /** A stream is off where the latest description says so; what the other side said of it before is history. */
  #wanted(session: Session, latest: Side): WantedSession {
    const { a, b } = session.media;
    const count = Math.max(a?.length ?? 0, b?.length ?? 0);
    const streams = Array.from({ length: count }, (_, k) => {
      if (session.media[latest]?.[k]?.port === 0) return null;
      return { a: addressOf(a?.[k]), b: addressOf(b?.[k]) };
    });
    return { correlation: this.#correlation, parties: this.#parties(), sdps: { ...session.sdps }, streams };
  }

  #delete(session: Session): void {
    this.#anchor.delete(session.id).catch((cause: unknown) => {
      const problem = cause instanceof Error ? cause.message : 'unknown';
      this.#logger.warn({ session: session.id, problem }, 'a media session could not be ended');
    });
  }
}

/** Where a party receives the media of an m= line; RTCP by `a=rtcp` (RFC 3605) or `a=rtcp-mux` (RFC 5761). */
/** What a request is answered whose description cannot be used (RFC 3261 sections 21.4.13, 21.4.26); `null`: not its fault. */
export function refusalOf(error: unknown): number | null {
  if (!(error instanceof SipError)) return null;
  if (error.code === 'syntax') return 488;
  return error.code === 'unsupported-body' ? 415 : null;
}

/** A description that is encoded, or a part of another body (RFC 5621). */
function hidesSdp(message: SipMessage): boolean {
  const type = message.contentType ?? '';
  if (message.body.length === 0) return false;
  if (type.startsWith('multipart/')) return /application\/sdp/i.test(fromOctets(message.body));
  const encoding = message.first('Content-Encoding')?.trim().toLowerCase() ?? 'identity';
  return type === SDP_TYPE && encoding !== 'identity';
}

function addressOf(medium: Medium | undefined): MediaAddress | null {
  const address = medium?.connection?.address;
  if (medium === undefined || address === undefined || medium.port === 0) return null;
  if (NOWHERE.includes(address)) return null;
  const own = { address, port: medium.port };
  if (medium.attributes.includes('rtcp-mux')) return { ...own, rtcp: own };
  const rtcp = medium.attributes.flatMap(
    (value) => /^rtcp:(\d{1,5})(?: IN IP[46] (\S+))?$/.exec(value) ?? [],
  );
  const [, port, host] = rtcp;
  return port === undefined ? own : { ...own, rtcp: { address: host ?? address, port: Number(port) } };
}

function connection(address: string): { addressType: 'IP4' | 'IP6'; address: string } {
  return { addressType: address.includes(':') ? 'IP6' : 'IP4', address };
}

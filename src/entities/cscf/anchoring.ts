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
 * last has the media; once one is accepted it has them, whatever the others still say, and also where its 2xx describes
 * nothing (RFC 3262). What a dialog describes goes with its own description of the other side, never with another's: with
 * an INVITE without an offer, the caller's answers in all of them come after the last callee's offer.
 *
 * What would lead media past the gateway is taken out (`addresses.ts`). A description that cannot be read or led to the
 * gateway does not go on: here that is an error, and whoever sends the message on sees to the transaction.
 */
import { messageOf } from '../../bytes/errors.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { IqError } from '../../wire/iq/errors.ts';
import { otherSide } from '../../wire/iq/sessions.ts';
import type { Logger } from '../../bytes/ports.ts';
import { openDescription } from '../../sip/descriptions.ts';
import { SipError } from '../../sip/errors.ts';
import { instanceNames } from '../../sip/further-names.ts';
import type { Medium, SessionDescription } from '../../sip/sdp.ts';
import type { SipMessage } from '../../sip/head-and-body.ts';
import { addressOf, checkAddresses, leadToGateway } from './addresses.ts';
import { CscfError } from './errors.ts';
import type { MediaAnchor } from './ports.ts';
import type { AnchoredStream, WantedSession, Side } from '../../wire/iq/sessions.ts';

/** What both sides have described, and what the gateway was told. */
export interface MediaState {
  readonly sdps: { readonly a: string | null; readonly b: string | null };
  readonly media: { readonly a: readonly Medium[] | null; readonly b: readonly Medium[] | null };
  /** URNs of the devices that described them: each description is one device's. */
  readonly devices: { readonly a: readonly string[]; readonly b: readonly string[] };
  readonly wanted: WantedSession | null;
  readonly local: readonly AnchoredStream[];
}

interface Session {
  readonly id: string;
  readonly branch: string;
  /** How the media stood before there was a dialog: what each of them begins with. */
  first: MediaState;
  /** What the gateway was told last. */
  state: MediaState;
  /** Callee's tags of the dialogs that were accepted; the last has the media. */
  readonly accepted: string[];
  /** What is under way at the gateway, and must not be overtaken; `null`: nothing. */
  pending: Promise<void> | null;
}

const NOTHING: MediaState = {
  sdps: { a: null, b: null },
  media: { a: null, b: null },
  devices: { a: [], b: [] },
  wanted: null,
  local: [],
};

/** The media sessions of one call. */
export class AnchoredCall {
  readonly #anchor: MediaAnchor;
  readonly #logger: Logger;
  readonly #correlation: Uint8Array;
  readonly #parties: (branch: string) => WantedSession['parties'];
  readonly #newId: (branch: string) => string;
  readonly #signalling: (at: NetworkAddress) => boolean;
  readonly #byBranch = new Map<string, Session>();
  readonly #byDialog = new Map<string, Session>();
  /** How the media of each dialog stood when it last described some. */
  readonly #described = new Map<string, MediaState>();

  constructor(
    anchor: MediaAnchor,
    logger: Logger,
    call: {
      readonly correlation: Uint8Array;
      /** Who takes part in what came of a branch. */
      readonly parties: (branch: string) => WantedSession['parties'];
      readonly newId: (branch: string) => string;
      /** Whether SIP is spoken at an address: no description may lead media there. */
      readonly signalling: (at: NetworkAddress) => boolean;
    },
  ) {
    this.#anchor = anchor;
    this.#logger = logger;
    this.#correlation = call.correlation;
    this.#parties = call.parties;
    this.#newId = call.newId;
    this.#signalling = call.signalling;
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
      const nothing = { first: NOTHING, state: NOTHING, accepted: [], pending: null };
      session = { id: this.#newId(branch), branch, ...nothing };
      this.#byBranch.set(branch, session);
    }
    if (calleeTag !== null) this.#byDialog.set(calleeTag, session);
    return this.#rewrite(message, from, session, calleeTag);
  }

  /** A message within a dialog. */
  inDialog(message: SipMessage, from: Side, calleeTag: string): Promise<void> | undefined {
    const session = this.#byDialog.get(calleeTag);
    if (session !== undefined) return this.#rewrite(message, from, session, calleeTag);
    if (openDescription(message) !== null)
      throw new SipError('unsupported-body', 'a session description in a dialog without media');
    return undefined;
  }

  /** A dialog is accepted: of those that share a session it has the media. Never throws. */
  async taken(calleeTag: string): Promise<void> {
    const session = this.#byDialog.get(calleeTag);
    if (session === undefined) return;
    forget(session, calleeTag);
    session.accepted.push(calleeTag);
    await this.#bring(session, this.#described.get(calleeTag));
  }

  /** How the media of a dialog stand; `null` if it has none. */
  state(calleeTag: string): MediaState | null {
    const session = this.#byDialog.get(calleeTag);
    return session === undefined ? null : this.#standing(session, calleeTag);
  }

  /**
   * An offer within a dialog was refused: the media are again as they were `before` it, unless others came `since`. Never
   * throws. Whoever calls waits, so that neither the next offer nor the end of the call overtakes it at the gateway.
   */
  async restore(calleeTag: string, before: MediaState, since: MediaState): Promise<void> {
    const session = this.#byDialog.get(calleeTag);
    if (session === undefined || before === since || before.wanted === null) return;
    if (this.#standing(session, calleeTag) !== since) return;
    this.#described.set(calleeTag, before);
    if (session.state === since) await this.#bring(session, before);
  }

  /** The media of a session are as one of its dialogs has described them. */
  async #bring(session: Session, own: MediaState | undefined): Promise<void> {
    if (own === undefined || own === session.state) return;
    session.state = own;
    await this.#putAgain(session.id, own);
  }

  /** What a dialog has described, else what it began with. */
  #standing(session: Session, calleeTag: string | null): MediaState {
    return this.#described.get(calleeTag ?? '') ?? session.first;
  }

  async #putAgain(session: string, { wanted }: MediaState): Promise<void> {
    if (wanted === null) return;
    await this.#anchor.put(session, wanted).catch((cause: unknown) => {
      const problem = messageOf(cause);
      this.#logger.warn({ session, problem }, 'a media session could not be brought back');
    });
  }

  /** IDs of its sessions at the gateway, of those that it has been told of. */
  get sessions(): readonly string[] {
    return [...this.#byBranch.values()].flatMap(({ id, state }) => (state.wanted === null ? [] : [id]));
  }

  /** Callee's tags of the dialogs whose media are in a session. */
  dialogsOf(id: string): readonly string[] {
    return [...this.#byDialog].flatMap(([tag, session]) => (session.id === id ? [tag] : []));
  }

  /** A branch has failed: its media are not needed. */
  releaseBranch(branch: string): void {
    const session = this.#byBranch.get(branch);
    if (session === undefined) return;
    this.#byBranch.delete(branch);
    for (const [tag, each] of this.#byDialog) {
      if (each !== session) continue;
      this.#byDialog.delete(tag);
      this.#described.delete(tag);
    }
    this.#delete(session);
  }

  /** A dialog has ended: its media are not needed, unless another dialog of the branch has them. */
  releaseDialog(calleeTag: string): void {
    const session = this.#byDialog.get(calleeTag);
    this.#byDialog.delete(calleeTag);
    this.#described.delete(calleeTag);
    if (session === undefined) return;
    if ([...this.#byDialog.values()].includes(session)) {
      forget(session, calleeTag);
      session.pending = this.#bring(session, this.#described.get(session.accepted.at(-1) ?? ''));
      return;
    }
    for (const [branch, each] of this.#byBranch) if (each === session) this.releaseBranch(branch);
  }

  release(): void {
    for (const branch of [...this.#byBranch.keys()]) this.releaseBranch(branch);
  }

  #rewrite(
    message: SipMessage,
    from: Side,
    session: Session,
    calleeTag: string | null,
  ): Promise<void> | undefined {
    const sdp = openDescription(message);
    if (sdp === null) return undefined;
    checkAddresses(sdp);
    // A description for people to read may be in any character set: what is not UTF-8 is shown replaced.
    const text = new TextDecoder().decode(message.body);
    const before = this.#standing(session, calleeTag);
    const { sdps, media, devices } = before;
    const { local } = session.state;
    const own = devicesIn(message) ?? devices[from];
    const isSame = text === sdps[from] && own.join() === devices[from].join();
    if (isSame && before === session.state && sdp.media.every(({ port }, k) => port === 0 || local[k])) {
      this.#apply(message, sdp, from, local);
      return undefined;
    }
    const state = {
      sdps: { ...sdps, [from]: text },
      media: { ...media, [from]: sdp.media },
      devices: { ...devices, [from]: own },
    };
    const wanted = this.#wanted(state, session.branch, from, isOffer(message));
    this.#checkDestinations(wanted, from);
    return this.#tell(session, calleeTag, { ...state, wanted, local }).then((anchored) => {
      this.#apply(message, sdp, from, anchored);
    });
  }

  /** Tells the gateway what a dialog describes; where another has the media, only of streams beyond those. */
  async #tell(
    session: Session,
    calleeTag: string | null,
    described: MediaState & { readonly wanted: WantedSession },
  ): Promise<readonly AnchoredStream[]> {
    await session.pending;
    const has = session.accepted.at(-1) ?? calleeTag;
    let told = described.wanted;
    if (has !== calleeTag) told = withRoomFor(session.state.wanted ?? told, told);
    const local = await this.#anchor.put(session.id, told);
    const own = { ...described, local };
    session.state = has === calleeTag ? own : { ...session.state, wanted: told, local };
    if (calleeTag === null) session.first = own;
    else this.#described.set(calleeTag, own);
    if (has !== null && has !== calleeTag) this.#described.set(has, session.state);
    return local;
  }

  #apply(message: SipMessage, sdp: SessionDescription, from: Side, local: readonly AnchoredStream[]): void {
    leadToGateway(
      sdp,
      local.map((each) => each?.[otherSide(from)] ?? null),
    );
    message.replaceBody(sdp.serialise());
  }

  /**
   * A stream is off where the latest description says so; what the other side said of it before is history. An offer to
   * switch off what is up does so with its answer: it may be refused.
   */
  #wanted(
    { sdps, media, devices }: Pick<MediaState, 'sdps' | 'media' | 'devices'>,
    branch: string,
    latest: Side,
    offer: boolean,
  ): WantedSession {
    const { a, b } = media;
    const count = Math.max(a?.length ?? 0, b?.length ?? 0);
    const streams = Array.from({ length: count }, (_, k) => {
      const other = media[otherSide(latest)]?.[k]?.port ?? 0;
      if (media[latest]?.[k]?.port === 0 && !(offer && other > 0)) return null;
      return { a: addressOf(a?.[k], b?.[k]), b: addressOf(b?.[k], a?.[k]) };
    });
    const names = this.#parties(branch);
    const parties = { a: [...names.a, ...devices.a], b: [...names.b, ...devices.b] };
    return { correlation: this.#correlation, parties, sdps, streams };
  }

  /** @throws CscfError `destination` */
  #checkDestinations({ streams }: WantedSession, from: Side): void {
    for (const stream of streams) {
      const at = stream?.[from] ?? null;
      if (at === null) continue;
      const rtcp = at.rtcp ?? { address: at.address, port: at.port + 1 };
      if (this.#signalling(at) || this.#signalling(rtcp))
        throw new CscfError(
          'destination',
          `SDP: SIP is spoken at ${at.address}:${at.port}, media cannot go there`,
        );
    }
  }

  #delete(session: Session): void {
    const end = (): Promise<void> => this.#anchor.delete(session.id);
    const ended = session.pending === null ? end() : session.pending.then(end);
    ended.catch((cause: unknown) => {
      const problem = messageOf(cause);
      this.#logger.warn({ session: session.id, problem }, 'a media session could not be ended');
    });
  }
}

/** A dialog of a session is accepted anew, or has ended. */
function forget({ accepted }: Session, calleeTag: string): void {
  const at = accepted.indexOf(calleeTag);
  if (at >= 0) accepted.splice(at, 1);
}

/** The media of a dialog that has them, with streams for what another of the session describes beyond these. */
function withRoomFor(wanted: WantedSession, other: WantedSession): WantedSession {
  const count = Math.max(wanted.streams.length, other.streams.length);
  const streams = Array.from({ length: count }, (_, k) => {
    return wanted.streams[k] ?? ((other.streams[k] ?? null) === null ? null : { a: null, b: null });
  });
  return { ...wanted, streams };
}

/** Whether a description in this message may be refused yet. */
function isOffer(message: SipMessage): boolean {
  return message.kind === 'request' && message.cseq.method !== 'ACK';
}

/** What a request is answered whose description cannot be used (RFC 3261 sections 21.4.1, 21.4.13, 21.4.26); `null`: not its fault. */
export function refusalOf(error: unknown): number | null {
  if (error instanceof CscfError && error.code === 'destination') return 488;
  if (error instanceof IqError) return error.code === 'too-large' ? 488 : null;
  if (!(error instanceof SipError)) return null;
  if (error.code === 'syntax' || error.code === 'too-large') return 488;
  if (error.code === 'untyped-body') return 400;
  return error.code === 'unsupported-body' ? 415 : null;
}

/** Devices that are told of one description; whoever sends it has one. */
const MAX_DEVICES = 4;

/** What Contact says of the device that sends a description; `null`: there is no Contact. */
function devicesIn(message: SipMessage): readonly string[] | null {
  if (message.first('Contact') === null) return null;
  return instanceNames(message).slice(0, MAX_DEVICES);
}

/**
 * What each part opens and redraws of the initial exchange:
 *
 *     initiator   opens R_MESSAGE_1 and R_MESSAGE_2's IBAKE       redraws ECCPTi of I_MESSAGE_1 (and the SK of an ESK)
 *     responder   opens I_MESSAGE_1 and I_MESSAGE_2               redraws ECCPTr of R_MESSAGE_1
 *     recipient   opens I_MESSAGE_1 and the ESK                   nothing: the SK is in the ESK
 *
 * An SK keys the initiator's streams of content left with a mailbox, and is not itself answered.
 *
 * What no opened container shows is covered by the transcript of one: R_MESSAGE_1's over I_MESSAGE_1, I_MESSAGE_2's over
 * both. A responder without I_MESSAGE_2 has R_MESSAGE_1's header, map and nonce unverified, and is told so.
 */
import { equalOctets } from '../../../bytes/octets.ts';
import type { Secret } from '../../../bytes/secret.ts';
import { decodeContainer, type Bindings } from '../../../ibake/container.ts';
import type { EcCurve } from '../../../ibake/curves.ts';
import { sameEccpt, type Eccpt } from '../../../ibake/eccpt.ts';
import type { IMessage2, MessageBase, SealedPart } from '../../../ibake/messages.ts';
import {
  decodePoints,
  decodeSecretKey,
  identitiesOf,
  type PlaintextForm,
  type PointPair,
} from '../../../ibake/plaintext.ts';
import { SECRET_ROLE } from '../../../ibake/recoverable-secret.ts';
import { sha256 } from '../../../ibake/sealing.ts';
import { verifies, type Csb, type CsbKeys, type Spis } from '../../../ibake/session-keys.ts';
import { spisOf } from '../../../ibake/session.ts';
import type { QuestionMessages } from './messages.ts';
import type { Opener } from './opening.ts';
import type { Drawn, Redrawer } from './redraw.ts';
import { inconsistent } from './refusal.ts';

/** The keys in force, after the initial exchange or an update. */
export interface Recovered {
  readonly keys: CsbKeys;
  readonly spis: Spis;
  /** Of the initial exchange; updates stay on it. */
  readonly curve: EcCurve;
  /**
   * In the initial exchange the party's own point was seen to match, or R_MESSAGE_2's V verified: then the keys are never
   * wrong, after updates neither, whose own V is checked always.
   */
  readonly isVerified: boolean;
  /** Whether SSRCs and policy numbers stand in a header that a binding, a transcript or V covers. */
  readonly isHeaderVerified: boolean;
}

/** Both points as far as opened containers show them. */
export async function recoverInitiator(
  messages: QuestionMessages,
  csb: Csb,
  opener: Opener,
  redrawer: Redrawer,
): Promise<Recovered> {
  const { iMessage1, rMessage1, rMessage2 } = messages;
  const answer = await pointsIn('R_MESSAGE_1', opener, rMessage1, rMessage1.ibake, {
    transcript: sha256(iMessage1.octets),
  });
  const echo =
    rMessage2 === null || rMessage2.ibake === null
      ? null
      : await pointsIn('R_MESSAGE_2', opener, rMessage2, rMessage2.ibake, {});
  const eccpti = agreed(answer.eccpti, echo?.eccpti ?? null);
  const drawn = drawnIn(iMessage1, iMessage1.ibake);
  const peer = presentPoint(answer.eccptr);
  const keys = await redrawer.agree(SECRET_ROLE.iMessage1, drawn, eccpti, peer);
  // R_MESSAGE_1 is opened, so that its binding covers its header.
  const found = { keys, spis: spisOf(eccpti, peer), curve: peer.curve, isHeaderVerified: true };
  return finished(messages, csb, { ...found, isVerified: eccpti !== null });
}

export async function recoverResponder(
  messages: QuestionMessages,
  csb: Csb,
  opener: Opener,
  redrawer: Redrawer,
): Promise<Recovered> {
  const { iMessage1, rMessage1, iMessage2 } = messages;
  const offer = await opener.open(iMessage1.ibake.encrData, iMessage1.t, boundTo(iMessage1.ibake, {}));
  const offered = offer === null ? null : decodePoints('I_MESSAGE_1', offer, identitiesOf(iMessage1)).eccpti;
  const confirmed = iMessage2 === null ? null : await confirmation(messages, iMessage2, opener);
  // Retargeted, the party learns ECCPTi from I_MESSAGE_2 alone.
  const peer = presentPoint(agreed(offered, confirmed?.eccpti ?? null));
  const own = confirmed?.eccptr ?? null;
  const drawn = drawnIn(rMessage1, rMessage1.ibake, iMessage1.ibake);
  const keys = await redrawer.agree(SECRET_ROLE.rMessage1, drawn, own, peer);
  const found = { keys, spis: spisOf(peer, own), curve: peer.curve, isHeaderVerified: own !== null };
  return finished(messages, csb, { ...found, isVerified: own !== null });
}

/** The SK that the initiator sends; nothing here verifies it. `null` without an ESK, which IBAKE must not name then. */
export async function redrawSecretKey(
  iMessage2: IMessage2 | null,
  redrawer: Redrawer,
): Promise<Secret | null> {
  if (iMessage2 === null) return null;
  requireEskBinding(iMessage2);
  if (iMessage2.esk === null) return null;
  return redrawer.secretKey({
    message: iMessage2,
    encrData: iMessage2.esk.encrData,
    prefixes: [iMessage2.ibake.prefix],
  });
}

/** The SK that was sent to the recipient, and the SPI of the streams that it keys. */
export async function openSecretKey(
  { iMessage1, iMessage2 }: QuestionMessages,
  opener: Opener,
): Promise<{ readonly sk: Secret; readonly mki: Uint8Array }> {
  if (iMessage2 === null || iMessage2.esk === null) throw inconsistent();
  const { eccpti } = await pointsIn('I_MESSAGE_1', opener, iMessage1, iMessage1.ibake, {});
  requireEskBinding(iMessage2);
  const plaintext = await opener.openOwn(iMessage2.esk.encrData, iMessage2.t, boundTo(iMessage2.ibake, {}));
  return { sk: decodeSecretKey(plaintext, iMessage2.idri.data), mki: presentPoint(eccpti).spi };
}

/* ---------------------------------------------------------------- helpers */

function confirmation(
  { iMessage1, rMessage1 }: QuestionMessages,
  iMessage2: IMessage2,
  opener: Opener,
): Promise<PointPair> {
  return pointsIn('I_MESSAGE_2', opener, iMessage2, iMessage2.ibake, {
    esk: iMessage2.esk === null ? null : sha256(iMessage2.esk.payload),
    transcript: sha256(iMessage1.octets, rMessage1.octets),
  });
}

/** The points in a container that must be addressed to the party. */
export async function pointsIn(
  form: PlaintextForm,
  opener: Opener,
  message: MessageBase,
  ibake: SealedPart,
  bindings: Partial<Bindings>,
): Promise<PointPair> {
  const plaintext = await opener.openOwn(ibake.encrData, message.t, boundTo(ibake, bindings));
  return decodePoints(form, plaintext, identitiesOf(message));
}

/** The bindings of a container in its place. */
export function boundTo({ prefix }: SealedPart, others: Partial<Bindings>): Bindings {
  return { esk: null, transcript: null, ...others, prefix: sha256(prefix) };
}

/** What the context of a secret has of the message that first sends its point; `answered` precedes an R_MESSAGE_1. */
export function drawnIn(message: MessageBase, ibake: SealedPart, answered?: SealedPart): Drawn {
  const prefixes = [...(answered === undefined ? [] : [answered.prefix]), ibake.prefix];
  return { message, encrData: ibake.encrData, prefixes };
}

export function presentPoint(point: Eccpt | null): Eccpt {
  if (point === null) throw inconsistent();
  return point;
}

/** The V of R_MESSAGE_2 must verify where it is given. */
function finished({ rMessage2 }: QuestionMessages, csb: Csb, found: Recovered): Recovered {
  if (rMessage2 === null) return found;
  if (!verifies(rMessage2, found.keys.mpk, csb)) throw inconsistent();
  return { ...found, isVerified: true, isHeaderVerified: true };
}

/** One point that two containers may show. */
function agreed(a: Eccpt | null, b: Eccpt | null): Eccpt | null {
  if (a !== null && b !== null && !sameEccpt(a, b)) throw inconsistent();
  return a ?? b;
}

/** IBAKE says which ESK follows it, if any; its container is somebody else's, so this is its word in the clear. */
function requireEskBinding({ ibake, esk }: IMessage2): void {
  const said = decodeContainer(ibake.encrData).bindings.esk;
  const found = esk === null ? null : sha256(esk.payload);
  const isSame = said === null || found === null ? said === found : equalOctets(said, found);
  if (!isSame) throw inconsistent();
}

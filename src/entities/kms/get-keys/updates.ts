/**
 * A CSB update at the KMS (profile, sections 3 and 6; RFC 6267 section 5.3).
 *
 *     with IBAKE      R_MESSAGE_1's V under the new MPK proves the new keys by itself, and its container binds the update's
 *                     I_MESSAGE_1. That one's V is under an MPK of an update that the question need not carry: not checked
 *     without         both Vs are under the MPK in force, of the exchange or update before it in the question
 *
 * So a question costs the same after any number of updates. Each container's recipient is the other side's device, which
 * shows who started: the party opens what is addressed to it, I_MESSAGE_1 or R_MESSAGE_1.
 */
import type { Eccpt } from '../../../ibake/eccpt.ts';
import type { SealedPart } from '../../../ibake/messages.ts';
import { decodePoints, identitiesOf } from '../../../ibake/plaintext.ts';
import { SECRET_ROLE } from '../../../ibake/recoverable-secret.ts';
import { sha256 } from '../../../ibake/sealing.ts';
import { verifies, type Csb, type CsbKeys, type Spis } from '../../../ibake/session-keys.ts';
import { spisOf } from '../../../ibake/session.ts';
import type { UpdateMessages } from './messages.ts';
import type { Opener } from './opening.ts';
import type { TargetParty } from './party.ts';
import { boundTo, drawnIn, pointsIn, presentPoint, type Recovered } from './recovery.ts';
import type { Redrawer } from './redraw.ts';
import { inconsistent } from './refusal.ts';

interface Tools {
  readonly party: TargetParty;
  readonly opener: Opener;
  readonly redrawer: Redrawer;
}

/** The keys in force after an update. @throws Refusal */
export async function recoverUpdate(
  update: UpdateMessages,
  before: Recovered,
  csb: Csb,
  tools: Tools,
): Promise<Recovered> {
  const { iMessage1, rMessage1 } = update;
  const [asked, answered] = [iMessage1.ibake, rMessage1.ibake];
  if (asked === null || answered === null) {
    if (!verifies(iMessage1, before.keys.mpk, csb)) throw inconsistent();
    if (!verifies(rMessage1, before.keys.mpk, csb)) throw inconsistent();
    return { ...before, isHeaderVerified: true };
  }
  const rekeyed = await rekey(update, { asked, answered }, before, tools);
  if (!verifies(rMessage1, rekeyed.keys.mpk, csb)) throw inconsistent();
  return { ...before, ...rekeyed, isHeaderVerified: true };
}

async function rekey(
  { iMessage1, rMessage1 }: UpdateMessages,
  { asked, answered }: { readonly asked: SealedPart; readonly answered: SealedPart },
  { curve }: Recovered,
  { party, opener, redrawer }: Tools,
): Promise<{ keys: CsbKeys; spis: Spis }> {
  const opened = await opener.open(asked.encrData, iMessage1.t, boundTo(asked, {}));
  if (opened !== null) {
    const peer = presentPoint(decodePoints('I_MESSAGE_1', opened, identitiesOf(iMessage1)).eccpti);
    if (peer.curve.id !== curve.id) throw inconsistent();
    const drawn = drawnIn(rMessage1, answered, asked);
    const keys = await redrawer.agree(SECRET_ROLE.rMessage1, drawn, null, peer);
    return { keys, spis: spisFor(party, null, peer) };
  }
  const transcript = sha256(iMessage1.octets);
  const points = await pointsIn('R_MESSAGE_1', opener, rMessage1, answered, { transcript });
  const own = presentPoint(points.eccpti);
  const peer = presentPoint(points.eccptr);
  if (peer.curve.id !== curve.id) throw inconsistent();
  const keys = await redrawer.agree(SECRET_ROLE.iMessage1, drawnIn(iMessage1, asked), own, peer);
  return { keys, spis: spisFor(party, own, peer) };
}

/** Directions are those of the initial exchange, whoever starts the update. */
function spisFor({ part }: TargetParty, own: Eccpt | null, peer: Eccpt): Spis {
  return part === 'initiator' ? spisOf(own, peer) : spisOf(peer, own);
}

/**
 * CSB updates at the KMS (profile, section 3; RFC 6267 section 5.3), each from the keys in force before it.
 *
 *     I_MESSAGE_1 … V under the MPK in force,  R_MESSAGE_1 … V under the new MPK (without IBAKE: the one in force)
 *
 * Each container's recipient is the other side's device, which shows who started: the party opens what is addressed to
 * it, I_MESSAGE_1 or R_MESSAGE_1.
 */
import type { Eccpt } from '../../../ibake/eccpt.ts';
import { decodePoints, identitiesOf } from '../../../ibake/plaintext.ts';
import { SECRET_ROLE } from '../../../ibake/recoverable-secret.ts';
import { sha256 } from '../../../ibake/sealing.ts';
import { verifies, type Csb, type CsbKeys, type Spis } from '../../../ibake/session-keys.ts';
import { spisOf } from '../../../ibake/session.ts';
import type { UpdateMessages } from './messages.ts';
import type { Opener } from './opening.ts';
import type { TargetParty } from './party.ts';
import { boundTo, drawnIn, pointsIn, present, type Recovered } from './recovery.ts';
import type { Redrawer } from './redraw.ts';
import { inconsistent } from './refusal.ts';

/** The keys in force after an update. */
export async function recoverUpdate(
  update: UpdateMessages,
  before: Recovered,
  csb: Csb,
  tools: { readonly party: TargetParty; readonly opener: Opener; readonly redrawer: Redrawer },
): Promise<Recovered> {
  const { iMessage1, rMessage1 } = update;
  if (!verifies(iMessage1, before.keys.mpk, csb)) throw inconsistent();
  const { keys, spis } = await rekeyed(update, before, tools);
  if (!verifies(rMessage1, keys.mpk, csb)) throw inconsistent();
  return { keys, spis, isVerified: true };
}

async function rekeyed(
  { iMessage1, rMessage1 }: UpdateMessages,
  before: Recovered,
  { party, opener, redrawer }: { party: TargetParty; opener: Opener; redrawer: Redrawer },
): Promise<{ keys: CsbKeys; spis: Spis }> {
  const asked = iMessage1.ibake;
  const answered = rMessage1.ibake;
  if (asked === null || answered === null) return before;
  const opened = await opener.open(asked.encrData, iMessage1.t, boundTo(asked, {}));
  if (opened !== null) {
    const peer = present(decodePoints('I_MESSAGE_1', opened, identitiesOf(iMessage1)).eccpti);
    const drawn = drawnIn(rMessage1, answered, asked);
    const keys = await redrawer.agree(SECRET_ROLE.rMessage1, drawn, null, peer);
    return { keys, spis: spisFor(party, null, peer) };
  }
  const transcript = sha256(iMessage1.octets);
  const points = await pointsIn('R_MESSAGE_1', opener, rMessage1, answered, { transcript });
  const own = present(points.eccpti);
  const peer = present(points.eccptr);
  const drawn = drawnIn(iMessage1, asked);
  const keys = await redrawer.agree(SECRET_ROLE.iMessage1, drawn, own, peer);
  return { keys, spis: spisFor(party, own, peer) };
}

/** Directions are those of the initial exchange, whoever starts the update. */
function spisFor({ part }: TargetParty, own: Eccpt | null, peer: Eccpt): Spis {
  return part === 'initiator' ? spisOf(own, peer) : spisOf(peer, own);
}

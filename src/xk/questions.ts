/** What a question over Xk says of an exchange that was seen. */
import { identityKeys } from '../sip/identity-keys.ts';
import type { GetKeysRequest } from '../wire/xk/get-keys.ts';
import type { Exchange, Update } from './exchanges.ts';
import type { SeenMessage } from './seen-messages.ts';

/** The messages of table 7B.7.2.1 and its extensions. @param updates those that the question carries (profile 6.2) */
export function messagesAsked(
  { iMessage1, rMessage1, iMessage2, rMessage2 }: Exchange,
  updates: readonly Update[],
): Pick<GetKeysRequest, 'iMessage1' | 'rMessage1' | 'iMessage2' | 'rMessage2' | 'updates'> {
  return {
    iMessage1: octetsOf(iMessage1),
    rMessage1: octetsOf(rMessage1),
    iMessage2: octetsOf(iMessage2),
    rMessage2: rMessage2 === null ? null : octetsOf(rMessage2),
    updates: updates.map((update) => ({
      iMessage1: octetsOf(update.iMessage1),
      rMessage1: octetsOf(update.rMessage1),
    })),
  };
}

/**
 * The target's identity in the exchange: IDRi, or IDRr of R_MESSAGE_1, or that of I_MESSAGE_1, who was called and whom a
 * mailbox answered for (profile, section 6.1). By name where one of them is a target; else by the direction of the first
 * message whose sender the POI knew (a tel: target, or an alias, has another name in MIKEY).
 */
export function partyOf(exchange: Exchange, targets: readonly { readonly value: string }[]): string {
  const { initiator, responder: called } = exchange.iMessage1;
  const { responder } = exchange.rMessage1;
  const known = new Set(targets.flatMap(({ value }) => identityKeys(value)));
  const named = [initiator, responder, called].find((party) =>
    identityKeys(party).some((key) => known.has(key)),
  );
  if (named !== undefined) return named;
  const byInitiator = [exchange.iMessage1, exchange.iMessage2].find(({ fromTarget }) => fromTarget !== null);
  return (byInitiator?.fromTarget ?? true) ? initiator : responder;
}

function octetsOf({ octets }: SeenMessage): Uint8Array {
  return new Uint8Array(Buffer.from(octets, 'base64'));
}

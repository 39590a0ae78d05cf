/**
 * Step 1 (profile, section 6), **who**: the part that the target has in the exchange.
 *
 *     initiator   IDRi
 *     responder   IDRr of R_MESSAGE_1
 *     recipient   IDRr of I_MESSAGE_1, where I_MESSAGE_2 has an ESK for it; else the original callee of a retargeted call
 *                 is not a party
 *
 * The party, or the party without `gr`, must be covered; the device identity of initiator or responder must be one whose
 * seed this KMS has issued for the period.
 */
import type { ClearIdentity } from '../../../ibake/messages.ts';
import { periodStart } from '../../../ibake/identity.ts';
import type { QuestionMessages } from './messages.ts';
import type { GetKeysRecords } from './ports.ts';
import { Refusal } from './refusal.ts';

export interface TargetParty {
  readonly part: 'initiator' | 'responder' | 'recipient';
  readonly identity: ClearIdentity;
}

export interface Coverage {
  /** As the question names the target. */
  readonly target: string;
  /** Canonical identities that the task covers of the target. */
  readonly covered: ReadonlySet<string>;
}

/** @throws Refusal `target-not-party` */
export async function findParty(
  messages: QuestionMessages,
  { target, covered }: Coverage,
  records: GetKeysRecords,
): Promise<TargetParty> {
  const candidates = candidatesOf(messages)
    .filter(({ identity }) => covered.has(identity.uri) || covered.has(identity.addressOfRecord))
    .sort((a, b) => Number(b.identity.uri === target) - Number(a.identity.uri === target));
  const period = periodStart(messages.iMessage1.t.seconds, records.keyLifetime);
  for (const party of candidates) {
    const isPlayed = party.part !== 'recipient';
    if (!isPlayed || (await records.issuedSeed(party.identity.uri, period)) !== null) return party;
  }
  throw new Refusal('target-not-party', 'the target has no part in this exchange');
}

function candidatesOf({ iMessage1, rMessage1, iMessage2 }: QuestionMessages): TargetParty[] {
  const hasSecretKey = iMessage2 !== null && iMessage2.esk !== null;
  return [
    { part: 'initiator', identity: iMessage1.idri },
    { part: 'responder', identity: rMessage1.idrr },
    ...(hasSecretKey ? [{ part: 'recipient' as const, identity: iMessage1.idrr }] : []),
  ];
}

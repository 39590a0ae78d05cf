/**
 * What the KMS does on get_keys (profile, section 6), once the question is known to be permitted: five steps, read from
 * the top down in `#answer`.
 *
 * It never gives a private key, a seed, a secret, K_SESSION, MPK, TGK or SK. The prose of the change request speaks of
 * providing private keys and the random secret; its table lists crypto session ID and session key. The table is what
 * shall be carried, and the smaller disclosure.
 */
import type { Secret } from '../../../bytes/secret.ts';
import { cryptoSessions, deferredSessions, type CryptoSession } from '../../../ibake/session-keys.ts';
import type {
  GetKeysAnswer,
  GetKeysRequest,
  GetKeysResponse,
  XkCryptoSession,
} from '../../../wire/xk/get-keys.ts';
import type { CiphertextOpener } from '../ports.ts';
import { readMessages, requireConsistent, type CsbFacts, type QuestionMessages } from './messages.ts';
import { Opener } from './opening.ts';
import { findParty, type TargetParty } from './party.ts';
import type { GetKeysRecords } from './ports.ts';
import {
  openSecretKey,
  recoverInitiator,
  recoverResponder,
  redrawSecretKey,
  type Recovered,
} from './recovery.ts';
import { Redrawer } from './redraw.ts';
import { indicationOf } from './refusal.ts';
import { recoverUpdate } from './updates.ts';

/** A permitted question: `covered` are the canonical identities of the target that its task covers. */
export interface GetKeysQuestion {
  readonly request: GetKeysRequest;
  readonly covered: ReadonlySet<string>;
}

export class GetKeys {
  readonly #records: GetKeysRecords;
  readonly #generator: CiphertextOpener;

  constructor(records: GetKeysRecords, generator: CiphertextOpener) {
    this.#records = records;
    this.#generator = generator;
  }

  /**
   * The answer, or a failure of the closed list. An aborted `signal` withdraws the question.
   * @throws what the records throw; KmsError `busy`, `cancelled`, `unavailable`
   */
  async answer(question: GetKeysQuestion, signal?: AbortSignal): Promise<GetKeysResponse> {
    try {
      return await this.#answer(question, signal);
    } catch (error) {
      return { failureIndication: indicationOf(error) };
    }
  }

  async #answer(
    { request, covered }: GetKeysQuestion,
    signal: AbortSignal | undefined,
  ): Promise<GetKeysAnswer> {
    const messages = readMessages(request);
    // 1. Who.
    const party = await findParty(messages, { target: request.targetKmsIdentity, covered }, this.#records);
    // 2. Consistent.
    const facts = requireConsistent(messages);
    // 3. Open and 4. redraw.
    const opener = new Opener(this.#generator, this.#records, party, signal);
    if (party.part === 'recipient') return recipientAnswer(messages, facts, opener);
    const redrawer = new Redrawer(this.#records, party, facts.csb);
    const recovered = await recover(messages, facts, { party, opener, redrawer });
    const sk = party.part === 'initiator' ? await redrawSecretKey(messages.iMessage2, redrawer) : null;
    // 5. Answer.
    return answerOf(messages, facts, recovered, sk);
  }
}

/* ---------------------------------------------------------------- helpers */

/** The keys in force after the last update that the question carries. */
async function recover(
  messages: QuestionMessages,
  { csb }: CsbFacts,
  tools: { readonly party: TargetParty; readonly opener: Opener; readonly redrawer: Redrawer },
): Promise<Recovered> {
  const { party, opener, redrawer } = tools;
  const initial = party.part === 'initiator' ? recoverInitiator : recoverResponder;
  let recovered = await initial(messages, csb, opener, redrawer);
  for (const update of messages.updates) {
    const after = await recoverUpdate(update, recovered, csb, tools);
    if (after.keys !== recovered.keys) wipeKeysOf(recovered);
    recovered = after;
  }
  return recovered;
}

/** The content that was left for the party with a mailbox; who wrote it is not proven. */
async function recipientAnswer(
  messages: QuestionMessages,
  facts: CsbFacts,
  opener: Opener,
): Promise<GetKeysAnswer> {
  const { sk, mki } = await openSecretKey(messages, opener);
  return { verified: false, cryptoSessions: deferredContent(messages, facts, sk, mki) };
}

/** `sk` is that of content which the party itself has left with a mailbox; nothing proves that it did. */
function answerOf(
  messages: QuestionMessages,
  facts: CsbFacts,
  recovered: Recovered,
  sk: Secret | null,
): GetKeysAnswer {
  const { csb, policies } = facts;
  const { spis, isVerified, isHeaderVerified } = recovered;
  const { map } = messages.updates.at(-1)?.rMessage1 ?? messages.rMessage1;
  const own = cryptoSessions(recovered.keys, csb, map, policies, spis).map((session) =>
    xkSession(session, { deferred: false, headerUnverified: !isHeaderVerified }),
  );
  wipeKeysOf(recovered);
  const deferred = sk === null ? [] : deferredContent(messages, facts, sk, spis.initiator);
  return { verified: isVerified, cryptoSessions: [...own, ...deferred] };
}

/** The crypto sessions that an SK keys; it is wiped. */
function deferredContent(
  { rMessage1 }: QuestionMessages,
  { csb, policies }: CsbFacts,
  sk: Secret,
  mki: Uint8Array | null,
): XkCryptoSession[] {
  const sessions = deferredSessions(sk, csb, rMessage1.map, policies, mki);
  sk.wipe();
  return sessions.map((session) => xkSession(session, { deferred: true, headerUnverified: false }));
}

function wipeKeysOf({ keys }: Recovered): void {
  keys.mpk.wipe();
  keys.tgk.wipe();
}

function xkSession(
  { csId, tek, salt, ssrc, policyNo, policy, mki }: CryptoSession,
  marks: Pick<XkCryptoSession, 'deferred' | 'headerUnverified'>,
): XkCryptoSession {
  return { csId, sessionKey: tek, salt, ssrc, policy: policyNo, cipher: policy.name, mki, ...marks };
}

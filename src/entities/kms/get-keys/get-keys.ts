/**
 * What the KMS does on get_keys (profile, section 6), once the question is known to be permitted: five steps, read from
 * the top down in `#answer`.
 *
 * It never gives a private key, a seed, a secret, K_SESSION, MPK or TGK. The prose of the change request speaks of
 * providing private keys and the random secret; its table lists crypto session ID and session key. The table is what
 * shall be carried, and the smaller disclosure.
 */
import type { Secret } from '../../../bytes/secret.ts';
import { cryptoSessions, type CryptoSession } from '../../../ibake/session-keys.ts';
import type { SrtpIdEntry } from '../../../mikey/header.ts';
import type {
  GetKeysAnswer,
  GetKeysRequest,
  GetKeysResponse,
  XkCryptoSession,
} from '../../../wire/xk/get-keys.ts';
import type { PrivateKeyGenerator } from '../ports.ts';
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
import { indicationOf, inconsistent } from './refusal.ts';
import { recoverUpdate } from './updates.ts';

/** A permitted question: `covered` are the canonical identities of the target that its task covers. */
export interface GetKeysQuestion {
  readonly request: GetKeysRequest;
  readonly covered: ReadonlySet<string>;
}

/** Keys in force, with the map that says for what. */
interface Stage {
  readonly recovered: Recovered;
  readonly map: readonly SrtpIdEntry[];
}

export class GetKeys {
  readonly #records: GetKeysRecords;
  readonly #generator: PrivateKeyGenerator;

  constructor(records: GetKeysRecords, generator: PrivateKeyGenerator) {
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
    if (party.part === 'recipient') return deferredAnswer(messages, opener);
    const redrawer = new Redrawer(this.#records, party, facts.csb);
    const stages = await this.#recover(messages, facts, { party, opener, redrawer });
    const deferredKey =
      party.part === 'initiator' ? await redrawSecretKey(messages.iMessage2, redrawer) : null;
    // 5. Answer.
    return answerOf(stages, facts, deferredKey);
  }

  /** The keys after the initial exchange and after each update. */
  async #recover(
    messages: QuestionMessages,
    { csb }: CsbFacts,
    tools: { readonly party: TargetParty; readonly opener: Opener; readonly redrawer: Redrawer },
  ): Promise<Stage[]> {
    const { party, opener, redrawer } = tools;
    const recover = party.part === 'initiator' ? recoverInitiator : recoverResponder;
    let recovered = await recover(messages, csb, opener, redrawer);
    const stages = [{ recovered, map: messages.rMessage1.map }];
    for (const update of messages.updates) {
      recovered = await recoverUpdate(update, recovered, csb, tools);
      stages.push({ recovered, map: update.rMessage1.map });
    }
    return stages;
  }
}

/* ---------------------------------------------------------------- helpers */

/** The SK alone; who wrote the content is not proven. */
async function deferredAnswer(messages: QuestionMessages, opener: Opener): Promise<GetKeysAnswer> {
  if (messages.updates.length > 0) throw inconsistent();
  const deferredKey = await openSecretKey(messages, opener);
  return { verified: false, cryptoSessions: [], deferredKey, stages: [] };
}

/**
 * An SK is never verified, so an answer that has one is not. What V or a matching point verifies later holds for all
 * stages before it, since their keys went into it.
 */
function answerOf(
  stages: readonly Stage[],
  { csb, policies }: CsbFacts,
  deferredKey: Secret | null,
): GetKeysAnswer {
  const sessions = stages.map(({ recovered: { keys, spis }, map }) =>
    cryptoSessions(keys, csb, map, policies, spis).map(xkSession),
  );
  const isVerified = stages.some(({ recovered }) => recovered.isVerified);
  for (const { recovered } of stages) {
    recovered.keys.mpk.wipe();
    recovered.keys.tgk.wipe();
  }
  return {
    verified: isVerified && deferredKey === null,
    cryptoSessions: sessions.at(-1) ?? [],
    deferredKey,
    stages: sessions.length > 1 ? sessions : [],
  };
}

function xkSession({ csId, tek, salt, ssrc, policy, mki }: CryptoSession): XkCryptoSession {
  return { csId, sessionKey: tek, salt, ssrc, cipher: policy.name, mki };
}

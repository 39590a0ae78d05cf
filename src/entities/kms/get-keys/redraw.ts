/** Step 4 (profile, section 6), **redraw**: what the party's device drew, from the LI root once more. */
import { equalOctets } from '../../../bytes/octets.ts';
import type { Secret } from '../../../bytes/secret.ts';
import { decodeContainer } from '../../../ibake/container.ts';
import { publicPoint, sharedPoint, type EcCurve } from '../../../ibake/curves.ts';
import type { Eccpt } from '../../../ibake/eccpt.ts';
import { periodStart, publicIdentity } from '../../../ibake/identity.ts';
import type { MessageBase } from '../../../ibake/messages.ts';
import { identitiesOf } from '../../../ibake/plaintext.ts';
import {
  advanceSlotKey,
  drawSecret,
  drawSecretKey,
  liSeed,
  slotOf,
  type DrawContext,
  type SecretRole,
} from '../../../ibake/recoverable-secret.ts';
import { sha256 } from '../../../ibake/sealing.ts';
import { deriveCsbKeys, type Csb, type CsbKeys } from '../../../ibake/session-keys.ts';
import type { TargetParty } from './party.ts';
import type { GetKeysRecords } from './ports.ts';
import { Refusal, inconsistent } from './refusal.ts';

/** A message in which the party drew, and what of it the context has. */
export interface Drawn {
  readonly message: Pick<MessageBase, 't' | 'idri' | 'idrr'>;
  /** The container whose nonce it is. */
  readonly encrData: Uint8Array;
  /** Joined: that message's own, after an R_MESSAGE_1's answered I_MESSAGE_1's. */
  readonly prefixes: readonly Uint8Array[];
}

export class Redrawer {
  readonly #records: GetKeysRecords;
  readonly #party: TargetParty;
  readonly #csb: Csb;

  constructor(records: GetKeysRecords, party: TargetParty, csb: Csb) {
    this.#records = records;
    this.#party = party;
    this.#csb = csb;
  }

  /**
   * MPK and TGK of the party's redrawn secret and the other side's point.
   * @param own the party's point, where a container said it
   * @throws Refusal `endpoint-not-compliant` if that is not the redrawn one; `messages-inconsistent`
   */
  async agree(role: SecretRole, drawn: Drawn, own: Eccpt | null, peer: Eccpt): Promise<CsbKeys> {
    const { curve } = own ?? peer;
    if (curve.id !== peer.curve.id) throw inconsistent();
    const secret = await this.#secret(role, curve, drawn);
    try {
      if (own !== null && !equalOctets(publicPoint(curve, secret), own.point))
        throw new Refusal('endpoint-not-compliant', "the party's point is not the one that its seed gives");
      return deriveCsbKeys(sharedPoint(curve, secret, peer.point), this.#csb);
    } finally {
      secret.wipe();
    }
  }

  /** The SK that the party sent. */
  async secretKey(drawn: Drawn): Promise<Secret> {
    const slotKey = await this.#slotKey(drawn.message.t.seconds);
    const sk = drawSecretKey(slotKey, this.#context(drawn));
    slotKey.wipe();
    return sk;
  }

  async #secret(role: SecretRole, curve: EcCurve, drawn: Drawn): Promise<Secret> {
    const slotKey = await this.#slotKey(drawn.message.t.seconds);
    const secret = drawSecret(slotKey, role, curve, this.#context(drawn));
    slotKey.wipe();
    return secret;
  }

  #context({ message, encrData, prefixes }: Drawn): DrawContext {
    const { csbId, rand } = this.#csb;
    const { nonce } = decodeContainer(encrData);
    const prefix = sha256(...prefixes);
    return { csbId, rand, t: message.t.octets, ...identitiesOf(message), nonce, prefix };
  }

  /** kⱼ of the slot that contains `time`, under the serial that the seed was issued for. */
  async #slotKey(time: number): Promise<Secret> {
    const { district, keyLifetime } = this.#records;
    const { uri } = this.#party.identity;
    const period = periodStart(time, keyLifetime);
    const issued = await this.#records.issuedSeed(uri, period);
    if (issued === null) throw new Refusal('target-not-party', 'no seed was issued for that period');
    const root = await this.#root(period);
    const seed = liSeed(root, publicIdentity(uri, period, { district, serial: issued.serial }));
    root.wipe();
    const key = advanceSlotKey(seed, slotOf(time, period));
    seed.wipe();
    return key;
  }

  async #root(period: number): Promise<Secret> {
    const root = await this.#records.liRoot(period);
    if (root.state === 'destroyed')
      throw new Refusal('epoch-destroyed', 'the LI root of that epoch is destroyed');
    if (root.state === 'absent')
      throw new Refusal('temporarily-unavailable', 'the LI root of an issued seed is not at hand');
    return root.root;
  }
}

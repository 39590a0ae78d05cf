/**
 * Step 3 (profile, section 6), **open**: every container that is addressed to the party or its address of record, for its
 * message's own T. With the master secret at hand no private key is computed: Q = [12r]Q′ gives e(U, [s]Q) =
 * e(U, Q′)^(12rs mod q) (docs/performance.md).
 */
import { equalOctets } from '../../../bytes/octets.ts';
import { decodeContainer, hasBindings, openContainer, type Bindings } from '../../../ibake/container.ts';
import { periodStart, publicIdentity } from '../../../ibake/identity.ts';
import type { Timestamp } from '../../../ibake/timestamps.ts';
import type { CiphertextOpener, SerialRecord } from '../ports.ts';
import type { TargetParty } from './party.ts';
import type { GetKeysRecords } from './ports.ts';
import { inconsistent } from './refusal.ts';

export class Opener {
  readonly #generator: CiphertextOpener;
  readonly #records: GetKeysRecords;
  readonly #own: ReadonlySet<string>;
  readonly #signal: AbortSignal | undefined;

  constructor(
    generator: CiphertextOpener,
    records: GetKeysRecords,
    { identity }: TargetParty,
    signal: AbortSignal | undefined,
  ) {
    this.#generator = generator;
    this.#records = records;
    this.#own = new Set([identity.uri, identity.addressOfRecord]);
    this.#signal = signal;
  }

  /**
   * The plaintext of a container; `null` if it is not addressed to the party.
   * @throws Refusal `messages-inconsistent` if it is, and does not verify; IbakeError for what is not a container
   */
  async open(encrData: Uint8Array, t: Timestamp, bindings: Bindings): Promise<Uint8Array | null> {
    const container = decodeContainer(encrData);
    const { recipientIdentity, encryptedKey } = container;
    const key = this.#keyFor(recipientIdentity, t);
    if (key === null) return null;
    // Bindings are public: that they are wrong may be told before the pairing.
    if (!hasBindings(container, bindings)) throw inconsistent();
    const cek = await this.#generator.decrypt(key, recipientIdentity, encryptedKey, this.#signal);
    const plaintext = openContainer(container, () => cek);
    cek?.fill(0);
    if (plaintext === null) throw inconsistent();
    return plaintext;
  }

  /** As `open`, of what must be addressed to the party. */
  async openOwn(encrData: Uint8Array, t: Timestamp, bindings: Bindings): Promise<Uint8Array> {
    const plaintext = await this.open(encrData, t, bindings);
    if (plaintext === null) throw inconsistent();
    return plaintext;
  }

  /** The serial under which an identity is one of the party's, in the period of T. */
  #keyFor(recipientIdentity: Uint8Array, t: Timestamp): SerialRecord | null {
    const { district, keyLifetime } = this.#records;
    const period = periodStart(t.seconds, keyLifetime);
    for (const record of this.#records.serialsFor(period)) {
      for (const uri of this.#own) {
        const identity = publicIdentity(uri, period, { district, serial: record.serial });
        if (equalOctets(identity, recipientIdentity)) return record;
      }
    }
    return null;
  }
}

/** Somebody who has every key, the KMS's too, and sends what the profile forbids: sealed well, but wrong inside. */
import { Secret } from '../../../src/bytes/secret.ts';
import { decodeContainer, openContainer, type Bindings } from '../../../src/ibake/container.ts';
import { seal } from '../../../src/ibake/sealing.ts';
import { decodeChain, encodeChain } from '../../../src/mikey/chain.ts';
import { decodeMessage, encodeMessage } from '../../../src/mikey/message.ts';
import type { Payload } from '../../../src/mikey/payload.ts';
import { PAYLOAD_TYPE } from '../../../src/mikey/registry.ts';
import type { IbeEngine } from '../../../src/ibe/engine.ts';
import { engine, type TestHome } from './network.ts';

export interface Forgery {
  /** Of the sub-payloads inside. */
  readonly inside?: (payloads: Payload[]) => Payload[];
  readonly bindings?: (bindings: Bindings) => Bindings;
  /** Whom the container is for instead: DER of IBEIdentityInfo, of the same home. */
  readonly recipientIdentity?: Uint8Array;
}

/** `octets` with its IBAKE container opened with the recipient's master secret, changed, and sealed again. */
export function forged(
  octets: Uint8Array,
  { bf, masterSecret }: TestHome,
  forgery: Forgery,
  using: IbeEngine = engine,
): Uint8Array {
  const { header, payloads } = decodeMessage(octets);
  return encodeMessage({
    header,
    payloads: payloads.map((payload): Payload => {
      if (payload.kind !== 'ibake') return payload;
      const container = decodeContainer(payload.encrData);
      const id = container.recipientIdentity;
      const plaintext = openContainer(container, (key) => using.decryptWithMaster(bf, masterSecret, id, key));
      if (plaintext === null) throw new Error('not the home of the recipient');
      const { recipientIdentity = id } = forgery;
      const material = {
        nonce: container.nonce,
        cek: Secret.of(new Uint8Array(16).fill(1)),
        rho: Secret.of(new Uint8Array(32).fill(2)),
      };
      const chain: Payload[] = decodeChain(PAYLOAD_TYPE.IDR, plaintext);
      const changed = encodeChain(forgery.inside?.(chain) ?? chain);
      const encrData = seal(
        using,
        { identity: recipientIdentity, bf },
        material,
        changed,
        forgery.bindings?.(container.bindings) ?? container.bindings,
      );
      return { kind: 'ibake', encrData };
    }),
  });
}

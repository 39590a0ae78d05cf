/** Phones that do not do as they should: what is put into a phone of the laboratory in place of its own part. */
import type { Random } from '../../bytes/ports.ts';
import { Secret } from '../../bytes/secret.ts';
import type { EndpointKeys } from '../../ibake/ports.ts';

/** `ue-ignores-seed`: draws secrets from its own generator, and no KMS can redraw them. */
export type PhoneFault = 'ue-ignores-seed';

/** Keys for exchanges where slot keys are not those of the seed. */
export function ignoringSeed(held: EndpointKeys, random: Random): EndpointKeys {
  return {
    privateKey: (uri, time) => held.privateKey(uri, time),
    slotKey: () => Secret.of(random.bytes(32)),
    hold: (time) => held.hold(time),
  };
}

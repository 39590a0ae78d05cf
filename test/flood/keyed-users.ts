/** Users of home1 with keys of their KMS, whose phones are the attack's own. */
import { createHash } from 'node:crypto';
import type { KeyedUser } from '../e2e/keyed-phone.ts';

/** With secrets that follow from the name: KMS, CSCF and phone are told the same. */
export function keyedUserOf(user: string): KeyedUser {
  const psk = createHash('sha256').update(`psk of ${user}`).digest('hex');
  return { user, identity: `sip:${user}@home1.example`, psk, password: `password-of-${user}` };
}

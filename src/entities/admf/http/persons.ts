/**
 * Who works at the ADMF's door for officers. A person is a name of the setting `peers` that the certificate bears, and
 * has the roles of that certificate. A certificate that bears several of the names is nobody's: its holder could approve
 * under one what was entered under another.
 */
import { hasRole, isNamed, PERSON_ROLES } from '../../../net/tls.ts';
import type { Peer, PersonRole } from '../../../net/tls.ts';

export interface Person {
  /** As the setting `peers` has it. */
  readonly name: string;
  readonly roles: readonly PersonRole[];
  /** Of the certificate, SHA-256. */
  readonly fingerprint: string;
}

/** Whose certificate this is; `null`: nobody's who is admitted. */
export function personOf(peer: Peer, names: readonly string[]): Person | null {
  const [name, ...others] = names.filter((each) => isNamed(peer, each));
  const roles = PERSON_ROLES.filter((role) => hasRole(peer, role));
  if (name === undefined || others.length > 0 || roles.length === 0) return null;
  return { name, roles, fingerprint: peer.fingerprint };
}

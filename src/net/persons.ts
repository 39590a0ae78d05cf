/**
 * Who works at a door for people. A person is a name of the door's setting `peers` that the certificate bears, and has
 * the roles of that certificate that the door is for. A certificate that bears several of the names is nobody's: its
 * holder could approve under one what was entered under another.
 */
import { hasRole, isNamed } from './tls.ts';
import type { Peer, PersonRole } from './tls.ts';

export interface Person {
  /** As the setting `peers` has it. */
  readonly name: string;
  readonly roles: readonly PersonRole[];
  /** Of the certificate, SHA-256. */
  readonly fingerprint: string;
}

/** Whose certificate this is; `null`: nobody's who is admitted. @param offered the roles that the door is for */
export function personOf(
  peer: Peer,
  names: readonly string[],
  offered: readonly PersonRole[],
): Person | null {
  const [name, ...others] = names.filter((each) => isNamed(peer, each));
  const roles = offered.filter((role) => hasRole(peer, role));
  if (name === undefined || others.length > 0 || roles.length === 0) return null;
  return { name, roles, fingerprint: peer.fingerprint };
}

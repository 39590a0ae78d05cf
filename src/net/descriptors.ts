/**
 * Who may take how many of the process's descriptors (`ulimit -n`), so that whatever strangers hold leaves some to those
 * who provision and ask, and to the process's own files.
 *
 *     strangers      a half: phones' HTTPS, SIP connections of others, ports for media
 *     a listener     an eighth, where clients must show certificates: nobody has shown one before the handshake
 *     SIP outgoing   an eighth: subscribers say where it goes
 */
import { readFileSync } from 'node:fs';

/** What POSIX systems give at least, where this one does not say what it gives. */
const LEAST = 1024;

/** Descriptors that strangers may take: half of them. */
export function publicShare(descriptors = descriptorLimit()): number {
  return Math.max(1, Math.floor(descriptors / 2));
}

/** Descriptors that one of several kinds of others may take: an eighth of them. */
export function listenerShare(descriptors = descriptorLimit()): number {
  return Math.max(1, Math.floor(descriptors / 8));
}

/** Connections that settings allow, to strangers and to where subscribers say; as many of them as there are descriptors. */
export function withinDescriptors<Limits extends { most: number; outgoing: number }>(limits: Limits): Limits {
  const allowed = { ...limits };
  allowed.most = Math.min(allowed.most, publicShare());
  allowed.outgoing = Math.min(allowed.outgoing, listenerShare());
  return allowed;
}

/** Descriptors that the process may have. */
function descriptorLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? LEAST : Number(soft);
  } catch {
    return LEAST;
  }
}

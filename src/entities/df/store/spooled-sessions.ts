/**
 * Key management of calls in the spool, in a log of its own, until the database has it: as it stands after a commit, in
 * place of what it was before. Records of that log wait for the database, and for no destination.
 *
 *     octets    f64 when the call was heard of last │ the session as JSON, UTF-8
 */
import type { StoredKeySession } from '../ports.ts';
import { STORED } from './df-tables.ts';
import type { PlacedContent } from './spool-batch.ts';

/** The name of the log, which no DID is: those are UUIDs (TS 103 221-1). */
export const SESSIONS_LANE = 'key-sessions';

const HEAD = 8;
const BODY = STORED.key_session.pick('body');

export function sessionRecord({ session, lastSeen }: StoredKeySession, position: number): PlacedContent {
  const body = JSON.stringify(session);
  const octets = Buffer.allocUnsafe(HEAD + Buffer.byteLength(body));
  octets.writeDoubleBE(lastSeen);
  octets.write(body, HEAD);
  return { position, liid: '', cin: 0, sequenceNumber: position, octets };
}

/** @throws StorageError `damaged` */
export function readSession(octets: Buffer): StoredKeySession {
  const { body } = BODY.read({ body: octets.toString('utf8', HEAD) });
  return { session: body, lastSeen: octets.readDoubleBE() };
}

/**
 * Calls of people on the audit log: what is asked for, before anything is changed, and what every call was
 * answered, reads and refusals too, before the answer goes out. Without a record there is no answer.
 *
 *     a change      KIND-request ─► the work, with records of its own ─► KIND-answer ─► the answer
 *     all others                                                         KIND-answer ─► the answer
 *
 * Of whoever is not admitted so many refusals are recorded in a while, and the rest counted (`evidence/refusals.ts`).
 */
import type { FastifyRequest } from 'fastify';
import type { AuditEvent, AuditLog } from '../evidence/log.ts';
import type { RefusalLog } from '../evidence/refusals.ts';
import type { Person } from './persons.ts';
import type { Peer } from './tls.ts';

/** Characters of a path, with its query, that are recorded; longer ones are cut. */
const LONGEST_PATH = 512;

export class CallRecord {
  readonly #audit: Pick<AuditLog, 'append'>;
  readonly #refusals: RefusalLog;
  readonly #kind: string;

  /** @param kind of people, in the names of the records: `officer` */
  constructor(audit: Pick<AuditLog, 'append'>, refusals: RefusalLog, kind: string) {
    this.#audit = audit;
    this.#refusals = refusals;
    this.#kind = kind;
  }

  /** A change is asked for. @throws EvidenceError: then nothing may be changed */
  asked(person: Person, request: FastifyRequest): void {
    this.#audit.append({ kind: `${this.#kind}-request`, ...callOf(person, request) });
  }

  /** What a call is answered. @param code of the refusal, or `null` @throws EvidenceError: then it may not be answered */
  answered(person: Person, request: FastifyRequest, status: number, code: string | null): void {
    this.#audit.append({ kind: `${this.#kind}-answer`, ...callOf(person, request), status, code });
  }

  /** Somebody who is not admitted was refused. @throws EvidenceError: then it may not be answered */
  refused(peer: Peer, request: FastifyRequest): void {
    const { commonName, fingerprint } = peer;
    const call = { by: commonName, roles: peer.roles.join(' '), ...pathOf(request), fingerprint };
    this.#refusals.record(commonName, { kind: `${this.#kind}-refused`, ...call, status: 403 });
  }
}

function callOf({ name, roles, fingerprint }: Person, request: FastifyRequest): Omit<AuditEvent, 'kind'> {
  return { by: name, roles: roles.join(' '), ...pathOf(request), fingerprint };
}

function pathOf({ method, url }: FastifyRequest): { method: string; path: string } {
  return { method, path: url.length > LONGEST_PATH ? `${url.slice(0, LONGEST_PATH)}…` : url };
}

/**
 * One end of X1 that answers requests: the NE's, which is provisioned, and the ADMF's, which is told of trouble
 * (TS 103 221-1 clauses 5 and 6). A document comes in, one goes out, whatever the document is; what happens between
 * is the same at both ends, in this order:
 *
 *     1. decode; what cannot be taken apart gets an X1TopLevelErrorResponse
 *     2. the other end's identifier against its certificate (1030, 1050) and against those that are expected
 *        (1040, 1060); our own identifier against ours
 *     3. the version: v1.13.1 to v1.23.1 are answered in their own version, others with 1020 in ours
 *     4. a request that is known (1080), its contents as the schema has them (1010)
 *     5. the audit log: one record of what the document asks; what cannot be recorded is not done
 *     6. the requests themselves, in order; those about tasks that follow each other and are of one type together, so that
 *        a hundred of them cost a disk as much as one
 *     7. the answer, in which each response has its place as far as an answer may be long: after that errors (1000) in
 *        place of reports
 *     8. the audit log: one record of what came of them
 */
import { createHash } from 'node:crypto';
import { toHex } from '../bytes/octets.ts';
import type { Clock, Logger } from '../bytes/ports.ts';
import type { AuditEvent, AuditRecord } from '../evidence/log.ts';
import { RefusalLog } from '../evidence/refusals.ts';
import { decodeX1Request, encodeX1Response } from '../wire/x1/containers.ts';
import { isSpokenX1Version, X1_VERSION } from '../wire/x1/versions.ts';
import type { X1Header, X1RequestMessage, X1Response, X1ResponseMessage } from '../wire/x1/containers.ts';
import type { X1ErrorName } from '../wire/x1/error-codes.ts';
import { XmlDocumentError } from '../wire/xml/errors.ts';
import type { RequestType, X1RequestBody } from '../wire/x1/requests.ts';
import type { X1ResponseBody } from '../wire/x1/responses.ts';
import { isNamed } from '../net/tls.ts';
import { StorageError } from '../storage/errors.ts';
import { aboutRequests, outcomeOf, requestTypeOf } from './document-record.ts';
import { X1Refusal } from './policy.ts';

/** Who the certificate says the other end is. */
export interface X1Peer {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
}

/** A second judge of documents: the operator's schema. */
export interface X1Judge {
  /** @throws XmlDocumentError */
  check(octets: Uint8Array): void;
}

/** Gets every document that is sent or received, for the record. */
export type X1Recorder = (from: string, to: string, octets: Uint8Array) => void;

export interface X1Audit {
  append(event: AuditEvent): AuditRecord;
}

export interface X1EndpointOptions {
  readonly side: 'ne' | 'admf';
  /** Our own identifier. */
  readonly identifier: string;
  /** Identifiers of the other ends that may ask. */
  readonly peers: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly audit: X1Audit;
  readonly judge?: X1Judge;
  readonly recorder?: X1Recorder;
  /** Does what a request asks. @throws X1Refusal */
  readonly execute: (body: X1RequestBody, header: X1Header) => Promise<X1ResponseBody>;
}

/** What is said of an answer that would be too large: there are no lists in parts. */
export const TOO_LARGE =
  'the answer would be too large: ListAllDetails has the names, GetTaskDetails each task';

export class X1Endpoint {
  readonly #options: X1EndpointOptions;
  readonly #refusals: RefusalLog;

  constructor(options: X1EndpointOptions) {
    this.#options = options;
    this.#refusals = new RefusalLog(options.audit, options.clock);
  }

  /**
   * The answer to a document.
   * @throws StorageError `unavailable` where the database was not there for a request: whoever asked is to ask again, and
   *   nothing is known of what was asked
   */
  async handle(octets: Uint8Array, peer: X1Peer): Promise<Uint8Array> {
    const { identifier, recorder } = this.#options;
    recorder?.(peer.commonName, identifier, octets);
    const answer = await this.#respond(octets, peer);
    recorder?.(identifier, peer.commonName, answer);
    return answer;
  }

  /** Puts on record that a peer without the right to ask has asked. */
  forbidden(peer: X1Peer): void {
    this.#refusals.record(peer.commonName, { kind: 'x1-forbidden', peer: peer.commonName });
  }

  async #respond(octets: Uint8Array, peer: X1Peer): Promise<Uint8Array> {
    const digest = toHex(createHash('sha256').update(octets).digest());
    let requests: readonly X1RequestMessage[];
    try {
      requests = decodeX1Request(octets);
    } catch (error) {
      if (!(error instanceof XmlDocumentError)) throw error;
      this.#record(peer, { kind: 'x1-malformed', peer: peer.commonName, reason: error.message, digest });
      return encodeX1Response(this.#topLevelError(peer));
    }
    const judged = this.#judged(octets);
    const refusals = requests.map((request) => this.#refusal(request, peer, judged));
    const accepted = requests.filter((_, at) => refusals[at] === null);
    const whose = { peer: peer.commonName, digest };
    if (accepted.length > 0) this.#record(peer, { kind: 'x1-request', ...aboutRequests(accepted), ...whose });
    const messages: X1ResponseMessage[] = [];
    const away: StorageError[] = [];
    for (const group of groupsOf(requests.map((request, at) => ({ request, refusal: refusals[at] ?? null }))))
      messages.push(...(await Promise.all(group.map((each) => this.#answer(each, away)))));
    const answer = encodeX1Response({ kind: 'response', messages: [...messages] }, (message, at) => {
      return (messages[at] = withoutRoom(message, requests[at]));
    });
    this.#record(peer, { ...outcomeOf(messages), ...aboutRequests(requests), ...whose });
    for (const error of away) throw error;
    return answer;
  }

  /** @param away takes what has kept it from the database, which is no refusal */
  async #answer({ request, refusal }: JudgedRequest, away: StorageError[]): Promise<X1ResponseMessage> {
    const { clock, identifier, side } = this.#options;
    const { header } = request;
    const body = await this.#perform(request, refusal, away);
    const own = side === 'ne' ? { neIdentifier: identifier } : { admfIdentifier: identifier };
    const version = isSpokenX1Version(header.version) ? header.version : X1_VERSION;
    return { header: { ...header, ...own, timestamp: clock.now(), version }, body };
  }

  async #perform(
    request: X1RequestMessage,
    refusal: X1Refusal | null,
    away: StorageError[],
  ): Promise<X1ResponseBody> {
    const type = requestTypeOf(request);
    try {
      if (refusal !== null) throw refusal;
      if (request.body === null) throw malformed(request.error);
      return await this.#options.execute(request.body, request.header);
    } catch (cause) {
      if (cause instanceof StorageError && cause.code === 'unavailable') away.push(cause);
      const { error } = this.#refusalOf(cause, type);
      return { type: 'Error', request: type ?? 'ExtendedRequestMessageType', error };
    }
  }

  /** Why a request is not carried out, as far as that can be told before; `null`: it is. */
  #refusal(request: X1RequestMessage, peer: X1Peer, judged: XmlDocumentError | null): X1Refusal | null {
    const misaddressed = this.#misaddressed(request, peer);
    if (misaddressed !== null) return misaddressed;
    const { version } = request.header;
    if (!isSpokenX1Version(version)) return new X1Refusal('unsupportedVersion', version);
    if (request.body === null) return malformed(request.error);
    return judged === null ? null : new X1Refusal('syntax', judged.message);
  }

  #misaddressed({ header }: X1RequestMessage, peer: X1Peer): X1Refusal | null {
    const { side, identifier, peers } = this.#options;
    const isNe = side === 'ne';
    const other = isNe ? header.admfIdentifier : header.neIdentifier;
    const own = isNe ? header.neIdentifier : header.admfIdentifier;
    if (!isNamed(peer, other)) return new X1Refusal(isNe ? 'admfNotOfCertificate' : 'neNotOfCertificate');
    if (!peers.includes(other)) return new X1Refusal(isNe ? 'unexpectedAdmf' : 'unexpectedNe');
    return own === identifier ? null : new X1Refusal(isNe ? 'unexpectedNe' : 'unexpectedAdmf');
  }

  #judged(octets: Uint8Array): XmlDocumentError | null {
    try {
      this.#options.judge?.check(octets);
      return null;
    } catch (error) {
      if (error instanceof XmlDocumentError) return error;
      throw error;
    }
  }

  #topLevelError(peer: X1Peer): X1Response {
    const { side, identifier, clock } = this.#options;
    const [admfIdentifier, neIdentifier] =
      side === 'ne' ? [peer.commonName, identifier] : [identifier, peer.commonName];
    const header = { admfIdentifier, neIdentifier, timestamp: clock.now(), version: X1_VERSION };
    return { kind: 'top-level-error', header };
  }

  #refusalOf(cause: unknown, type: RequestType | null): X1Refusal {
    if (cause instanceof X1Refusal) return cause;
    this.#options.logger.error({ error: cause, request: type }, 'an X1 request failed');
    return new X1Refusal((type === null ? undefined : GENERIC[type]) ?? 'generic', undefined, { cause });
  }

  /** In full, unless the peer's certificate bears none of the names that are expected. */
  #record(peer: X1Peer, event: AuditEvent): void {
    const { audit, peers } = this.#options;
    if (peers.some((name) => isNamed(peer, name))) audit.append(event);
    else this.#refusals.record(peer.commonName, event);
  }
}

interface JudgedRequest {
  readonly request: X1RequestMessage;
  /** Why it is not done, if that is known before it is tried. */
  readonly refusal: X1Refusal | null;
}

/** Types of which several in a row are done together: the table keeps their order. */
const TOGETHER: readonly (RequestType | null)[] = ['ActivateTask', 'ModifyTask', 'DeactivateTask'];

function groupsOf(requests: readonly JudgedRequest[]): JudgedRequest[][] {
  const groups: { readonly type: RequestType | null; readonly members: JudgedRequest[] }[] = [];
  for (const each of requests) {
    const type = requestTypeOf(each.request);
    const group = groups.at(-1);
    if (group?.type === type && TOGETHER.includes(type)) group.members.push(each);
    else groups.push({ type, members: [each] });
  }
  return groups.map(({ members }) => members);
}

/** What to say when a request failed for a reason that is not the asker's business. */
const GENERIC: Partial<Record<RequestType, X1ErrorName>> = {
  ActivateTask: 'activateTask',
  ModifyTask: 'modifyTask',
  DeactivateTask: 'deactivateTask',
  DeactivateAllTasks: 'deactivateAll',
  CreateDestination: 'createDestination',
  ModifyDestination: 'modifyDestination',
  RemoveDestination: 'removeDestination',
  RemoveAllDestinations: 'removeAll',
};

/** What is said where there is no more room: that something was done, or refused, as it was; instead of a report, an error. */
function withoutRoom(message: X1ResponseMessage, request: X1RequestMessage | undefined): X1ResponseMessage {
  const { header, body } = message;
  if ('ok' in body || body.type === 'Error') return message;
  const type = request === undefined ? null : requestTypeOf(request);
  const { error } = new X1Refusal('generic', TOO_LARGE);
  return { header, body: { type: 'Error', request: type ?? 'ExtendedRequestMessageType', error } };
}

function malformed(error: XmlDocumentError): X1Refusal {
  return new X1Refusal(error.code === 'unknown-request' ? 'unknownRequest' : 'syntax', error.message);
}

/**
 * What the audit log says of an X1 document: one record of what was asked, one of what came of it, however many requests
 * the document has. Of a single request the record has its transaction and subject; of several their number, how many of
 * each kind, all subjects, and in the outcome where each error stands.
 */
import type { AuditEvent } from '../evidence/log.ts';
import type { RequestType } from '../wire/x1/requests.ts';
import type { X1RequestMessage, X1ResponseMessage } from '../wire/x1/containers.ts';

/** Fields about requests; `request` names their kinds. */
export function aboutRequests(requests: readonly X1RequestMessage[]): Omit<AuditEvent, 'kind'> {
  const [first] = requests;
  if (first !== undefined && requests.length === 1)
    return { ...subjectOf(first), request: kindOf(first), transaction: first.header.transactionId };
  const kinds = new Map<string, number>();
  for (const request of requests) kinds.set(kindOf(request), (kinds.get(kindOf(request)) ?? 0) + 1);
  const subjects = requests.map(subjectOf);
  return {
    ...listed(
      'xids',
      subjects.flatMap(({ xid }) => xid ?? []),
    ),
    ...listed(
      'dids',
      subjects.flatMap(({ did }) => did ?? []),
    ),
    requests: requests.length,
    request: [...kinds].map(([kind, number]) => `${kind}×${number}`).join(' '),
  };
}

/** Fields about answers: `codes` has `POSITION:CODE`, from 0, for each that is an error. */
export function outcomeOf(messages: readonly X1ResponseMessage[]): AuditEvent {
  const errors = messages.flatMap(({ body }, at) =>
    body.type === 'Error' ? [{ at, code: body.error.code }] : [],
  );
  const [only] = errors;
  const kind = errors.length === messages.length ? 'x1-refused' : 'x1-done';
  if (only === undefined) return { kind };
  if (messages.length === 1) return { kind, code: only.code };
  return { kind, refused: errors.length, codes: errors.map(({ at, code }) => `${at}:${code}`).join(' ') };
}

/** A request's type; `null` where it is not known. */
export function requestTypeOf(request: X1RequestMessage): RequestType | null {
  return request.body === null ? request.type : request.body.type;
}

function kindOf(request: X1RequestMessage): string {
  return requestTypeOf(request) ?? 'unknown';
}

/** The task or destination that a request is about. */
function subjectOf({ body }: X1RequestMessage): { xid?: string; did?: string } {
  if (body === null) return {};
  if ('task' in body) return { xid: body.task.xid };
  if ('xid' in body) return { xid: body.xid };
  if ('destination' in body) return { did: body.destination.did };
  return 'did' in body ? { did: body.did } : {};
}

function listed(name: string, values: readonly string[]): Record<string, string> {
  return values.length === 0 ? {} : { [name]: values.join(' ') };
}

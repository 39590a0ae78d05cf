/**
 * What network elements report over X1 (TS 103 221-1 clause 6.5): on record, in the log, and at hand (`issues.ts`).
 */
import type { Clock, Logger } from '../../bytes/ports.ts';
import { X1Endpoint } from '../../x1/endpoint.ts';
import type { X1Audit, X1Judge, X1Peer, X1Recorder } from '../../x1/endpoint.ts';
import { X1Refusal } from '../../x1/policy.ts';
import type { X1Header } from '../../wire/x1/containers.ts';
import type { X1RequestBody } from '../../wire/x1/requests.ts';
import type { X1ResponseBody } from '../../wire/x1/responses.ts';
import type { Issue, IssueBook } from './issues.ts';

export interface X1AdmfOptions {
  readonly identifier: string;
  /** Identifiers of the elements that may report. */
  readonly elements: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly audit: X1Audit;
  readonly issues: IssueBook;
  readonly judge?: X1Judge;
  readonly recorder?: X1Recorder;
}

export class X1AdmfHandler {
  readonly #options: X1AdmfOptions;
  readonly #endpoint: X1Endpoint;

  constructor(options: X1AdmfOptions) {
    this.#options = options;
    this.#endpoint = new X1Endpoint({
      ...options,
      side: 'admf',
      peers: options.elements,
      execute: (body, header) => Promise.resolve(this.#execute(body, header)),
    });
  }

  handle(octets: Uint8Array, peer: X1Peer): Promise<Uint8Array> {
    return this.#endpoint.handle(octets, peer);
  }

  forbidden(peer: X1Peer): void {
    this.#endpoint.forbidden(peer);
  }

  #execute(body: X1RequestBody, { neIdentifier, timestamp }: X1Header): X1ResponseBody {
    const base = { element: neIdentifier, time: timestamp };
    switch (body.type) {
      case 'ReportTaskIssue':
        this.#note({ ...base, about: 'task', id: body.xid, ...reported(body) });
        break;
      case 'ReportDestinationIssue':
        this.#note({ ...base, about: 'destination', id: body.did, ...reported(body) });
        break;
      case 'ReportNEIssue': {
        const { issue, description, code = null } = body;
        const severity = issue === 'FaultCleared' ? 'AllClear' : issue;
        this.#note({ ...base, about: 'element', id: null, severity, code, description });
        break;
      }
      case 'Ping':
        break;
      default:
        throw new X1Refusal('generic', `${body.type} is for a network element`);
    }
    return { type: body.type, ok: 'AcknowledgedAndCompleted' };
  }

  #note(issue: Issue): void {
    const { audit, logger, issues } = this.#options;
    audit.append({ kind: 'x1-issue', ...issue });
    if (issue.severity === 'AllClear') logger.info(issue, 'an issue is cleared');
    else logger.warn(issue, 'an element reports an issue');
    issues.note(issue);
  }
}

function reported(body: {
  readonly report: string;
  readonly code?: number;
  readonly details?: string;
}): Pick<Issue, 'severity' | 'code' | 'description'> {
  return { severity: body.report, code: body.code ?? null, description: body.details ?? '' };
}

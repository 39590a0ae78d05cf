/**
 * What network elements report over X1 (TS 103 221-1 clause 6.5): on record, in the log, and at hand for the operator,
 * the newest of each subject.
 */
import type { Clock, Logger } from '../../bytes/ports.ts';
import { X1Endpoint } from '../../x1/endpoint.ts';
import type { X1Audit, X1Judge, X1Peer, X1Recorder } from '../../x1/endpoint.ts';
import { X1Refusal } from '../../x1/policy.ts';
import type { X1Header } from '../../wire/x1/containers.ts';
import type { X1RequestBody } from '../../wire/x1/requests.ts';
import type { X1ResponseBody } from '../../wire/x1/responses.ts';

export interface X1AdmfOptions {
  readonly identifier: string;
  /** Identifiers of the elements that may report. */
  readonly elements: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly audit: X1Audit;
  readonly judge?: X1Judge;
  readonly recorder?: X1Recorder;
}

/** An issue that an element has reported and not cleared. */
export interface Issue {
  readonly element: string;
  readonly about: 'task' | 'destination' | 'element';
  /** XID or DID; of an element's issue: `null`. */
  readonly id: string | null;
  readonly severity: string;
  readonly code: number | null;
  readonly description: string;
  /** Unix milliseconds, when it was reported. */
  readonly time: number;
}

/** Issues at hand at most; the oldest go first. */
const MOST_ISSUES = 1_000;

export class X1AdmfHandler {
  readonly #options: X1AdmfOptions;
  readonly #endpoint: X1Endpoint;
  readonly #issues = new Map<string, Issue>();

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

  /** Issues that have not been cleared, oldest first. */
  issues(): Issue[] {
    return [...this.#issues.values()];
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
    const subject = `${issue.element} ${issue.about} ${issue.id ?? ''}`;
    const { audit, logger } = this.#options;
    audit.append({ kind: 'x1-issue', ...issue });
    this.#issues.delete(subject);
    if (issue.severity === 'AllClear') {
      logger.info(issue, 'an issue is cleared');
      return;
    }
    logger.warn(issue, 'an element reports an issue');
    this.#issues.set(subject, issue);
    const [oldest] = this.#issues.keys();
    if (this.#issues.size > MOST_ISSUES && oldest !== undefined) this.#issues.delete(oldest);
  }
}

function reported(body: {
  readonly report: string;
  readonly code?: number;
  readonly details?: string;
}): Pick<Issue, 'severity' | 'code' | 'description'> {
  return { severity: body.report, code: body.code ?? null, description: body.details ?? '' };
}

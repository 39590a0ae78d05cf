/** What the officers' interface says of the system: how it is, what elements hold and report, and the audit log. */
import type { Clock } from '../../../bytes/ports.ts';
import { present } from '../../../bytes/present.ts';
import type { AuditPages } from '../../../evidence/audit-pages.ts';
import type { HashChainLog } from '../../../evidence/log.ts';
import {
  ALARMS_PATH,
  AUDIT_PATH,
  decodeAuditSelection,
  decodeNoSelection,
  DIFFERENCES_PATH,
  ELEMENTS_PATH,
  SELF_PATH,
  STATUS_PATH,
  USUAL_RECORDS,
} from '../../../wire/officers/system.ts';
import { isoTime } from '../../../bytes/iso-time.ts';
import type { Admf } from '../admf.ts';
import type { WarrantDesk } from '../desk.ts';
import type { IssueBook } from '../issues.ts';
import type { AdmfElement } from '../ports.ts';
import { WATCHERS } from './routes.ts';
import type { OfficerRoute } from './routes.ts';
import { awaitsApproval } from './warrant-routes.ts';

export interface SystemRoutesOptions {
  readonly admf: Pick<Admf, 'list' | 'degraded' | 'ping' | 'verify' | 'elements'>;
  readonly elements: readonly Pick<AdmfElement, 'identifier' | 'kind'>[];
  readonly desk: Pick<WarrantDesk, 'rules'>;
  readonly issues: IssueBook;
  readonly audit: Pick<HashChainLog, 'head'>;
  readonly pages: AuditPages;
  readonly clock: Clock;
}

export function systemRoutes(options: SystemRoutesOptions): OfficerRoute[] {
  const { admf, desk, elements, issues, audit, pages } = options;
  const read = (
    path: string,
    roles: OfficerRoute['roles'],
    body: (query: unknown) => object | Promise<object>,
  ): OfficerRoute => ({
    ...{ method: 'GET', path, roles },
    answer: async ({ query }) => ({ body: await body(query) }),
  });
  const plain = (path: string, body: () => object | Promise<object>): OfficerRoute =>
    read(path, WATCHERS, (query) => {
      decodeNoSelection(query);
      return body();
    });
  const pinged = shared(() => admf.ping());
  const verified = shared(() => admf.verify());

  return [
    {
      ...{ method: 'GET', path: SELF_PATH, roles: WATCHERS },
      answer: ({ query, person: { name, roles } }) => {
        decodeNoSelection(query);
        const { approval, emergencyMs } = desk.rules;
        return { body: { name, roles, approval, emergencyMs } };
      },
    },
    plain(STATUS_PATH, () => statusOf(options)),
    plain(ELEMENTS_PATH, async () => {
      const answers = await pinged();
      return {
        elements: elements.map(({ identifier, kind }) => ({
          ...{ identifier, kind },
          answers: answers.get(identifier) ?? false,
          tasks: admf.elements().find(({ name }) => name === identifier)?.tasks ?? 0,
        })),
      };
    }),
    plain(DIFFERENCES_PATH, async () => ({
      differences: (await verified()).map(({ element, problem, id }) => present({ element, problem, id })),
    })),
    plain(ALARMS_PATH, () => ({
      degraded: admf.degraded().sort(),
      issues: issues.list().map(({ id, code, time, ...issue }) => ({
        ...issue,
        ...present({ id, code }),
        time: isoTime(time),
      })),
    })),
    read(AUDIT_PATH, ['auditor'], async (query) => {
      const { from = 0, limit = USUAL_RECORDS } = decodeAuditSelection(query);
      const records = await pages.page(from, limit);
      return { records, next: from + records.length, head: audit.head };
    }),
  ];
}

function statusOf({ admf, issues, audit, clock }: SystemRoutesOptions): object {
  return { time: isoTime(clock.now()), ...countsOf({ admf, issues }), audit: audit.head };
}

export interface SystemCounts {
  /** How many are in each state. */
  readonly warrants: Readonly<Record<string, number>>;
  /** How many wait for an approval. */
  readonly pending: number;
  readonly degraded: number;
  readonly issues: number;
}

/** How the system is, in numbers. */
export function countsOf({
  admf,
  issues,
}: {
  readonly admf: Pick<Admf, 'list' | 'degraded'>;
  readonly issues: Pick<IssueBook, 'list'>;
}): SystemCounts {
  const records = admf.list();
  const states = new Map<string, number>();
  for (const { state } of records) states.set(state, (states.get(state) ?? 0) + 1);
  return {
    warrants: Object.fromEntries(states),
    pending: records.filter(awaitsApproval).length,
    degraded: admf.degraded().length,
    issues: issues.list().length,
  };
}

/** Whoever asks while the work is under way gets what comes of it: elements are not asked twice at once. */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null;
  return () => {
    underWay ??= work().finally(() => {
      underWay = null;
    });
    return underWay;
  };
}

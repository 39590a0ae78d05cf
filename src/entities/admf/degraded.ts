/** Which active warrants are not carried whole, said once when it begins and once when it is over. */
import type { Logger } from '../../bytes/ports.ts';
import type { AuditLog } from '../../evidence/log.ts';
import type { Situation } from './provisioning.ts';
import type { WarrantRecord } from './warrants.ts';

export class DegradedWarrants {
  readonly #audit: AuditLog;
  readonly #logger: Logger;
  /** LIIDs. */
  readonly #degraded = new Set<string>();

  constructor({ audit, logger }: { readonly audit: AuditLog; readonly logger: Logger }) {
    this.#audit = audit;
    this.#logger = logger;
  }

  /** Their LIIDs. */
  list(): string[] {
    return [...this.#degraded];
  }

  /** @param situationOf how far the elements are with an active warrant */
  watch(records: Iterable<WarrantRecord>, situationOf: (record: WarrantRecord) => Situation): void {
    for (const record of records) {
      const { liid } = record.warrant;
      const elements = record.state === 'active' ? elementsOf(situationOf(record)) : '';
      if ((elements !== '') === this.#degraded.has(liid)) continue;
      const kind = elements === '' ? 'warrant-restored' : 'warrant-degraded';
      this.#audit.append({ kind, liid, xid: record.xid, ...(elements === '' ? {} : { elements }) });
      if (elements === '') this.#degraded.delete(liid);
      else this.#degraded.add(liid);
      if (elements !== '')
        this.#logger.error({ xid: record.xid, elements }, 'an active warrant is not carried whole');
    }
  }
}

function elementsOf({ refusals, failures, undelivered }: Situation): string {
  const elements = [...refusals, ...failures].map(({ element }) => element);
  elements.push(...undelivered);
  return [...new Set(elements)].join(' ');
}

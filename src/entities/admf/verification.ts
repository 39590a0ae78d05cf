/** What the elements hold (ListAllDetails), compared with what they must. */
import type { Logger } from '../../bytes/ports.ts';
import type { ElementPlan } from './plan.ts';
import type { AdmfElement } from './ports.ts';

/** A difference between what an element holds and what it must. */
export interface Finding {
  readonly element: string;
  readonly problem:
    'unreachable' | 'missing-task' | 'foreign-task' | 'missing-destination' | 'foreign-destination';
  /** XID or DID. */
  readonly id: string | null;
}

export async function findingsAt(
  { identifier, kind, x1 }: AdmfElement,
  plan: ElementPlan,
  logger: Logger,
): Promise<Finding[]> {
  try {
    const { xids, dids } = await x1.request({ type: 'ListAllDetails' });
    const wanted = plan.holdings(kind);
    const differences = [
      ...compare(wanted.tasks, xids, 'missing-task', 'foreign-task'),
      ...compare(wanted.destinations, dids, 'missing-destination', 'foreign-destination'),
    ];
    return differences.map((difference) => ({ element: identifier, ...difference }));
  } catch (error) {
    logger.error({ element: identifier, error }, 'an element could not be verified');
    return [{ element: identifier, problem: 'unreachable', id: null }];
  }
}

function compare(
  wanted: ReadonlyMap<string, unknown>,
  held: readonly string[],
  missing: Finding['problem'],
  foreign: Finding['problem'],
): Omit<Finding, 'element'>[] {
  const known = new Set(held);
  return [
    ...[...wanted.keys()].filter((id) => !known.has(id)).map((id) => ({ problem: missing, id })),
    ...held.filter((id) => !wanted.has(id)).map((id) => ({ problem: foreign, id })),
  ];
}

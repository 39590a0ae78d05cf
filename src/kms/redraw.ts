/** The computation of get_keys joined to what the KMS keeps; until it is, every permitted question waits. */
import type { IbeEngine } from '../ibe/engine.ts';
import type { District } from './district.ts';
import type { LiRoots } from './li-roots.ts';
import type { KmsStore } from './ports.ts';
import type { Computation } from './xk.ts';
export function redrawer(_parts: {
  readonly district: District;
  readonly engine: IbeEngine;
  readonly roots: LiRoots;
  readonly store: KmsStore;
}): Computation {
  return () => Promise.resolve({ failureIndication: 'temporarily-unavailable' });
}

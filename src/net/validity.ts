/** What is in force for a time only, certificates and revocation lists: for whoever sees to it that new ones come in time. */
import type { X509Certificate } from 'node:crypto';
import type { RevocationLists } from './revocation.ts';

export interface TimeInForce {
  readonly kind: 'certificate' | 'revocation-list';
  /** Where it was read. */
  readonly file: string;
  /** Unix milliseconds. */
  readonly from: number;
  readonly to: number;
}

/** Of a chain, as long as all of it is in force: none of it is of use without the rest. */
export function chainValidity(
  file: string,
  chain: readonly Pick<X509Certificate, 'validFrom' | 'validTo'>[],
): TimeInForce {
  return {
    ...{ kind: 'certificate', file },
    from: Math.max(...chain.map(({ validFrom }) => Date.parse(validFrom))),
    to: Math.min(...chain.map(({ validTo }) => Date.parse(validTo))),
  };
}

/** Of the list that ends first; none where there are no lists. */
export function listValidity(lists: RevocationLists | undefined): TimeInForce[] {
  const first = lists?.firstToEnd ?? null;
  return first === null
    ? []
    : [{ kind: 'revocation-list', file: first.file, from: first.from, to: first.to }];
}

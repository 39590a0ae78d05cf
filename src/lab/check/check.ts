/** All that is wrong with configurations, of each and of all together. */
import { statSync } from 'node:fs';
import { ownCertificate } from './certificates.ts';
import type { OwnCertificate } from './certificates.ts';
import { readChecked } from './configurations.ts';
import type { Checked, ConfigFinding, GivenFile } from './configurations.ts';
import { databaseFindings } from './databases.ts';
import { certificationFindings } from './key-requests.ts';
import { linkFindings } from './links.ts';
import { placesOf, portFindings, stateFindings } from './places.ts';
import { watchingFindings } from './watching.ts';

export interface CheckReport {
  readonly files: readonly { readonly file: string; readonly kind: string | null }[];
  readonly findings: readonly ConfigFinding[];
  readonly errors: number;
  readonly warnings: number;
}

/**
 * Checks configurations and what lies between them.
 * @param complete whether they are all that there are: then what leads elsewhere is an error
 * @param now Unix milliseconds
 */
export function checkConfigurations(
  given: readonly GivenFile[],
  complete: boolean,
  now: number,
): CheckReport {
  const found: ConfigFinding[] = [];
  const all: Checked[] = [];
  const kinds = new Map<string, string>();
  for (const each of given) {
    const read = readChecked(each);
    if (Array.isArray(read)) found.push(...read);
    else {
      all.push(read);
      kinds.set(read.file, read.kind);
    }
  }
  const certificates = new Map<Checked, OwnCertificate>();
  for (const checked of all) {
    const own = ownCertificate(checked, now, found);
    if (own !== null) certificates.set(checked, own);
    found.push(...certificationFindings(checked, now));
  }
  const places = all.flatMap(placesOf);
  found.push(...portFindings(places), ...stateFindings(all, isFolder));
  found.push(...databaseFindings(all));
  // Whoever cannot be read cannot be found, either.
  const isWhole = complete && all.length === given.length;
  found.push(...linkFindings({ all, places, certificates, complete: isWhole, now }));
  if (isWhole) found.push(...watchingFindings(all, certificates));
  const order = given.map(({ file }) => file);
  const findings = found.sort((a, b) => order.indexOf(a.file) - order.indexOf(b.file));
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  return {
    files: given.map(({ file }) => ({ file, kind: kinds.get(file) ?? null })),
    findings,
    errors,
    warnings: findings.length - errors,
  };
}

function isFolder(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;
}

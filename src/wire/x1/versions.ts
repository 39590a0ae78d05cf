/**
 * The versions of TS 103 221-1 that are spoken: `v1.MINOR.PATCH`, from v1.13.1 to v1.23.1. All have one namespace, and one
 * that is later only adds to what there was: whoever speaks an earlier one is answered in that, and is sent nothing that
 * came after it.
 */

/** The version of the schema that the codecs follow. */
export const X1_VERSION = 'v1.23.1';

export const OLDEST_X1_VERSION = 'v1.13.1';

/** What is not in all versions, by the key that it has here, and the first version that is known to have it. */
const SINCE: Readonly<Record<string, string>> = { iriPolicies: 'v1.23.1' };

/** Whether a version can be spoken. */
export function isSpokenX1Version(version: string): boolean {
  return (
    partsOf(version) !== null &&
    !isOlderX1Version(version, OLDEST_X1_VERSION) &&
    !isOlderX1Version(X1_VERSION, version)
  );
}

/** Whether the first version came before the second; what is not a version came before none. */
export function isOlderX1Version(version: string, than: string): boolean {
  const [one, other] = [partsOf(version), partsOf(than)];
  if (one === null || other === null) return false;
  return one.minor < other.minor || (one.minor === other.minor && one.patch < other.patch);
}

/** A part of a request that a version does not have; `null`: it has all of them. */
export function beyondX1Version(body: object, version: string): string | null {
  for (const [key, value] of Object.entries(body) as [string, unknown][]) {
    const since = Object.hasOwn(SINCE, key) ? SINCE[key] : undefined;
    if (since !== undefined && value !== undefined && isOlderX1Version(version, since)) return key;
    const below = typeof value === 'object' && value !== null ? beyondX1Version(value, version) : null;
    if (below !== null) return below;
  }
  return null;
}

function partsOf(version: string): { readonly minor: number; readonly patch: number } | null {
  const match = /^v1\.(\d{1,9})\.(\d{1,9})$/.exec(version);
  return match === null ? null : { minor: Number(match[1]), patch: Number(match[2]) };
}

/** The whole list of warrants, from its pages. */
import { decodePage, WARRANTS_PATH } from '../../wire/officers/warrants.ts';
import type { WarrantView } from '../../wire/officers/warrants.ts';
import type { Answered, OfficerApi } from './api.ts';

/** Warrants page after page, `limit` at most. @param only the query */
export async function listAll(
  api: OfficerApi,
  only: Readonly<Record<string, string | undefined>>,
  limit: number,
): Promise<Answered<WarrantView>[]> {
  const found: Answered<WarrantView>[] = [];
  for (let after: string | undefined; found.length < limit;) {
    const query = new URLSearchParams({ limit: String(Math.min(1000, limit - found.length)) });
    for (const [name, value] of Object.entries({ ...only, after }))
      if (value !== undefined) query.set(name, value);
    const { json, value } = await api.get(`${WARRANTS_PATH}?${query.toString()}`, decodePage);
    const raw = (json as { readonly warrants: readonly unknown[] }).warrants;
    found.push(...value.warrants.map((warrant, at) => ({ json: raw[at], value: warrant })));
    if (value.next === undefined) break;
    after = value.next;
  }
  return found;
}

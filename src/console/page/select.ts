/** Which warrants are listedWarrants, and in which order. */
import type { WarrantJson } from './answers.ts';
import { targetLabel, waitsFor } from './format.ts';
import type { ListWishes } from './state.ts';

const OVER: readonly WarrantJson['state'][] = ['ended', 'rejected', 'failed'];

export function listedWarrants(warrants: Iterable<WarrantJson>, wishes: ListWishes): WarrantJson[] {
  const { sort, isDescending } = wishes;
  const found = [...warrants].filter((warrant) => isWished(warrant, wishes));
  const keyOf = ({ liid, state, endTime }: WarrantJson): string =>
    sort === 'liid' ? liid : sort === 'state' ? state : String(Date.parse(endTime)).padStart(16, '0');
  const byLiid = (a: WarrantJson, b: WarrantJson): number => compare(a.liid, b.liid);
  found.sort((a, b) => (isDescending ? -1 : 1) * compare(keyOf(a), keyOf(b)) || byLiid(a, b));
  return found;
}

function isWished(warrant: WarrantJson, { search, state, onlyPending }: ListWishes): boolean {
  if (state === 'open' && OVER.includes(warrant.state)) return false;
  if (state !== 'open' && state !== 'any' && warrant.state !== state) return false;
  if (onlyPending && waitsFor(warrant) === null) return false;
  const words = search.trim().toLowerCase();
  if (words === '') return true;
  const texts = [warrant.liid, ...warrant.targets.map(targetLabel), ...warrant.authors, ...warrant.approvals];
  return texts.some((text) => text.toLowerCase().includes(words));
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

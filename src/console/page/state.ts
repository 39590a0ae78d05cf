/** What the page knows, all of it: it is drawn from this alone. */
import type {
  ActName,
  AlarmsJson,
  DifferenceJson,
  ElementJson,
  SelfJson,
  StateName,
  SystemJson,
  WarrantFileJson,
  WarrantJson,
} from './answers.ts';
import type { LiveState } from './live.ts';

/** Where the reader is, as the address has it behind `#/`. */
export type PagePlace =
  | { readonly view: 'warrants' | 'enter' | 'elements' | 'alarms' | 'unknown' }
  | { readonly view: 'warrant'; readonly liid: string };

export type SortKey = 'liid' | 'state' | 'left';

export interface ListWishes {
  readonly search: string;
  /** `open`: all that are not over. */
  readonly state: StateName | 'any' | 'open';
  readonly onlyPending: boolean;
  readonly sort: SortKey;
  readonly isDescending: boolean;
  /** Rows at most. */
  readonly rows: number;
}

export interface PageState {
  readonly place: PagePlace;
  /** `null`: not asked yet. */
  readonly self: SelfJson | null;
  readonly live: LiveState;
  /** What the server's clock is ahead of the reader's, milliseconds. */
  readonly ahead: number;
  readonly system: SystemJson | null;
  /** By LIID; `null`: not asked yet. */
  readonly warrants: ReadonlyMap<string, WarrantJson> | null;
  readonly wishes: ListWishes;
  /** Of the warrant that is looked at. */
  readonly file: WarrantFileJson | null;
  /** What the reader is about to do with it. */
  readonly act: ActName | null;
  /** The generation of the warrant that it is decided on. */
  readonly seen: number;
  readonly elements: readonly ElementJson[] | null;
  readonly differences: readonly DifferenceJson[] | 'asking' | null;
  readonly alarms: AlarmsJson | null;
  /** Whether something that the reader asked for is under way. */
  readonly isSending: boolean;
  /** Why the last of it was refused. */
  readonly refusal: string | null;
  /** Why what is shown may be old. */
  readonly failure: string | null;
  /** What has been done, for the eye and the screen reader. */
  readonly notice: string;
  /** Rows for further identities of a target. */
  readonly targetRows: number;
}

export const BEGINNING: PageState = {
  ...{ place: { view: 'warrants' }, self: null, live: 'connecting', ahead: 0, system: null, warrants: null },
  wishes: { search: '', state: 'open', onlyPending: false, sort: 'liid', isDescending: false, rows: 100 },
  ...{ file: null, act: null, seen: 0, elements: null, differences: null, alarms: null },
  ...{ isSending: false, refusal: null, failure: null, notice: '', targetRows: 0 },
};

/** @param hash of the address */
export function placeOfHash(hash: string): PagePlace {
  const [view = '', name = ''] = hash.replace(/^#\/?/, '').split('/');
  if (view === '') return { view: 'warrants' };
  if (view === 'warrants' && name !== '') return { view: 'warrant', liid: decoded(name) };
  if (view === 'warrants' || view === 'enter' || view === 'elements' || view === 'alarms') return { view };
  return { view: 'unknown' };
}

export function warrantAddress(liid: string): string {
  return `#/warrants/${encodeURIComponent(liid)}`;
}

/** Whether the reader has one of these roles. */
export function hasAny(self: SelfJson | null, roles: readonly SelfJson['roles'][number][]): boolean {
  return self?.roles.some((role) => roles.includes(role)) === true;
}

/** Who may see whom a warrant is about; the server decides it. */
export function readsWarrants(self: SelfJson | null): boolean {
  return hasAny(self, ['officer', 'approver', 'auditor']);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

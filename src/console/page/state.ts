/** What the page knows, all of it: it is drawn from this alone. */
import type { WatchedEntityName } from '../../host/watched.ts';
import type { BridgeAnswer, LaboratoryAnswer } from '../beside.ts';
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
import { ALL_RECORDS } from './audit-list.ts';
import type { AuditWishes } from './audit-list.ts';
import type { ReadLog } from './audit-logs.ts';
import type { LiveState } from './live.ts';
import type { WatchedNow } from './network-watch.ts';

/** Views that have an address of their own, in the order in which they are offered. */
export const LISTED_VIEWS = [
  ...(['warrants', 'enter', 'elements', 'alarms'] as const),
  ...(['audit', 'releases', 'network', 'laboratory'] as const),
] as const;

export type ListedView = (typeof LISTED_VIEWS)[number];

/** Where the reader is, as the address has it behind `#/`. */
export type PagePlace =
  { readonly view: ListedView | 'unknown' } | { readonly view: 'warrant'; readonly liid: string };

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
  /** What the bridge has beside the officers' interface; `null`: there is none, or it is not asked yet. */
  readonly beside: BridgeAnswer | null;
  /** Entities that are looked at for the reader; `null`: that is not asked yet. */
  readonly watched: readonly WatchedEntityName[] | null;
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
  /** `null`: not asked yet. */
  readonly logs: readonly ReadLog[] | null;
  readonly auditWishes: AuditWishes;
  /** `null`: not asked yet. */
  readonly network: readonly WatchedNow[] | null;
  /** The counter whose rate is drawn; empty: a usual one. */
  readonly counter: string;
  /** `null`: not asked yet. */
  readonly laboratory: LaboratoryAnswer | null;
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
  ...{
    beside: null,
    watched: null,
    logs: null,
    auditWishes: ALL_RECORDS,
    network: null,
    counter: '',
    laboratory: null,
  },
  wishes: { search: '', state: 'open', onlyPending: false, sort: 'liid', isDescending: false, rows: 100 },
  ...{ file: null, act: null, seen: 0, elements: null, differences: null, alarms: null },
  ...{ isSending: false, refusal: null, failure: null, notice: '', targetRows: 0 },
};

/** @param hash of the address */
export function placeOfHash(hash: string): PagePlace {
  const [view = '', name = ''] = hash.replace(/^#\/?/, '').split('/');
  if (view === '') return { view: 'warrants' };
  if (view === 'warrants' && name !== '') return { view: 'warrant', liid: decoded(name) };
  return { view: LISTED_VIEWS.find((each) => each === view) ?? 'unknown' };
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

/** Whether the reader may have a view at all; the server decides what is in it. */
export function maySee(
  view: PagePlace['view'],
  { self, beside }: Pick<PageState, 'self' | 'beside'>,
): boolean {
  switch (view) {
    case 'warrants':
    case 'warrant':
      return readsWarrants(self);
    case 'enter':
      return hasAny(self, ['officer']);
    case 'audit':
    case 'releases':
      return hasAny(self, ['auditor']);
    case 'network':
      return hasAny(self, ['auditor', 'operator']);
    case 'laboratory':
      return beside?.laboratory === true;
    default:
      return true;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

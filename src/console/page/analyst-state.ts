/** What the page of analysts knows, all of it: it is drawn from this alone. */
import type { CallView, RecordView } from '../../entities/lemf/case-views.ts';
import type { CallEntry } from '../../wire/analysts/calls.ts';
import type { LiveState } from './live.ts';
import type { Track } from './player.ts';

/** Whom the LEMF takes the reader for. */
export interface AnalystSelf {
  readonly name: string;
  readonly roles: readonly string[];
  readonly lemf: string;
  /** Whether it makes exports. */
  readonly exports: boolean;
}

/** Where the reader is, as the address has it behind `#/`. */
export type AnalystPlace =
  { readonly view: 'calls' | 'unknown' } | { readonly view: 'call'; readonly id: string };

/** A record that is looked at. */
export interface ChosenRecord {
  readonly source: string | null;
  readonly place: number;
}

/** The recordings of one call. */
export interface LoadedAudio {
  /** Which files, as they were reported: others are loaded anew. */
  readonly of: string;
  /** `null`: they are under way. */
  readonly tracks: readonly Track[] | null;
  /** Files that are too long to be heard here. */
  readonly tooLong: readonly string[];
}

export interface AnalystState {
  readonly place: AnalystPlace;
  readonly self: AnalystSelf | null;
  readonly live: LiveState;
  /** `null`: not asked yet. */
  readonly entries: readonly CallEntry[] | null;
  /** Where the list goes on. */
  readonly next: number | null;
  readonly search: string;
  /** Of the communication that is looked at; `null`: not asked yet. */
  readonly calls: readonly CallView[] | null;
  readonly chosen: ChosenRecord | null;
  /** `null`: none, or not there yet. */
  readonly record: RecordView | null;
  /** By the source of the call. */
  readonly audio: ReadonlyMap<string | null, LoadedAudio>;
  readonly failure: string | null;
  readonly notice: string;
}

export const ANALYST_BEGINNING: AnalystState = {
  ...{ place: { view: 'calls' }, self: null, live: 'connecting', entries: null, next: null, search: '' },
  ...{ calls: null, chosen: null, record: null, audio: new Map(), failure: null, notice: '' },
};

export function analystPlace(hash: string): AnalystPlace {
  const [view = '', id = ''] = hash.replace(/^#\/?/, '').split('/');
  if (view === '' || (view === 'calls' && id === '')) return { view: 'calls' };
  return view === 'calls' ? { view: 'call', id } : { view: 'unknown' };
}

export function callAddress(id: string): string {
  return `#/calls/${id}`;
}

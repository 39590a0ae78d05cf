/** What the ADMF needs from outside; `entities/admf/store/sqlite.ts` and `entities/admf/start.ts` provide it. */
import type { X1Requester } from '../../x1/requester.ts';
import type { HistoryEntry, WarrantRecord } from './warrants.ts';

export type ElementKind = 'cscf' | 'gateway' | 'df' | 'kms';

/** A network element that this ADMF provisions. */
export interface AdmfElement {
  /** Its identifier; its certificate bears it. */
  readonly identifier: string;
  readonly kind: ElementKind;
  /** Asks it over X1. */
  readonly x1: Pick<X1Requester, 'request' | 'requestAll'>;
  /** Requests that it takes in one document. */
  readonly mostRequests: number;
  /** Milliseconds between keepalives; absent: none are agreed. */
  readonly keepaliveMs?: number;
}

export interface AdmfState {
  readonly warrants: readonly WarrantRecord[];
  /** DIDs by what they stand for (`destinationKey`). */
  readonly dids: ReadonlyMap<string, string>;
}

/** What the ADMF must not forget. What the elements hold is asked of them. */
export interface AdmfStore {
  load(): Promise<AdmfState>;
  /**
   * Adds or replaces warrants, by LIID, and adds what led to it to their history: all of it or none. Of one whose contents
   * are deleted, the history's details go too.
   */
  saveWarrants(records: readonly WarrantRecord[], entries: readonly HistoryEntry[]): Promise<void>;
  /** All that has happened under an LIID, in order. */
  history(liid: string): Promise<HistoryEntry[]>;
  saveDid(key: string, did: string): Promise<void>;
}

/** What HI1 needs from outside: a store of objects and exchanges; the desk where officers decide is `desk.ts`. */
import type { Hi1KnownObject, Hi1ObjectKind } from '../../../wire/hi1/objects.ts';
import type { Hi1Endpoint, Unsuccessful } from '../../../wire/hi1/common.ts';
import type { Hi1Status } from '../../../wire/hi1/dictionaries.ts';
import type { Warrant } from '../warrants.ts';

/** A law enforcement agency: who asks and owns objects. What is another's does not exist for it. */
export interface Agency {
  /** For the record, and as who acts on warrants. */
  readonly name: string;
  /** As whom it may send. */
  readonly endpoints: readonly Hi1Endpoint[];
}

/** What an agency wants of a task's warrant. */
export interface TaskWish {
  readonly warrant: Warrant;
  readonly desired: 'Active' | 'Suspended' | 'Cancelled';
  readonly emergency: boolean;
}

/** What of a task's wish is still to be done: all of it, or its status alone, when the warrant can take it. */
export type TaskDue = 'all' | 'status' | 'nothing';

/** An object on record. */
export interface StoredObject {
  /** The agency's name. */
  readonly agency: string;
  /** As its owner has it: without generation, time of change and status, which are ours. */
  readonly object: Hi1KnownObject;
  /** Counts the changes that its owner has made, from 1. */
  readonly generation: number;
  /** Unix milliseconds. */
  readonly lastChanged: number;
  /** `null`: objects of this kind have none. */
  readonly status: Hi1Status | null;
  /** Why it is invalid. */
  readonly reason: Unsuccessful | null;
  /** Of a task: its authorisation, what is wanted, and whether that is still to be done at the desk. */
  readonly task: {
    readonly authorisation: string;
    readonly wish: TaskWish;
    readonly due: TaskDue;
  } | null;
}

/** Those of an agency that are changed since, of one kind. */
export interface ObjectFilter {
  readonly kind: Hi1ObjectKind | null;
  /** Unix milliseconds. */
  readonly since: number | null;
  readonly most: number;
}

/** An exchange as it is on record; `answer`: `null` once what it tells of is erased. */
export type StoredExchange = Omit<AgencyExchange, 'objects' | 'answer'> & {
  readonly answer: Uint8Array | null;
};

/** An answer that was given, by agency and transaction. */
export interface AgencyExchange {
  readonly agency: string;
  readonly transaction: string;
  /** Of the request. */
  readonly digest: string;
  readonly answer: Uint8Array;
  /** When it was answered, Unix milliseconds. */
  readonly at: number;
  /** Identifiers of the objects that it has created or changed, or that its answer tells of. */
  readonly objects: readonly string[];
}

export interface Hi1Store {
  /** Notifications that were given up for newer ones since the store was opened. */
  readonly notificationsDropped: number;
  find(agency: string, identifier: string): Promise<StoredObject | null>;
  /** Tasks of an authorisation, in order. */
  tasksOf(agency: string, authorisation: string): Promise<StoredObject[]>;
  /** Tasks with this LIID, in order; of whichever agency. */
  tasksWith(liid: string): Promise<StoredObject[]>;
  /** Tasks that something is due about, or may still come of. */
  openTasks(): Promise<StoredObject[]>;
  /** Tasks that nothing is due about and that have come to their end. */
  closedTasks(): Promise<StoredObject[]>;
  /** Authorisations that have not come to their end, and have no task. */
  authorisationsAlone(): Promise<StoredObject[]>;
  /** Objects, save notifications, that name this one as associated or that it names. */
  associated(agency: string, identifier: string): Promise<StoredObject[]>;
  /**
   * Last changed no later than then: tasks that have come to their end, authorisations that have and are without tasks,
   * documents that are associated with nothing but documents.
   */
  leftOver(changed: number): Promise<StoredObject[]>;
  /** These objects of an agency, notifications of them and answers that tell of any: all of it or nothing. */
  erase(agency: string, identifiers: readonly string[]): Promise<void>;
  list(agency: string, filter: ObjectFilter): Promise<StoredObject[]>;
  count(agency: string): Promise<number>;
  exchange(agency: string, transaction: string): Promise<StoredExchange | null>;
  /** Exchanges of an agency (`null`: of all) that are on record, and the octets of their answers. */
  exchangesKept(agency: string | null): Promise<{ readonly count: number; readonly octets: number }>;
  /** Forgets exchanges that were answered earlier than that, Unix milliseconds. */
  forgetExchanges(before: number): Promise<void>;
  /** All of it or nothing; an object takes the place of that with its agency and identifier. */
  save(objects: readonly StoredObject[], exchange: AgencyExchange | null): Promise<void>;
}

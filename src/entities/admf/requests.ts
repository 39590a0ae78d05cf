/** Requests to an element, with what they make of it, and the document that carries several of them. */
import { isDeepStrictEqual } from 'node:util';
import { DESTINATION_DETAILS, TASK_DETAILS } from '../../wire/x1/details.ts';
import type { Destination, InterceptTask } from '../../wire/x1/details.ts';
import type { Child } from '../../wire/xml/forms.ts';
import type { X1RequestBody } from '../../wire/x1/requests.ts';
import { X1_SIZE_LIMIT, X1_VOCABULARY } from '../../wire/x1/names.ts';
import { formatXmlChild } from '../../wire/xml/document.ts';
import type { XmlElement } from '../../wire/xml/tree.ts';
import type { ElementView, Held } from './view.ts';

/**
 * What the view then has of a request's subject: what it will be, what it was, that this is in doubt, or that it is not
 * there.
 */
export type Outcome = 'after' | 'before' | 'doubt' | 'gone';

/** One request about a task or a destination. */
export interface Change {
  readonly about: 'task' | 'destination';
  /** XID or DID. */
  readonly id: string;
  readonly request: X1RequestBody;
  readonly set: (view: ElementView, outcome: Outcome) => void;
  /** DIDs of destinations that the task may leave. */
  readonly dids: readonly string[];
}

/** Octets of a request besides what it is about: its header. */
const AROUND = 1_024;
/** How much longer than as JSON a request is as XML, at most about. */
const AS_XML = 4;

export class DraftDocument {
  readonly changes: Change[] = [];
  readonly #most: number;
  #octets = AROUND;

  /** @param most requests at most */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether no further request goes in: their number, or their octets. */
  get full(): boolean {
    return this.changes.length >= this.#most || this.#octets >= X1_SIZE_LIMIT / 2;
  }

  add(change: Change): void {
    this.changes.push(change);
    this.#octets += AROUND + AS_XML * JSON.stringify(change.request).length;
  }
}

export function taskChange(view: ElementView, xid: string, wanted: InterceptTask | undefined): Change {
  const held = view.task(xid);
  const type = held === undefined ? 'ActivateTask' : 'ModifyTask';
  const request: X1RequestBody =
    wanted === undefined ? { type: 'DeactivateTask', xid } : { type, task: wanted };
  return aboutTask(xid, request, held, wanted);
}

/** What is this task? */
export function taskQuestion(xid: string): Change {
  return aboutTask(xid, { type: 'GetTaskDetails', xid }, null, null);
}

export function destinationChange(view: ElementView, did: string, wanted: Destination | undefined): Change {
  const held = view.destination(did);
  const type = held === undefined ? 'CreateDestination' : 'ModifyDestination';
  const request: X1RequestBody =
    wanted === undefined ? { type: 'RemoveDestination', did } : { type, destination: wanted };
  return aboutDestination(did, request, held, wanted);
}

/** What is this destination, and how does it fare? */
export function destinationQuestion(did: string): Change {
  return aboutDestination(did, { type: 'GetDestinationDetails', did }, null, null);
}

function aboutTask(
  id: string,
  request: X1RequestBody,
  before: Held<InterceptTask>,
  after: Held<InterceptTask>,
): Change {
  const held = { before, after, doubt: null, gone: undefined };
  const set: Change['set'] = (view, outcome) => view.setTask(id, held[outcome]);
  return { about: 'task', id, request, set, dids: before?.dids ?? [] };
}

function aboutDestination(
  id: string,
  request: X1RequestBody,
  before: Held<Destination>,
  after: Held<Destination>,
): Change {
  const held = { before, after, doubt: null, gone: undefined };
  const set: Change['set'] = (view, outcome) => view.setDestination(id, held[outcome]);
  return { about: 'destination', id, request, set, dids: [] };
}

/** What tells one request from another about the same thing. */
export function requestText(request: X1RequestBody): string {
  if ('task' in request) return `${request.type} ${taskText(request.task)}`;
  if ('destination' in request) return `${request.type} ${destinationText(request.destination)}`;
  return request.type;
}

/** Equality as X1 has it: what would be written is the same. */
export function sameTask(a: InterceptTask, b: InterceptTask): boolean {
  return isDeepStrictEqual(a, b) || taskText(a) === taskText(b);
}

export function sameDestination(a: Destination, b: Destination): boolean {
  return isDeepStrictEqual(a, b) || destinationText(a) === destinationText(b);
}

const taskText = (task: InterceptTask): string => written(TASK_DETAILS, task);
const destinationText = (destination: Destination): string => written(DESTINATION_DETAILS, destination);

function written<T>(child: Child<T>, value: T): string {
  const elements: XmlElement[] = [];
  child.write(value, elements);
  return elements.map((element) => formatXmlChild(element, X1_VOCABULARY)).join('');
}

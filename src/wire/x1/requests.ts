/**
 * The requests of X1 and what each carries after the header (TS 103 221-1 clauses 6.2 to 6.6). A request's type is its
 * `xsi:type`, the name here with `Request` behind it.
 *
 * Objects of other specifications (`GenericObject`) are known by their identifier and type only.
 */
import type { Destination, Extension, InterceptTask } from './details.ts';
import { readDestinationDetails, writeDestinationDetails } from './destination-details.ts';
import { X1Error } from './errors.ts';
import { leaf, maybe, Sequence, simple } from './sequence.ts';
import * as types from './simple-types.ts';
import { readExtensions, readTaskDetails, writeExtensions, writeTaskDetails } from './task-details.ts';
import type { QName, XmlElement } from './xml.ts';

/** What an issue means for a task or destination. */
export type IssueReportType =
  | 'AllClear'
  | 'Warning'
  | 'NonTerminatingFault'
  | 'TerminatingFault'
  | 'ImplicitDeactivation'
  | 'FullyActionedAndSuccessful'
  | 'FullyActionedAndUnsuccessful';

export type NeIssueType = 'Warning' | 'FaultCleared' | 'FaultReport' | 'Alert';

interface Issue {
  readonly report: IssueReportType;
  readonly code?: number;
  readonly details?: string;
}

/** Nothing but the header. */
type None = object;

/** What each request carries. */
export interface RequestPayloads {
  readonly ActivateTask: { readonly task: InterceptTask };
  readonly ModifyTask: { readonly task: InterceptTask };
  readonly DeactivateTask: { readonly xid: string };
  readonly DeactivateAllTasks: None;
  readonly GetTaskDetails: { readonly xid: string };
  readonly CreateDestination: { readonly destination: Destination };
  readonly ModifyDestination: { readonly destination: Destination };
  readonly RemoveDestination: { readonly did: string };
  readonly RemoveAllDestinations: None;
  readonly GetDestinationDetails: { readonly did: string };
  readonly GetNEStatus: None;
  readonly GetAllDetails: None;
  readonly GetAllTaskDetails: None;
  readonly GetAllDestinationDetails: None;
  readonly GetAllGenericObjectDetails: { readonly objectType?: string };
  readonly ListAllDetails: None;
  readonly ReportTaskIssue: Issue & { readonly xid: string; readonly extensions?: readonly Extension[] };
  readonly ReportDestinationIssue: Issue & { readonly did: string };
  readonly ReportNEIssue: {
    readonly issue: NeIssueType;
    readonly description: string;
    readonly code?: number;
    readonly extensions?: readonly Extension[];
  };
  readonly Ping: None;
  readonly Keepalive: None;
  readonly CreateObject: GenericObject;
  readonly ModifyObject: GenericObject;
  readonly GetObject: { readonly objectId: string };
  readonly DeleteObject: { readonly objectId: string };
  readonly ListObjectsOfType: { readonly objectType: string };
  readonly DeleteAllObjects: None;
}

interface GenericObject {
  readonly objectId: string;
  readonly objectType: QName | null;
}

export type RequestType = keyof RequestPayloads;

/** A request of one type. */
export type RequestOf<T extends RequestType> = { readonly type: T } & RequestPayloads[T];

export type X1RequestBody = { [T in RequestType]: RequestOf<T> }[RequestType];

/** Reads and writes what follows a message's header. */
export interface PayloadCodec<P> {
  readonly read: (children: Sequence) => P;
  readonly write: (payload: P) => XmlElement[];
}

export const nothing: PayloadCodec<None> = { read: () => ({}), write: () => [] };

const integer = types.integer();
const issueReport = types.enumeration<IssueReportType>(
  'AllClear',
  'Warning',
  'NonTerminatingFault',
  'TerminatingFault',
  'ImplicitDeactivation',
  'FullyActionedAndSuccessful',
  'FullyActionedAndUnsuccessful',
);
const neIssue = types.enumeration<NeIssueType>('Warning', 'FaultCleared', 'FaultReport', 'Alert');

const task: PayloadCodec<{ readonly task: InterceptTask }> = {
  read: (children) => ({ task: children.one('taskDetails', readTaskDetails) }),
  write: (payload) => [writeTaskDetails(payload.task)],
};

const destination: PayloadCodec<{ readonly destination: Destination }> = {
  read: (children) => ({ destination: children.one('destinationDetails', readDestinationDetails) }),
  write: (payload) => [writeDestinationDetails(payload.destination)],
};

const xid: PayloadCodec<{ readonly xid: string }> = {
  read: (children) => ({ xid: children.one('xId', simple(types.uuid)) }),
  write: (payload) => [leaf('xId', types.uuid, payload.xid)],
};

const did: PayloadCodec<{ readonly did: string }> = {
  read: (children) => ({ did: children.one('dId', simple(types.uuid)) }),
  write: (payload) => [leaf('dId', types.uuid, payload.did)],
};

const objectId: PayloadCodec<{ readonly objectId: string }> = {
  read: (children) => ({ objectId: children.one('objectId', simple(types.uuid)) }),
  write: (payload) => [leaf('objectId', types.uuid, payload.objectId)],
};

export const REQUESTS: { readonly [T in RequestType]: PayloadCodec<RequestPayloads[T]> } = {
  ActivateTask: task,
  ModifyTask: task,
  DeactivateTask: xid,
  DeactivateAllTasks: nothing,
  GetTaskDetails: xid,
  CreateDestination: destination,
  ModifyDestination: destination,
  RemoveDestination: did,
  RemoveAllDestinations: nothing,
  GetDestinationDetails: did,
  GetNEStatus: nothing,
  GetAllDetails: nothing,
  GetAllTaskDetails: nothing,
  GetAllDestinationDetails: nothing,
  GetAllGenericObjectDetails: {
    read: (children) => children.optional('objectType', 'objectType', simple(types.genericObjectType)),
    write: (payload) =>
      maybe(payload.objectType, (type) => leaf('objectType', types.genericObjectType, type)),
  },
  ListAllDetails: nothing,
  ReportTaskIssue: {
    read: (children) => ({
      ...xid.read(children),
      ...readIssue(children, 'task'),
      ...readExtensions(children, 'taskIssueExtensions'),
    }),
    write: (payload) => [
      ...xid.write(payload),
      ...writeIssue('task', payload),
      ...writeExtensions('taskIssueExtensions', payload.extensions),
    ],
  },
  ReportDestinationIssue: {
    read: (children) => ({ ...did.read(children), ...readIssue(children, 'destination') }),
    write: (payload) => [...did.write(payload), ...writeIssue('destination', payload)],
  },
  ReportNEIssue: {
    read: (children) => ({
      issue: children.one('typeOfNeIssueMessage', simple(neIssue)),
      description: children.one('description', simple(types.anyString)),
      ...children.optional('code', 'issueCode', simple(integer)),
      ...readExtensions(children, 'nEIssueExtensions'),
    }),
    write: (payload) => [
      leaf('typeOfNeIssueMessage', neIssue, payload.issue),
      leaf('description', types.anyString, payload.description),
      ...maybe(payload.code, (code) => leaf('issueCode', integer, code)),
      ...writeExtensions('nEIssueExtensions', payload.extensions),
    ],
  },
  Ping: nothing,
  Keepalive: nothing,
  CreateObject: genericObject('createObject'),
  ModifyObject: genericObject('modifyObject'),
  GetObject: objectId,
  DeleteObject: objectId,
  ListObjectsOfType: {
    read: (children) => ({ objectType: children.one('objectType', simple(types.genericObjectType)) }),
    write: (payload) => [leaf('objectType', types.genericObjectType, payload.objectType)],
  },
  DeleteAllObjects: nothing,
};

/** Names of the requests, `RequestMessageType` of the schema. */
export const REQUEST_TYPES = Object.keys(REQUESTS) as readonly RequestType[];

/** …ReportType, …IssueErrorCode?, …IssueDetails?. */
function readIssue(children: Sequence, subject: 'task' | 'destination'): Issue {
  return {
    report: children.one(`${subject}ReportType`, simple(issueReport)),
    ...children.optional('code', `${subject}IssueErrorCode`, simple(integer)),
    ...children.optional('details', `${subject}IssueDetails`, simple(types.anyString)),
  };
}

function writeIssue(subject: 'task' | 'destination', issue: Issue): XmlElement[] {
  return [
    leaf(`${subject}ReportType`, issueReport, issue.report),
    ...maybe(issue.code, (code) => leaf(`${subject}IssueErrorCode`, integer, code)),
    ...maybe(issue.details, (details) => leaf(`${subject}IssueDetails`, types.anyString, details)),
  ];
}

/** `GenericObject` is abstract: its `xsi:type` says what follows the identifier, which is not read. */
function genericObject(name: string): PayloadCodec<GenericObject> {
  return {
    read: (children) =>
      children.one(name, (element) => {
        const parts = new Sequence(element);
        const id = parts.one('objectId', simple(types.uuid));
        parts.rest();
        return { objectId: id, objectType: element.type };
      }),
    write: () => {
      throw new X1Error('schema', `${name} cannot be written`);
    },
  };
}

/**
 * The requests of X1 and what each carries after the header (TS 103 221-1 clauses 6.2 to 6.6). A request's type is its
 * `xsi:type`, the name here with `Request` behind it.
 *
 * Objects of other specifications (`GenericObject`) are known by their identifier and type only.
 */
import { optional, spread } from '../../bytes/fields.ts';
import type { ValueOf } from '../../bytes/fields.ts';
import { DESTINATION_DETAILS, extensions, INTEGER, STRING, TASK_DETAILS, UUID } from './details.ts';
import { XmlDocumentError } from '../xml/errors.ts';
import { Sequence, leaf } from '../xml/forms.ts';
import { one } from './names.ts';
import type { Children, ElementForm } from '../xml/forms.ts';
import * as types from '../xml/simple-types.ts';
import type { QName } from '../xml/tree.ts';

/** Nothing but the header. */
const NOTHING = {};

const TASK = { task: TASK_DETAILS };
const DESTINATION = { destination: DESTINATION_DETAILS };
const XID = { xid: one('xId', UUID) };
const DID = { did: one('dId', UUID) };
const OBJECT_ID = { objectId: one('objectId', UUID) };
const OBJECT_TYPE = one('objectType', leaf(types.genericObjectType));

/** What an issue means for a task or destination. */
const ISSUE_REPORT = leaf(
  types.enumeration(
    'AllClear',
    'Warning',
    'NonTerminatingFault',
    'TerminatingFault',
    'ImplicitDeactivation',
    'FullyActionedAndSuccessful',
    'FullyActionedAndUnsuccessful',
  ),
);
const NE_ISSUE = leaf(types.enumeration('Warning', 'FaultCleared', 'FaultReport', 'Alert'));

/** …ReportType, …IssueErrorCode?, …IssueDetails?. */
function issue(subject: 'task' | 'destination') {
  return {
    report: one(`${subject}ReportType`, ISSUE_REPORT),
    code: optional(one(`${subject}IssueErrorCode`, INTEGER)),
    details: optional(one(`${subject}IssueDetails`, STRING)),
  };
}

/** `GenericObject` is abstract: its `xsi:type` says what follows the identifier, which is not read. */
const GENERIC_OBJECT: ElementForm<{ readonly objectId: string; readonly objectType: QName | null }> = {
  read: (element) => {
    const parts = new Sequence(element);
    const objectId = OBJECT_ID.objectId.read(parts);
    if (objectId === undefined) throw OBJECT_ID.objectId.missing(parts);
    parts.rest();
    return { objectId, objectType: element.type };
  },
  write: ({ name }) => {
    throw new XmlDocumentError('schema', `${name} cannot be written`);
  },
};

export const REQUESTS = {
  ActivateTask: TASK,
  ModifyTask: TASK,
  DeactivateTask: XID,
  DeactivateAllTasks: NOTHING,
  GetTaskDetails: XID,
  CreateDestination: DESTINATION,
  ModifyDestination: DESTINATION,
  RemoveDestination: DID,
  RemoveAllDestinations: NOTHING,
  GetDestinationDetails: DID,
  GetNEStatus: NOTHING,
  GetAllDetails: NOTHING,
  GetAllTaskDetails: NOTHING,
  GetAllDestinationDetails: NOTHING,
  GetAllGenericObjectDetails: { objectType: optional(OBJECT_TYPE) },
  ListAllDetails: NOTHING,
  ReportTaskIssue: { ...XID, ...issue('task'), extensions: extensions('taskIssueExtensions') },
  ReportDestinationIssue: { ...DID, ...issue('destination') },
  ReportNEIssue: {
    issue: one('typeOfNeIssueMessage', NE_ISSUE),
    description: one('description', STRING),
    code: optional(one('issueCode', INTEGER)),
    extensions: extensions('nEIssueExtensions'),
  },
  Ping: NOTHING,
  Keepalive: NOTHING,
  CreateObject: { object: spread(one('createObject', GENERIC_OBJECT)) },
  ModifyObject: { object: spread(one('modifyObject', GENERIC_OBJECT)) },
  GetObject: OBJECT_ID,
  DeleteObject: OBJECT_ID,
  ListObjectsOfType: { objectType: OBJECT_TYPE },
  DeleteAllObjects: NOTHING,
} satisfies Record<string, Children>;

export type RequestType = keyof typeof REQUESTS;

/** A request of one type. */
export type RequestOf<T extends RequestType> = { readonly type: T } & ValueOf<(typeof REQUESTS)[T]>;

export type X1RequestBody = { [T in RequestType]: RequestOf<T> }[RequestType];

/** Names of the requests, `RequestMessageType` of the schema. */
export const REQUEST_TYPES = Object.keys(REQUESTS) as readonly RequestType[];

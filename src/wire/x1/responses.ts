/**
 * The responses of X1 and what each carries after the header (TS 103 221-1 clauses 6.2 to 6.7). A response's type is
 * its `xsi:type`: the request's name with `Response` behind it, or `ErrorResponse`.
 */
import { optional, orElse, passedOver } from '../../bytes/fields.ts';
import type { ValueOf } from '../../bytes/fields.ts';
import { DESTINATION_REPORT, ERROR_INFORMATION, NE_STATUS, STRING, TASK_REPORT, UUID } from './details.ts';
import { mapped, record, leaf } from '../xml/forms.ts';
import { list, many, one } from './names.ts';
import type { Children, ElementForm } from '../xml/forms.ts';
import { REQUEST_TYPES } from './requests.ts';
import * as types from '../xml/simple-types.ts';

/** `AcknowledgedAndCompleted`: done; `Acknowledged`: will be done, and reported. */
const OK = types.enumeration('AcknowledgedAndCompleted', 'Acknowledged');
const ACKNOWLEDGED = { ok: one('oK', leaf(OK)) };
const COMPLETED = { ok: one('oK', leaf(types.enumeration('AcknowledgedAndCompleted'))) };

const NE = one('neStatusDetails', NE_STATUS);
const TASKS = one('listOfTaskResponseDetails', list('taskResponseDetails', TASK_REPORT));
const DESTINATIONS = one(
  'listOfDestinationResponseDetails',
  list('destinationResponseDetails', DESTINATION_REPORT),
);
const OBJECT_IDS = list('objectId', UUID);

const UNREAD: ElementForm<null> = {
  read: () => null,
  write: (name) => leaf(types.anyString).write(name, ''),
};
/** Objects of other specifications. */
const OBJECTS = passedOver(one('listOfGenericObjectResponseDetails', UNREAD));

/** DIDs; sets of destinations are passed over. */
const DIDS_ONLY = mapped(
  record({ dids: many('dId', UUID), sets: passedOver(many('dSId', UUID)) }),
  ({ dids }) => dids,
  (dids) => ({ dids }),
);

/** Which specification's request failed. */
const EXTENSION_INFORMATION = record({
  specification: one('extensionSpecification', leaf(types.enumeration('TS133128'))),
  request: one('extendedRequestMessageType', STRING),
});

export const RESPONSES = {
  ActivateTask: ACKNOWLEDGED,
  ModifyTask: ACKNOWLEDGED,
  DeactivateTask: ACKNOWLEDGED,
  DeactivateAllTasks: ACKNOWLEDGED,
  CreateDestination: ACKNOWLEDGED,
  ModifyDestination: ACKNOWLEDGED,
  RemoveDestination: ACKNOWLEDGED,
  RemoveAllDestinations: ACKNOWLEDGED,
  ReportTaskIssue: ACKNOWLEDGED,
  ReportDestinationIssue: ACKNOWLEDGED,
  ReportNEIssue: COMPLETED,
  Ping: ACKNOWLEDGED,
  Keepalive: ACKNOWLEDGED,
  CreateObject: ACKNOWLEDGED,
  ModifyObject: ACKNOWLEDGED,
  DeleteObject: ACKNOWLEDGED,
  DeleteAllObjects: ACKNOWLEDGED,
  GetTaskDetails: { report: one('taskResponseDetails', TASK_REPORT) },
  GetDestinationDetails: { report: one('destinationResponseDetails', DESTINATION_REPORT) },
  GetNEStatus: { ne: NE },
  GetAllDetails: { ne: NE, tasks: TASKS, destinations: DESTINATIONS, objects: OBJECTS },
  GetAllTaskDetails: { tasks: orElse(TASKS, []) },
  GetAllDestinationDetails: { destinations: orElse(DESTINATIONS, []) },
  GetAllGenericObjectDetails: { objects: OBJECTS },
  ListAllDetails: {
    xids: one('ListOfXIDs', list('xId', UUID)),
    dids: one('ListOfDIDs', DIDS_ONLY),
    objectIds: optional(one('ListOfGenericObjectIDs', OBJECT_IDS)),
  },
  ListObjectsOfType: { objectIds: one('listOfObjects', OBJECT_IDS) },
  Error: {
    /** `ExtendedRequestMessageType`: none that the schema names. */
    request: one(
      'requestMessageType',
      leaf(types.enumeration(...REQUEST_TYPES, 'ExtendedRequestMessageType')),
    ),
    error: one('errorInformation', ERROR_INFORMATION),
    extension: passedOver(one('extensionInformation', EXTENSION_INFORMATION)),
  },
} satisfies Record<string, Children>;

export type ResponseType = keyof typeof RESPONSES;

/** A response of one type. */
export type ResponseOf<T extends ResponseType> = { readonly type: T } & ValueOf<(typeof RESPONSES)[T]>;

export type X1ResponseBody = { [T in ResponseType]: ResponseOf<T> }[ResponseType];

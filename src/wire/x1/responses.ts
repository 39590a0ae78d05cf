/**
 * The responses of X1 and what each carries after the header (TS 103 221-1 clauses 6.2 to 6.7). A response's type is
 * its `xsi:type`: the request's name with `Response` behind it, or `ErrorResponse`.
 */
import type { DestinationReport, ErrorInformation, NeStatus, TaskReport } from './details.ts';
import {
  readDestinationReport,
  readErrorInformation,
  readNeStatus,
  readTaskReport,
  writeDestinationReport,
  writeErrorInformation,
  writeNeStatus,
  writeTaskReport,
} from './destination-details.ts';
import { nothing, REQUEST_TYPES } from './requests.ts';
import type { PayloadCodec, RequestType } from './requests.ts';
import { leaf, maybe, node, sequence, simple } from './sequence.ts';
import type { Read } from './sequence.ts';
import * as types from './simple-types.ts';
import type { XmlElement } from './xml.ts';

/** `AcknowledgedAndCompleted`: done; `Acknowledged`: will be done, and reported. */
export type Ok = 'AcknowledgedAndCompleted' | 'Acknowledged';

interface Acknowledgement {
  readonly ok: Ok;
}

interface Tasks {
  readonly tasks: readonly TaskReport[];
}

interface Destinations {
  readonly destinations: readonly DestinationReport[];
}

/** Requests answered by an acknowledgement alone. */
type AcknowledgedType = Exclude<RequestType, keyof AnswerPayloads | 'GetObject'>;

/** What the answers to questions carry. */
interface AnswerPayloads {
  readonly GetTaskDetails: { readonly report: TaskReport };
  readonly GetDestinationDetails: { readonly report: DestinationReport };
  readonly GetNEStatus: { readonly ne: NeStatus };
  readonly GetAllDetails: { readonly ne: NeStatus } & Tasks & Destinations;
  readonly GetAllTaskDetails: Tasks;
  readonly GetAllDestinationDetails: Destinations;
  readonly GetAllGenericObjectDetails: object;
  readonly ListAllDetails: {
    readonly xids: readonly string[];
    readonly dids: readonly string[];
    readonly objectIds?: readonly string[];
  };
  readonly ListObjectsOfType: { readonly objectIds: readonly string[] };
  readonly Error: {
    /** `ExtendedRequestMessageType`: none that the schema names. */
    readonly request: RequestType | 'ExtendedRequestMessageType';
    readonly error: ErrorInformation;
  };
}

export type ResponsePayloads = AnswerPayloads & { readonly [T in AcknowledgedType]: Acknowledgement };

export type ResponseType = keyof ResponsePayloads;

/** A response of one type. */
export type ResponseOf<T extends ResponseType> = { readonly type: T } & ResponsePayloads[T];

export type X1ResponseBody = { [T in ResponseType]: ResponseOf<T> }[ResponseType];

const acknowledged = okCodec('AcknowledgedAndCompleted', 'Acknowledged');
const completed = okCodec('AcknowledgedAndCompleted');

const requestMessageType = types.enumeration(...REQUEST_TYPES, 'ExtendedRequestMessageType');
const extensionSpecification = types.enumeration('TS133128');

export const RESPONSES: { readonly [T in ResponseType]: PayloadCodec<ResponsePayloads[T]> } = {
  ActivateTask: acknowledged,
  ModifyTask: acknowledged,
  DeactivateTask: acknowledged,
  DeactivateAllTasks: acknowledged,
  CreateDestination: acknowledged,
  ModifyDestination: acknowledged,
  RemoveDestination: acknowledged,
  RemoveAllDestinations: acknowledged,
  ReportTaskIssue: acknowledged,
  ReportDestinationIssue: acknowledged,
  ReportNEIssue: completed,
  Ping: acknowledged,
  Keepalive: acknowledged,
  CreateObject: acknowledged,
  ModifyObject: acknowledged,
  DeleteObject: acknowledged,
  DeleteAllObjects: acknowledged,
  GetTaskDetails: {
    read: (children) => ({ report: children.one('taskResponseDetails', readTaskReport) }),
    write: ({ report }) => [writeTaskReport(report)],
  },
  GetDestinationDetails: {
    read: (children) => ({ report: children.one('destinationResponseDetails', readDestinationReport) }),
    write: ({ report }) => [writeDestinationReport(report)],
  },
  GetNEStatus: {
    read: (children) => ({ ne: children.one('neStatusDetails', readNeStatus) }),
    write: ({ ne }) => [writeNeStatus(ne)],
  },
  GetAllDetails: {
    read: (children) => {
      const ne = children.one('neStatusDetails', readNeStatus);
      const tasks = children.one('listOfTaskResponseDetails', readTaskReports);
      const destinations = children.one('listOfDestinationResponseDetails', readDestinationReports);
      children.optional('objects', 'listOfGenericObjectResponseDetails', () => null);
      return { ne, tasks, destinations };
    },
    write: (payload) => [
      writeNeStatus(payload.ne),
      writeTaskReports(payload.tasks),
      writeDestinationReports(payload.destinations),
    ],
  },
  GetAllTaskDetails: {
    read: (children) => ({
      tasks: children.optional('list', 'listOfTaskResponseDetails', readTaskReports).list ?? [],
    }),
    write: ({ tasks }) => [writeTaskReports(tasks)],
  },
  GetAllDestinationDetails: {
    read: (children) => ({
      destinations:
        children.optional('list', 'listOfDestinationResponseDetails', readDestinationReports).list ?? [],
    }),
    write: ({ destinations }) => [writeDestinationReports(destinations)],
  },
  GetAllGenericObjectDetails: {
    read: (children) => {
      children.optional('objects', 'listOfGenericObjectResponseDetails', () => null);
      return {};
    },
    write: nothing.write,
  },
  ListAllDetails: {
    read: (children) => ({
      xids: children.one('ListOfXIDs', (list) =>
        sequence(list, (items) => items.many('xId', simple(types.uuid))),
      ),
      dids: children.one('ListOfDIDs', (list) =>
        sequence(list, (items) => {
          const dids = items.many('dId', simple(types.uuid));
          items.many('dSId', simple(types.uuid));
          return dids;
        }),
      ),
      ...children.optional('objectIds', 'ListOfGenericObjectIDs', readObjectIds),
    }),
    write: (payload) => [
      node(
        'ListOfXIDs',
        payload.xids.map((xid) => leaf('xId', types.uuid, xid)),
      ),
      node(
        'ListOfDIDs',
        payload.dids.map((did) => leaf('dId', types.uuid, did)),
      ),
      ...maybe(payload.objectIds, (ids) => writeObjectIds('ListOfGenericObjectIDs', ids)),
    ],
  },
  ListObjectsOfType: {
    read: (children) => ({ objectIds: children.one('listOfObjects', readObjectIds) }),
    write: ({ objectIds }) => [writeObjectIds('listOfObjects', objectIds)],
  },
  Error: {
    read: (children) => {
      const payload = {
        request: children.one('requestMessageType', simple(requestMessageType)),
        error: children.one('errorInformation', readErrorInformation),
      };
      children.optional('extension', 'extensionInformation', readExtensionInformation);
      return payload;
    },
    write: ({ request, error }) => [
      leaf('requestMessageType', requestMessageType, request),
      writeErrorInformation('errorInformation', error),
    ],
  },
};

function okCodec(...values: readonly Ok[]): PayloadCodec<Acknowledgement> {
  const type = types.enumeration(...values);
  return {
    read: (children) => ({ ok: children.one('oK', simple(type)) }),
    write: ({ ok }) => [leaf('oK', type, ok)],
  };
}

const readTaskReports = listReader('taskResponseDetails', readTaskReport);
const readDestinationReports = listReader('destinationResponseDetails', readDestinationReport);
const readObjectIds = listReader('objectId', simple(types.uuid));

function listReader<T>(item: string, read: Read<T>): Read<T[]> {
  return (list) => sequence(list, (items) => items.many(item, read));
}

function writeTaskReports(reports: readonly TaskReport[]): XmlElement {
  return node('listOfTaskResponseDetails', reports.map(writeTaskReport));
}

function writeDestinationReports(reports: readonly DestinationReport[]): XmlElement {
  return node('listOfDestinationResponseDetails', reports.map(writeDestinationReport));
}

function writeObjectIds(name: string, ids: readonly string[]): XmlElement {
  return node(
    name,
    ids.map((id) => leaf('objectId', types.uuid, id)),
  );
}

/** `ExtensionInformation`: which specification's request failed. */
function readExtensionInformation(element: XmlElement): string {
  return sequence(element, (children) => {
    children.one('extensionSpecification', simple(extensionSpecification));
    return children.one('extendedRequestMessageType', simple(types.anyString));
  });
}

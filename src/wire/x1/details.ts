/**
 * What X1 provisions: tasks and destinations (TS 103 221-1 clauses 6.2.1.2, 6.3.1.2), and what elements report of them
 * (clauses 6.4.2 to 6.4.4). Each list of parts is in the order of the schema.
 *
 * `listOfIRIPolicyReferences` is of v1.23.1; the rest is the same since v1.22.1.
 */
import { optional, orElse, passedOver, spread, unlessEmpty } from '../../bytes/fields.ts';
import type { ValueOf } from '../../bytes/fields.ts';
import { XmlDocumentError } from '../xml/errors.ts';
import { IP_ADDRESS_AND_PORT } from '../xml/addresses.ts';
import { mapped, node, record, requireType, Sequence, leaf } from '../xml/forms.ts';
import type { ElementForm } from '../xml/forms.ts';
import * as types from '../xml/simple-types.ts';
import { TARGET_IDENTIFIER } from './target-identifiers.ts';
import { choiceOf, list, many, one, X1_NAMESPACE } from './names.ts';
import type { XmlElement } from '../xml/tree.ts';

export const UUID = leaf(types.uuid);
export const STRING = leaf(types.anyString);
export const INTEGER = leaf(types.wholeNumber());
const BOOLEAN = leaf(types.boolean);
/** Unix milliseconds with the microseconds as fraction. */
const TIME = leaf(types.dateTime);

/* ---------------------------------------------------------------- tasks */

/** What a task or destination carries: signalling, content or both. At a DF: towards HI2, HI3 or both. */
export type DeliveryType = ReturnType<(typeof DELIVERY_TYPE)['read']>;
const DELIVERY_TYPE = leaf(types.enumeration('X2Only', 'X3Only', 'X2andX3'));

export type ServiceType = ReturnType<(typeof SERVICE_TYPE)['read']>;
const SERVICE_TYPE = leaf(types.enumeration('voice', 'data', 'messaging', 'pushToTalk', 'LALS', 'RCS'));
const SERVICE_TYPES = list('serviceType', SERVICE_TYPE, 1);

/** What another specification adds to a message; an element that does not know it must not act as if it were not there. */
export interface Extension {
  readonly owner: string;
  /** Elements of other namespaces. */
  readonly content: readonly XmlElement[];
}

const EXTENSION: ElementForm<Extension> = {
  read: (element) => {
    requireType(element, null);
    const parts = new Sequence(element);
    const owner = OWNER.read(parts);
    if (owner === undefined) throw OWNER.missing(parts);
    const content = parts.rest();
    if (content.some(({ namespace }) => namespace === X1_NAMESPACE || namespace === '')) {
      throw new XmlDocumentError('schema', `${element.name}: elements of other namespaces are expected`);
    }
    return { owner, content };
  },
  write: (name, { owner, content }) => node(name, [STRING.write(OWNER_NAME, owner), ...content]),
};
const OWNER_NAME = { namespace: X1_NAMESPACE, name: 'Owner' };
const OWNER = one(OWNER_NAME, STRING);

/** `Extension`s that may be absent. */
export function extensions(name: string) {
  return optional(many(name, EXTENSION, 1));
}

/** Destinations by DID, and sets of destinations by object id. */
const DIDS = record({ dids: many('dId', UUID), destinationSets: optional(many('dSId', UUID, 1)) });

const LOCATION_OCCASION = record({
  beginningAndEnd: optional(one('beginningAndEnd', BOOLEAN)),
  uponChange: optional(one('uponChange', BOOLEAN)),
  lals: optional(one('LALS', BOOLEAN)),
});

type LocationReports = 'doNotReport' | readonly ReturnType<(typeof LOCATION_OCCASION)['read']>[];

/** `LocationTypeOptions`. */
const LOCATION = choiceOf<LocationReports>(
  {
    doNotReport: mapped(
      leaf(types.enumeration('')),
      () => 'doNotReport',
      () => '',
    ),
    listOfLocationTypes: list('locationType', LOCATION_OCCASION),
  },
  (location) => (location === 'doNotReport' ? location : 'listOfLocationTypes'),
);

/** What a warrant covers. */
const SERVICE_SCOPING = record({
  serviceTypes: optional(one('serviceType', SERVICE_TYPES)),
  /** When location is reported; `doNotReport`: never. */
  location: optional(one('locationType', LOCATION)),
  suspendOnOutboundInternationalRoaming: optional(one('suspendOnOutboundInternationalRoaming', BOOLEAN)),
  reportPostDialledDigits: optional(one('reportPostDialledDigits', BOOLEAN)),
});

/** Policies of traffic and of IRI are known by their object ids only. */
const POLICIES = {
  trafficPolicies: optional(one('listOfTrafficPolicyReferences', list('trafficPolicyReference', UUID))),
  iriPolicies: optional(one('listOfIRIPolicyReferences', list('iRIPolicyReference', UUID))),
};

const MEDIATION_DETAILS_PARTS = {
  liid: one('LIID', leaf(types.liid)),
  deliveryType: one('deliveryType', leaf(types.enumeration('HI2Only', 'HI3Only', 'HI2andHI3'))),
  /** In force from here on (inclusive); absent: from activation. */
  startTime: optional(one('StartTime', TIME)),
  /** In force until here (exclusive); absent: until deactivation. */
  endTime: optional(one('EndTime', TIME)),
  /** Where this warrant's records go; empty: to the task's own destinations. */
  destinations: spread(
    orElse(
      one('listOfDIDs', DIDS),
      { dids: [] },
      ({ dids, destinationSets }) => dids.length === 0 && destinationSets === undefined,
    ),
  ),
  extensions: extensions('mediationDetailsExtensions'),
  scoping: optional(one('serviceScopingOptions', list('serviceScopingOptions', SERVICE_SCOPING))),
  ...POLICIES,
};

/** One warrant's part of a task. */
export type MediationDetails = ValueOf<typeof MEDIATION_DETAILS_PARTS>;

const TASK_DETAILS_PARTS = {
  /** UUID in lower case. */
  xid: one('xId', UUID),
  targets: one('targetIdentifiers', list('targetIdentifier', TARGET_IDENTIFIER, 1)),
  deliveryType: one('deliveryType', DELIVERY_TYPE),
  destinations: spread(one('listOfDIDs', DIDS)),
  mediation: unlessEmpty(
    one('listOfMediationDetails', list('mediationDetails', record(MEDIATION_DETAILS_PARTS))),
  ),
  /** Binds tasks of one product together at the mediation function. */
  correlationId: optional(one('correlationID', leaf(types.nonNegativeInteger))),
  implicitDeactivationAllowed: optional(one('implicitDeactivationAllowed', BOOLEAN)),
  productId: optional(one('productID', UUID)),
  /** The services the task is for; absent: all. */
  serviceTypes: optional(one('listOfServiceTypes', SERVICE_TYPES)),
  extensions: extensions('taskDetailsExtensions'),
  ...POLICIES,
};

/** A task, `TaskDetails` of the schema. */
export type InterceptTask = ValueOf<typeof TASK_DETAILS_PARTS>;

export const TASK_DETAILS = one('taskDetails', record(TASK_DETAILS_PARTS));

/* ---------------------------------------------------------------- destinations */

type IpAddressAndPort = { readonly kind: 'ipAddressAndPort' } & ReturnType<
  (typeof IP_ADDRESS_AND_PORT)['read']
>;

interface AddressText {
  readonly kind: 'uri' | 'e164Number' | 'emailAddress';
  readonly value: string;
}

/** An address of a destination, `DeliveryAddress` of the schema. */
export type DeliveryAddress = IpAddressAndPort | AddressText;

const addressText = (kind: AddressText['kind'], type: types.SimpleType<string>): ElementForm<AddressText> =>
  mapped(
    leaf(type),
    (value) => ({ kind, value }),
    ({ value }) => value,
  );

const DELIVERY_ADDRESS = choiceOf<DeliveryAddress>(
  {
    ipAddressAndPort: mapped(
      IP_ADDRESS_AND_PORT,
      (address): IpAddressAndPort => ({ kind: 'ipAddressAndPort', ...address }),
      (address) => address,
    ),
    e164Number: addressText('e164Number', types.e164),
    uri: addressText('uri', types.anyUri),
    emailAddress: addressText('emailAddress', types.emailAddress),
  },
  ({ kind }) => kind,
);

const DESTINATION_DETAILS_PARTS = {
  /** UUID in lower case. */
  did: one('dId', UUID),
  friendlyName: optional(one('friendlyName', STRING)),
  deliveryType: one('deliveryType', DELIVERY_TYPE),
  address: one('deliveryAddress', DELIVERY_ADDRESS),
  extensions: extensions('destinationDetailsExtensions'),
};

/** A destination, `DestinationDetails` of the schema. */
export type Destination = ValueOf<typeof DESTINATION_DETAILS_PARTS>;

export const DESTINATION_DETAILS = one('destinationDetails', record(DESTINATION_DETAILS_PARTS));

/* ---------------------------------------------------------------- statuses */

const ERROR_PARTS = { code: one('errorCode', INTEGER), description: one('errorDescription', STRING) };

/** A fault that is not yet mended, or an error; see `X1_ERRORS`. */
export type ErrorInformation = ValueOf<typeof ERROR_PARTS>;

export const ERROR_INFORMATION = record(ERROR_PARTS);

const FAULTS = one('listOfFaults', list('unresolvedFault', ERROR_INFORMATION));

/** How an element stands to a task. */
const TASK_STATUS = record({
  provisioning: one(
    'provisioningStatus',
    leaf(types.enumeration('awaitingProvisioning', 'failed', 'complete')),
  ),
  faults: FAULTS,
  timeOfLastIntercept: optional(one('timeOfLastIntercept', TIME)),
  amountOfX2Data: optional(one('amountOfX2Data', INTEGER)),
  amountOfX3Data: optional(one('amountOfX3Data', INTEGER)),
  timeOfLastModification: optional(one('timeOfLastModification', TIME)),
  numberOfModifications: optional(one('numberOfModifications', INTEGER)),
  extensions: passedOver(many('taskStatusExtensions', EXTENSION)),
});

const TASK_REPORT_PARTS = { task: TASK_DETAILS, status: one('taskStatus', TASK_STATUS) };
export type TaskReport = ValueOf<typeof TASK_REPORT_PARTS>;
/** `TaskResponseDetails`. */
export const TASK_REPORT = record(TASK_REPORT_PARTS);

const DESTINATION_STATUS = record({
  delivery: one('destinationDeliveryStatus', leaf(types.enumeration('activeAndWorking', 'deliveryFault'))),
  faults: FAULTS,
});

const DESTINATION_REPORT_PARTS = {
  destination: DESTINATION_DETAILS,
  status: one('destinationStatus', DESTINATION_STATUS),
};
export type DestinationReport = ValueOf<typeof DESTINATION_REPORT_PARTS>;
/** `DestinationResponseDetails`. */
export const DESTINATION_REPORT = record(DESTINATION_REPORT_PARTS);

const NE_STATUS_PARTS = { status: one('neStatus', leaf(types.enumeration('OK', 'Faults'))), faults: FAULTS };
export type NeStatus = ValueOf<typeof NE_STATUS_PARTS>;
/** `NeStatusDetails`. */
export const NE_STATUS = record(NE_STATUS_PARTS);

/**
 * `TaskDetails` and what it is made of (TS 103 221-1 clause 6.2.1.2), readers beside writers. In the order of the
 * schema:
 *
 *     TaskDetails:      xId, targetIdentifiers, deliveryType, listOfDIDs, listOfMediationDetails?, correlationID?,
 *                       implicitDeactivationAllowed?, productID?, listOfServiceTypes?, taskDetailsExtensions*,
 *                       listOfTrafficPolicyReferences?
 *     MediationDetails: LIID, deliveryType, StartTime?, EndTime?, listOfDIDs?, mediationDetailsExtensions*,
 *                       serviceScopingOptions?, listOfTrafficPolicyReferences?
 */
import type {
  DeliveryType,
  Extension,
  InterceptTask,
  LocationOccasion,
  MediationDetails,
  MediationDeliveryType,
  ServiceScoping,
  ServiceType,
} from './details.ts';
import { X1Error } from './errors.ts';
import { choice, leaf, maybe, node, requireType, Sequence, sequence, simple } from './sequence.ts';
import * as types from './simple-types.ts';
import { readTargetIdentifier, writeTargetIdentifier } from './target-identifiers.ts';
import { X1_NAMESPACE } from './xml.ts';
import type { XmlElement } from './xml.ts';

export const deliveryType = types.enumeration<DeliveryType>('X2Only', 'X3Only', 'X2andX3');
const mediationDeliveryType = types.enumeration<MediationDeliveryType>('HI2Only', 'HI3Only', 'HI2andHI3');
const serviceType = types.enumeration<ServiceType>('voice', 'data', 'messaging', 'pushToTalk', 'LALS', 'RCS');

export function readTaskDetails(element: XmlElement): InterceptTask {
  return sequence(element, (children) => {
    const xid = children.one('xId', simple(types.uuid));
    const targets = children.one('targetIdentifiers', (list) =>
      sequence(list, (items) => items.many('targetIdentifier', readTargetIdentifier, 1)),
    );
    const delivery = children.one('deliveryType', simple(deliveryType));
    const { dids, ...sets } = children.one('listOfDIDs', readDids);
    const { mediation = [] } = children.optional('mediation', 'listOfMediationDetails', (list) =>
      sequence(list, (items) => items.many('mediationDetails', readMediationDetails)),
    );
    return {
      xid,
      targets,
      deliveryType: delivery,
      dids,
      ...sets,
      mediation,
      ...children.optional('correlationId', 'correlationID', simple(types.nonNegativeInteger)),
      ...children.optional(
        'implicitDeactivationAllowed',
        'implicitDeactivationAllowed',
        simple(types.boolean),
      ),
      ...children.optional('productId', 'productID', simple(types.uuid)),
      ...children.optional('serviceTypes', 'listOfServiceTypes', readServiceTypes),
      ...readExtensions(children, 'taskDetailsExtensions'),
      ...children.optional('trafficPolicies', 'listOfTrafficPolicyReferences', readTrafficPolicies),
    };
  });
}

export function writeTaskDetails(task: InterceptTask): XmlElement {
  return node('taskDetails', [
    leaf('xId', types.uuid, task.xid),
    node('targetIdentifiers', atLeastOne(task.targets, 'targetIdentifier').map(writeTargetIdentifier)),
    leaf('deliveryType', deliveryType, task.deliveryType),
    writeDids(task.dids, task.destinationSets),
    ...(task.mediation.length === 0
      ? []
      : [node('listOfMediationDetails', task.mediation.map(writeMediationDetails))]),
    ...maybe(task.correlationId, (id) => leaf('correlationID', types.nonNegativeInteger, id)),
    ...maybe(task.implicitDeactivationAllowed, (allowed) =>
      leaf('implicitDeactivationAllowed', types.boolean, allowed),
    ),
    ...maybe(task.productId, (id) => leaf('productID', types.uuid, id)),
    ...maybe(task.serviceTypes, (list) => writeServiceTypes('listOfServiceTypes', list)),
    ...writeExtensions('taskDetailsExtensions', task.extensions),
    ...maybe(task.trafficPolicies, writeTrafficPolicies),
  ]);
}

function readMediationDetails(element: XmlElement): MediationDetails {
  return sequence(element, (children) => {
    const details = {
      liid: children.one('LIID', simple(types.liid)),
      deliveryType: children.one('deliveryType', simple(mediationDeliveryType)),
      ...children.optional('startTime', 'StartTime', simple(types.dateTime)),
      ...children.optional('endTime', 'EndTime', simple(types.dateTime)),
    };
    const { list = { dids: [] } } = children.optional('list', 'listOfDIDs', readDids);
    return {
      ...details,
      ...list,
      ...readExtensions(children, 'mediationDetailsExtensions'),
      ...children.optional('scoping', 'serviceScopingOptions', (options) =>
        sequence(options, (items) => items.many('serviceScopingOptions', readScoping)),
      ),
      ...children.optional('trafficPolicies', 'listOfTrafficPolicyReferences', readTrafficPolicies),
    };
  });
}

function writeMediationDetails(mediation: MediationDetails): XmlElement {
  const hasList = mediation.dids.length > 0 || mediation.destinationSets !== undefined;
  return node('mediationDetails', [
    leaf('LIID', types.liid, mediation.liid),
    leaf('deliveryType', mediationDeliveryType, mediation.deliveryType),
    ...maybe(mediation.startTime, (time) => leaf('StartTime', types.dateTime, time)),
    ...maybe(mediation.endTime, (time) => leaf('EndTime', types.dateTime, time)),
    ...(hasList ? [writeDids(mediation.dids, mediation.destinationSets)] : []),
    ...writeExtensions('mediationDetailsExtensions', mediation.extensions),
    ...maybe(mediation.scoping, (list) => node('serviceScopingOptions', list.map(writeScoping))),
    ...maybe(mediation.trafficPolicies, writeTrafficPolicies),
  ]);
}

/** `ListOfDids`: dId*, dSId*. */
function readDids(element: XmlElement): { dids: string[]; destinationSets?: string[] } {
  return sequence(element, (children) => {
    const dids = children.many('dId', simple(types.uuid));
    const sets = children.many('dSId', simple(types.uuid));
    return { dids, ...(sets.length === 0 ? {} : { destinationSets: sets }) };
  });
}

function writeDids(dids: readonly string[], sets: readonly string[] = []): XmlElement {
  return node('listOfDIDs', [
    ...dids.map((did) => leaf('dId', types.uuid, did)),
    ...sets.map((set) => leaf('dSId', types.uuid, set)),
  ]);
}

/** `ServiceScopingOptions`: serviceType?, locationType?, suspend…?, reportPostDialledDigits?. */
function readScoping(element: XmlElement): ServiceScoping {
  return sequence(element, (children) => ({
    ...children.optional('serviceTypes', 'serviceType', readServiceTypes),
    ...children.optional('location', 'locationType', readLocation),
    ...children.optional(
      'suspendOnOutboundInternationalRoaming',
      'suspendOnOutboundInternationalRoaming',
      simple(types.boolean),
    ),
    ...children.optional('reportPostDialledDigits', 'reportPostDialledDigits', simple(types.boolean)),
  }));
}

function writeScoping(scoping: ServiceScoping): XmlElement {
  return node('serviceScopingOptions', [
    ...maybe(scoping.serviceTypes, (list) => writeServiceTypes('serviceType', list)),
    ...maybe(scoping.location, writeLocation),
    ...maybe(scoping.suspendOnOutboundInternationalRoaming, (suspend) =>
      leaf('suspendOnOutboundInternationalRoaming', types.boolean, suspend),
    ),
    ...maybe(scoping.reportPostDialledDigits, (report) =>
      leaf('reportPostDialledDigits', types.boolean, report),
    ),
  ]);
}

/** `LocationTypeOptions`: the empty doNotReport, or listOfLocationTypes. */
function readLocation(element: XmlElement): 'doNotReport' | LocationOccasion[] {
  return choice(element, (child) => {
    if (child.namespace === X1_NAMESPACE && child.name === 'doNotReport') {
      if (simple(types.anyString)(child) !== '') throw new X1Error('schema', 'doNotReport is not empty');
      return 'doNotReport';
    }
    if (child.namespace === X1_NAMESPACE && child.name === 'listOfLocationTypes') {
      return sequence(child, (items) => items.many('locationType', readLocationOccasion));
    }
    throw new X1Error('schema', `${element.name}: ${child.name} is not expected here`);
  });
}

function writeLocation(location: 'doNotReport' | readonly LocationOccasion[]): XmlElement {
  const child =
    location === 'doNotReport'
      ? node('doNotReport', [])
      : node('listOfLocationTypes', location.map(writeLocationOccasion));
  return node('locationType', [child]);
}

function readLocationOccasion(element: XmlElement): LocationOccasion {
  return sequence(element, (children) => ({
    ...children.optional('beginningAndEnd', 'beginningAndEnd', simple(types.boolean)),
    ...children.optional('uponChange', 'uponChange', simple(types.boolean)),
    ...children.optional('lals', 'LALS', simple(types.boolean)),
  }));
}

function writeLocationOccasion(occasion: LocationOccasion): XmlElement {
  return node('locationType', [
    ...maybe(occasion.beginningAndEnd, (value) => leaf('beginningAndEnd', types.boolean, value)),
    ...maybe(occasion.uponChange, (value) => leaf('uponChange', types.boolean, value)),
    ...maybe(occasion.lals, (value) => leaf('LALS', types.boolean, value)),
  ]);
}

function readServiceTypes(element: XmlElement): ServiceType[] {
  return sequence(element, (children) => children.many('serviceType', simple(serviceType), 1));
}

function writeServiceTypes(name: string, list: readonly ServiceType[]): XmlElement {
  const items = atLeastOne(list, 'serviceType');
  return node(
    name,
    items.map((type) => leaf('serviceType', serviceType, type)),
  );
}

function readTrafficPolicies(element: XmlElement): string[] {
  return sequence(element, (children) => children.many('trafficPolicyReference', simple(types.uuid)));
}

function writeTrafficPolicies(list: readonly string[]): XmlElement {
  return node(
    'listOfTrafficPolicyReferences',
    list.map((id) => leaf('trafficPolicyReference', types.uuid, id)),
  );
}

/** `Extension`: Owner, then elements of other namespaces. */
export function readExtensions(
  children: Sequence,
  name: string,
): { readonly extensions?: readonly Extension[] } {
  const extensions = children.many(name, (element) => {
    requireType(element, null);
    const parts = new Sequence(element);
    const owner = parts.one('Owner', simple(types.anyString));
    const content = parts.rest();
    if (content.some(({ namespace }) => namespace === X1_NAMESPACE || namespace === '')) {
      throw new X1Error('schema', `${name}: elements of other namespaces are expected`);
    }
    return { owner, content };
  });
  return extensions.length === 0 ? {} : { extensions };
}

export function writeExtensions(name: string, extensions: readonly Extension[] = []): XmlElement[] {
  return extensions.map(({ owner, content }) =>
    node(name, [leaf('Owner', types.anyString, owner), ...content]),
  );
}

function atLeastOne<T>(list: readonly T[], name: string): readonly T[] {
  if (list.length === 0) throw new X1Error('schema', `${name} is missing`);
  return list;
}

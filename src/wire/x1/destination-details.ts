/**
 * `DestinationDetails` (TS 103 221-1 clause 6.3.1.2): dId, friendlyName?, deliveryType, deliveryAddress,
 * destinationDetailsExtensions*; and the statuses that the Get… messages report (clauses 6.4.2 to 6.4.4).
 *
 * DeliveryAddress is a choice of ipAddressAndPort, e164Number, uri, emailAddress; the parts of ipAddressAndPort are in
 * the namespace of TS 103 280: address { IPv4Address | IPv6Address }, port { TCPPort | UDPPort }.
 */
import type {
  DeliveryAddress,
  Destination,
  DestinationReport,
  ErrorInformation,
  NeStatus,
  TaskReport,
  TaskStatus,
} from './details.ts';
import { X1Error } from './errors.ts';
import { choice, leaf, maybe, node, sequence, simple } from './sequence.ts';
import * as types from './simple-types.ts';
import {
  deliveryType,
  readExtensions,
  readTaskDetails,
  writeExtensions,
  writeTaskDetails,
} from './task-details.ts';
import { COMMON_NAMESPACE, X1_NAMESPACE } from './xml.ts';
import type { XmlElement } from './xml.ts';

const integer = types.integer();
const provisioning = types.enumeration<TaskStatus['provisioning']>(
  'awaitingProvisioning',
  'failed',
  'complete',
);
const deliveryStatus = types.enumeration<DestinationReport['status']['delivery']>(
  'activeAndWorking',
  'deliveryFault',
);
const neStatus = types.enumeration<NeStatus['status']>('OK', 'Faults');

export function readDestinationDetails(element: XmlElement): Destination {
  return sequence(element, (children) => ({
    did: children.one('dId', simple(types.uuid)),
    ...children.optional('friendlyName', 'friendlyName', simple(types.anyString)),
    deliveryType: children.one('deliveryType', simple(deliveryType)),
    address: children.one('deliveryAddress', readAddress),
    ...readExtensions(children, 'destinationDetailsExtensions'),
  }));
}

export function writeDestinationDetails(destination: Destination): XmlElement {
  return node('destinationDetails', [
    leaf('dId', types.uuid, destination.did),
    ...maybe(destination.friendlyName, (name) => leaf('friendlyName', types.anyString, name)),
    leaf('deliveryType', deliveryType, destination.deliveryType),
    node('deliveryAddress', [writeAddress(destination.address)]),
    ...writeExtensions('destinationDetailsExtensions', destination.extensions),
  ]);
}

const ADDRESS_TEXT = { e164Number: types.e164, uri: types.anyUri, emailAddress: types.emailAddress };

function readAddress(element: XmlElement): DeliveryAddress {
  return choice(element, (child) => {
    if (child.namespace === X1_NAMESPACE) {
      if (child.name === 'ipAddressAndPort') return readIpAddressAndPort(child);
      if (child.name === 'uri' || child.name === 'e164Number' || child.name === 'emailAddress') {
        return { kind: child.name, value: simple(ADDRESS_TEXT[child.name])(child) };
      }
    }
    throw new X1Error('schema', `deliveryAddress: ${child.name} is not expected here`);
  });
}

function writeAddress(address: DeliveryAddress): XmlElement {
  return address.kind === 'ipAddressAndPort'
    ? writeIpAddressAndPort(address)
    : leaf(address.kind, ADDRESS_TEXT[address.kind], address.value);
}

type IpAddressAndPort = Extract<DeliveryAddress, { kind: 'ipAddressAndPort' }>;

function readIpAddressAndPort(element: XmlElement): IpAddressAndPort {
  return sequence(
    element,
    (children) => ({
      kind: 'ipAddressAndPort',
      address: children.one('address', (address) =>
        oneOf(address, { IPv4Address: types.ipv4Address, IPv6Address: types.ipv6Address }, (_, ip) => ip),
      ),
      ...children.one('port', (port) =>
        oneOf(port, { TCPPort: types.tcpPort, UDPPort: types.udpPort }, (name, number) => ({
          port: number,
          transport: name === 'TCPPort' ? ('tcp' as const) : ('udp' as const),
        })),
      ),
    }),
    COMMON_NAMESPACE,
  );
}

function writeIpAddressAndPort({ address, port, transport }: IpAddressAndPort): XmlElement {
  const ip = address.includes(':')
    ? leaf('IPv6Address', types.ipv6Address, address, COMMON_NAMESPACE)
    : leaf('IPv4Address', types.ipv4Address, address, COMMON_NAMESPACE);
  const number =
    transport === 'tcp'
      ? leaf('TCPPort', types.tcpPort, port, COMMON_NAMESPACE)
      : leaf('UDPPort', types.udpPort, port, COMMON_NAMESPACE);
  return node('ipAddressAndPort', [
    node('address', [ip], COMMON_NAMESPACE),
    node('port', [number], COMMON_NAMESPACE),
  ]);
}

/** A choice of common elements with text. */
function oneOf<T, R>(
  element: XmlElement,
  options: Readonly<Record<string, types.SimpleType<T>>>,
  make: (name: string, value: T) => R,
): R {
  return choice(element, (child) => {
    const type = Object.hasOwn(options, child.name) ? options[child.name] : undefined;
    if (type === undefined || child.namespace !== COMMON_NAMESPACE) {
      throw new X1Error('schema', `${element.name}: ${child.name} is not expected here`);
    }
    return make(child.name, simple(type)(child));
  });
}

/** `ErrorInformation`: errorCode, errorDescription. */
export function readErrorInformation(element: XmlElement): ErrorInformation {
  return sequence(element, (children) => ({
    code: children.one('errorCode', simple(integer)),
    description: children.one('errorDescription', simple(types.anyString)),
  }));
}

export function writeErrorInformation(name: string, { code, description }: ErrorInformation): XmlElement {
  return node(name, [
    leaf('errorCode', integer, code),
    leaf('errorDescription', types.anyString, description),
  ]);
}

function readFaults(element: XmlElement): ErrorInformation[] {
  return sequence(element, (children) => children.many('unresolvedFault', readErrorInformation));
}

function writeFaults(faults: readonly ErrorInformation[]): XmlElement {
  return node(
    'listOfFaults',
    faults.map((fault) => writeErrorInformation('unresolvedFault', fault)),
  );
}

/** `TaskResponseDetails`: taskDetails, taskStatus. */
export function readTaskReport(element: XmlElement): TaskReport {
  return sequence(element, (children) => ({
    task: children.one('taskDetails', readTaskDetails),
    status: children.one('taskStatus', readTaskStatus),
  }));
}

export function writeTaskReport({ task, status }: TaskReport): XmlElement {
  return node('taskResponseDetails', [writeTaskDetails(task), writeTaskStatus(status)]);
}

function readTaskStatus(element: XmlElement): TaskStatus {
  return sequence(element, (children) => {
    const status = {
      provisioning: children.one('provisioningStatus', simple(provisioning)),
      faults: children.one('listOfFaults', readFaults),
      ...children.optional('timeOfLastIntercept', 'timeOfLastIntercept', simple(types.dateTime)),
      ...children.optional('amountOfX2Data', 'amountOfX2Data', simple(integer)),
      ...children.optional('amountOfX3Data', 'amountOfX3Data', simple(integer)),
      ...children.optional('timeOfLastModification', 'timeOfLastModification', simple(types.dateTime)),
      ...children.optional('numberOfModifications', 'numberOfModifications', simple(integer)),
    };
    readExtensions(children, 'taskStatusExtensions');
    return status;
  });
}

function writeTaskStatus(status: TaskStatus): XmlElement {
  return node('taskStatus', [
    leaf('provisioningStatus', provisioning, status.provisioning),
    writeFaults(status.faults),
    ...maybe(status.timeOfLastIntercept, (time) => leaf('timeOfLastIntercept', types.dateTime, time)),
    ...maybe(status.amountOfX2Data, (amount) => leaf('amountOfX2Data', integer, amount)),
    ...maybe(status.amountOfX3Data, (amount) => leaf('amountOfX3Data', integer, amount)),
    ...maybe(status.timeOfLastModification, (time) => leaf('timeOfLastModification', types.dateTime, time)),
    ...maybe(status.numberOfModifications, (count) => leaf('numberOfModifications', integer, count)),
  ]);
}

/** `DestinationResponseDetails`: destinationDetails, destinationStatus. */
export function readDestinationReport(element: XmlElement): DestinationReport {
  return sequence(element, (children) => ({
    destination: children.one('destinationDetails', readDestinationDetails),
    status: children.one('destinationStatus', (status) =>
      sequence(status, (parts) => ({
        delivery: parts.one('destinationDeliveryStatus', simple(deliveryStatus)),
        faults: parts.one('listOfFaults', readFaults),
      })),
    ),
  }));
}

export function writeDestinationReport({ destination, status }: DestinationReport): XmlElement {
  return node('destinationResponseDetails', [
    writeDestinationDetails(destination),
    node('destinationStatus', [
      leaf('destinationDeliveryStatus', deliveryStatus, status.delivery),
      writeFaults(status.faults),
    ]),
  ]);
}

/** `NeStatusDetails`: neStatus, listOfFaults. */
export function readNeStatus(element: XmlElement): NeStatus {
  return sequence(element, (children) => ({
    status: children.one('neStatus', simple(neStatus)),
    faults: children.one('listOfFaults', readFaults),
  }));
}

export function writeNeStatus({ status, faults }: NeStatus): XmlElement {
  return node('neStatusDetails', [leaf('neStatus', neStatus, status), writeFaults(faults)]);
}

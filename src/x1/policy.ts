/**
 * What each kind of network element takes of X1, as data, and the judgement of tasks and destinations by it. An
 * element refuses what it would have to ignore: a narrower service, an extension, an address that it cannot deliver
 * to. What was acknowledged is what happens.
 *
 *                 delivery type            destinations                 mediation details
 *     CSCF        X2Only                   the DF                       for others: ignored
 *     gateway     X3Only                   the DF                       for others: ignored
 *     DF          X2Only, X3Only, X2andX3  the LEMFs: of the task, or   at least one: the warrants
 *                 (towards HI2, HI3)       of each MediationDetails
 *     KMS         X2Only                   none                         exactly one, its times: the validity
 *
 * At the KMS a task with a destination is for the questions of the LEMF that it stands for, in place of those of DFs
 * (`wire/x1/key-client.ts`), where the configuration has that LEMF.
 *
 * At the DF a destination of delivery type X2Only is one for HI2, of X3Only one for HI3, of X2andX3 one for both.
 */
import { ClavigerError } from '../bytes/errors.ts';
import type {
  DeliveryAddress,
  DeliveryType,
  Destination,
  ErrorInformation,
  InterceptTask,
  MediationDetails,
  ServiceType,
} from '../wire/x1/details.ts';
import { X1_ERRORS } from '../wire/x1/error-codes.ts';
import { keyClientOf } from '../wire/x1/key-client.ts';
import type { X1ErrorName } from '../wire/x1/error-codes.ts';
import { SIP_TARGETS, targetKind } from './target-keys.ts';

export type X1RefusalCode =
  /** The number of the X1 error is in `error`. */
  'refused';

/** A request that is refused, with the error that says so. */
export class X1Refusal extends ClavigerError<X1RefusalCode> {
  readonly error: ErrorInformation;

  constructor(name: X1ErrorName, why?: string, options?: ErrorOptions) {
    const { code, description } = X1_ERRORS[name];
    const error = { code, description: why === undefined ? description : `${description}: ${why}` };
    super('refused', `X1 error ${code}: ${error.description}`, options);
    this.error = error;
  }
}

export interface NePolicy {
  /** Names of target identifiers that the element can match. */
  readonly targets: readonly string[];
  /** Whether equipment beside a subscriber narrows a task. */
  readonly combinesEquipment: boolean;
  readonly deliveryTypes: readonly DeliveryType[];
  readonly addresses: readonly DeliveryAddress['kind'][];
  /** How many destinations a task has; `none`: it must have none; or none or one, that stands for one of these LEMFs. */
  readonly destinations: { readonly max: number } | 'none' | { readonly keyClients: readonly string[] };
  readonly mediation: 'ignored' | 'warrants' | 'validity';
  /** Services that the element cannot tell apart: a task for some of them only is refused; `null`: others tell. */
  readonly services: readonly ServiceType[] | null;
  readonly deactivateAllTasks: boolean;
  readonly removeAllDestinations: boolean;
}

/** Names of one subscriber, and of a device. */
const EQUIPMENT = ['imei', 'peiImei', 'peiImeiCheckDigit', 'peiImeisv'];
const SUBSCRIBER = ['sipUri', 'telUri', 'impu', 'e164Number', 'gpsiMsisdn'];

const POI: Omit<NePolicy, 'deliveryTypes' | 'services'> = {
  // Which device it is, Contact says; the CSCF tells the gateway.
  targets: [...SUBSCRIBER, ...EQUIPMENT],
  combinesEquipment: true,
  addresses: ['ipAddressAndPort', 'uri'],
  destinations: { max: 8 },
  mediation: 'ignored',
  deactivateAllTasks: false,
  removeAllDestinations: false,
};

/** Services that options of a warrant cannot be for one of alone. */
const SCOPED_SERVICES: readonly ServiceType[] = ['voice', 'messaging'];

export const CSCF_POLICY: NePolicy = {
  ...POI,
  deliveryTypes: ['X2Only'],
  services: ['voice', 'messaging'],
};

export const GATEWAY_POLICY: NePolicy = { ...POI, deliveryTypes: ['X3Only'], services: ['voice'] };

export const DF_POLICY: NePolicy = {
  ...POI,
  targets: SIP_TARGETS,
  deliveryTypes: ['X2Only', 'X3Only', 'X2andX3'],
  destinations: { max: 32 },
  mediation: 'warrants',
  services: null,
};

export const KMS_POLICY: NePolicy = {
  ...POI,
  // Keys are a subscriber's, whatever the device.
  targets: SUBSCRIBER,
  combinesEquipment: false,
  deliveryTypes: ['X2Only'],
  addresses: [],
  destinations: 'none',
  mediation: 'validity',
  services: null,
};

/** That of a KMS that LEMFs of these names may ask; without any, that of one that they may not. */
export function kmsPolicyFor(lemfs: readonly string[]): NePolicy {
  if (lemfs.length === 0) return KMS_POLICY;
  return { ...KMS_POLICY, addresses: ['uri'], destinations: { keyClients: lemfs } };
}

/** What the judgement looks up. */
export interface Destinations {
  destination(did: string): Destination | null;
}

/** @throws X1Refusal if the element would not do what the task says */
export function judgeTask(
  policy: NePolicy,
  task: InterceptTask,
  destinations: Destinations,
  request: 'activateTask' | 'modifyTask',
): void {
  judgeTargets(policy, task);
  judgeScope(policy, task, request);
  if (!policy.deliveryTypes.includes(task.deliveryType)) {
    throw new X1Refusal('deliveryCombination', `${task.deliveryType} is not of this element`);
  }
  judgeMediation(policy, task, request);
  judgeDelivery(policy, task, destinations);
}

/** @throws X1Refusal if the element cannot deliver there */
export function judgeDestination(
  policy: NePolicy,
  destination: Destination,
  request: 'createDestination' | 'modifyDestination',
): void {
  const { address } = destination;
  if (!policy.addresses.includes(address.kind)) throw new X1Refusal('unsupportedAddress', address.kind);
  if (policy.destinations !== 'none' && 'keyClients' in policy.destinations) {
    const client = keyClientOf(destination);
    if (client === null) throw new X1Refusal('unsupportedAddress', 'not a LEMF that asks for keys');
    if (!policy.destinations.keyClients.includes(client))
      throw new X1Refusal(request, `${client} may not ask for keys here`);
  } else if (endpointOf(destination) === null)
    throw new X1Refusal('unsupportedAddress', 'not a TCP host and port');
  if (destination.extensions !== undefined) throw new X1Refusal(request, 'extensions are not supported');
}

/**
 * Host and port of a destination: `ipAddressAndPort` with a TCP port, or a `uri` of the form `tls://HOST:PORT` where the
 * peer is to be known by its name; `null` for anything else.
 */
export function endpointOf({ address }: Destination): { host: string; port: number } | null {
  if (address.kind === 'ipAddressAndPort') {
    return address.transport === 'tcp' ? { host: address.address, port: address.port } : null;
  }
  if (address.kind !== 'uri') return null;
  const match = /^tls:\/\/([A-Za-z0-9.-]+):([1-9][0-9]{0,4})$/.exec(address.value);
  const port = Number(match?.[2]);
  return match === null || port > 65535 ? null : { host: match[1] ?? '', port };
}

function judgeTargets(policy: NePolicy, task: InterceptTask): void {
  const unsupported = task.targets.find(({ name }) => !policy.targets.includes(name));
  if (unsupported !== undefined) throw new X1Refusal('unsupportedTarget', unsupported.name);
  const kinds = new Set(task.targets.map(targetKind));
  if (kinds.size > 1 && !policy.combinesEquipment) throw new X1Refusal('unsupportedCombination');
}

/** What would make the task something else than it says if it were ignored. */
function judgeScope(policy: NePolicy, task: InterceptTask, request: 'activateTask' | 'modifyTask'): void {
  const { serviceTypes } = task;
  if (serviceTypes !== undefined && policy.services !== null) {
    const missing = policy.services.find((service) => !serviceTypes.includes(service));
    if (missing !== undefined) throw new X1Refusal('unsupportedService', `${missing} cannot be left out`);
  }
  if (task.destinationSets !== undefined) throw new X1Refusal('objectUnknown', 'no destination sets here');
  if (task.productId !== undefined) throw new X1Refusal(request, 'productID is not supported');
  if (task.extensions !== undefined) throw new X1Refusal(request, 'extensions are not supported');
  judgePolicies(task, request);
}

/** References to policies, which would narrow what is delivered. */
function judgePolicies(
  { trafficPolicies, iriPolicies }: Pick<MediationDetails, 'trafficPolicies' | 'iriPolicies'>,
  request: 'activateTask' | 'modifyTask',
): void {
  if (trafficPolicies !== undefined) throw new X1Refusal(request, 'traffic policies are not supported');
  if (iriPolicies !== undefined) throw new X1Refusal(request, 'IRI policies are not supported');
}

function judgeMediation(policy: NePolicy, task: InterceptTask, request: 'activateTask' | 'modifyTask'): void {
  const { mediation } = task;
  if (policy.mediation === 'ignored') return;
  if (mediation.length === 0 || (policy.mediation === 'validity' && mediation.length > 1)) {
    const wanted = policy.mediation === 'validity' ? 'exactly' : 'at least';
    throw new X1Refusal(request, `${wanted} one MediationDetails is needed`);
  }
  for (const details of mediation) judgeWarrant(policy, details, request);
}

function judgeWarrant(
  policy: NePolicy,
  { startTime, endTime, ...details }: MediationDetails,
  request: 'activateTask' | 'modifyTask',
): void {
  if (policy.mediation === 'validity' && (startTime === undefined || endTime === undefined)) {
    throw new X1Refusal(request, 'StartTime and EndTime are needed');
  }
  if (startTime !== undefined && endTime !== undefined && startTime >= endTime) {
    throw new X1Refusal(request, 'EndTime is not after StartTime');
  }
  // More than 25 characters are octets in hex; half an octet cannot be handed over.
  if (policy.mediation === 'warrants' && details.liid.length > 25 && details.liid.length % 2 === 1) {
    throw new X1Refusal(request, 'an LIID in hex has an even number of digits');
  }
  if (details.destinationSets !== undefined) throw new X1Refusal('objectUnknown', 'no destination sets here');
  if (details.extensions !== undefined) throw new X1Refusal(request, 'extensions are not supported');
  judgePolicies(details, request);
  for (const scoping of details.scoping ?? []) judgeScoping(scoping, request);
}

/** What of the scope of a warrant cannot be kept to is refused: `entities/df/coverage.ts` keeps to the rest. */
function judgeScoping(
  {
    serviceTypes,
    location,
    suspendOnOutboundInternationalRoaming,
    reportPostDialledDigits,
  }: NonNullable<MediationDetails['scoping']>[number],
  request: 'activateTask' | 'modifyTask',
): void {
  if (suspendOnOutboundInternationalRoaming === true)
    throw new X1Refusal(request, 'suspension on roaming is not supported');
  const missing = SCOPED_SERVICES.find((service) => serviceTypes?.includes(service) === false);
  if (missing !== undefined)
    throw new X1Refusal('unsupportedService', `scoping without ${missing} is not supported`);
  if (reportPostDialledDigits === true)
    throw new X1Refusal(request, 'post-dialled digits are not reported apart from content');
  if (location !== undefined && location !== 'doNotReport' && location.some(({ lals }) => lals === true))
    throw new X1Refusal(request, 'LALS is not supported');
}

function judgeDelivery(policy: NePolicy, task: InterceptTask, destinations: Destinations): void {
  const all = [...task.dids, ...task.mediation.flatMap(({ dids }) => dids)];
  if (policy.destinations === 'none') {
    if (all.length > 0) throw new X1Refusal('deliveryCombination', 'this element takes no destinations');
    return;
  }
  if ('keyClients' in policy.destinations) {
    if (all.length > task.dids.length)
      throw new X1Refusal('deliveryCombination', 'a LEMF that asks is of the task');
    if (new Set(all).size > 1) throw new X1Refusal('multipleDestinations');
    if (all.some((did) => destinations.destination(did) === null))
      throw new X1Refusal('didUnknown', task.dids[0]);
    return;
  }
  if (new Set(all).size > policy.destinations.max) throw new X1Refusal('multipleDestinations');
  const resolve = (dids: readonly string[]): Destination[] =>
    dids.map((did) => {
      const destination = destinations.destination(did);
      if (destination === null) throw new X1Refusal('didUnknown', did);
      return destination;
    });
  if (policy.mediation !== 'warrants') {
    requireCovered(partsOf(task.deliveryType), resolve(task.dids));
    return;
  }
  for (const details of task.mediation) {
    const own = details.dids.length > 0 ? details.dids : task.dids;
    const parts = partsOf(details.deliveryType);
    if (parts.some((part) => !partsOf(task.deliveryType).includes(part))) {
      throw new X1Refusal('deliveryCombination', `${details.deliveryType} within ${task.deliveryType}`);
    }
    requireCovered(parts, resolve(own));
  }
}

/** Every part must have a destination, and every destination a part. */
function requireCovered(parts: readonly string[], destinations: readonly Destination[]): void {
  const covers = destinations.map(({ deliveryType }) => partsOf(deliveryType));
  const uncovered = parts.some((part) => !covers.some((some) => some.includes(part)));
  const useless = covers.some((some) => !some.some((part) => parts.includes(part)));
  if (uncovered || useless) throw new X1Refusal('deliveryCombination');
}

/** What a delivery type delivers, at a POI and towards a LEMF alike: `2` signalling, `3` content. */
function partsOf(type: DeliveryType | MediationDetails['deliveryType']): string[] {
  return ['2', '3'].filter((part) => type.includes(part));
}

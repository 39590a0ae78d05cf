/**
 * What X1 provisions, as values: tasks, destinations and the parts of them (TS 103 221-1 clauses 6.2.1.2, 6.3.1.2).
 * Times are Unix milliseconds with the microseconds as fraction.
 */

import type { XmlElement } from './xml.ts';

/** What another specification adds to a message; an element that does not know it must not act as if it were not there. */
export interface Extension {
  readonly owner: string;
  readonly content: readonly XmlElement[];
}

/** One target identifier: the element's name in the X1 schema (`sipUri`, `telUri`, `impu`, `imei`, …) and its value. */
export interface TargetIdentifier {
  readonly name: string;
  /** The element's text; of an identifier that has parts, their texts (see `target-identifiers.ts`). */
  readonly value: string;
}

/** What a task or destination carries: signalling, content or both. At a DF: towards HI2, HI3 or both. */
export type DeliveryType = 'X2Only' | 'X3Only' | 'X2andX3';

export type MediationDeliveryType = 'HI2Only' | 'HI3Only' | 'HI2andHI3';

/** One warrant's part of a task. */
export interface MediationDetails {
  readonly liid: string;
  readonly deliveryType: MediationDeliveryType;
  /** In force from here on (inclusive); absent: from activation. */
  readonly startTime?: number;
  /** In force until here (exclusive); absent: until deactivation. */
  readonly endTime?: number;
  /** Where this warrant's records go; empty: to the task's own destinations. */
  readonly dids: readonly string[];
  readonly scoping?: readonly ServiceScoping[];
  readonly extensions?: readonly Extension[];
  readonly trafficPolicies?: readonly string[];
  /** Sets of destinations by object id (`dSId`). */
  readonly destinationSets?: readonly string[];
}

/** What a warrant covers, `ServiceScopingOptions` of the schema. */
export interface ServiceScoping {
  readonly serviceTypes?: readonly ServiceType[];
  /** When location is reported; `doNotReport`: never. */
  readonly location?: 'doNotReport' | readonly LocationOccasion[];
  readonly suspendOnOutboundInternationalRoaming?: boolean;
  readonly reportPostDialledDigits?: boolean;
}

export interface LocationOccasion {
  readonly beginningAndEnd?: boolean;
  readonly uponChange?: boolean;
  readonly lals?: boolean;
}

export type ServiceType = 'voice' | 'data' | 'messaging' | 'pushToTalk' | 'LALS' | 'RCS';

/** A task, `TaskDetails` of the schema. */
export interface InterceptTask {
  /** UUID in lower case. */
  readonly xid: string;
  readonly targets: readonly TargetIdentifier[];
  readonly deliveryType: DeliveryType;
  /** Destinations of the task, by DID. */
  readonly dids: readonly string[];
  readonly mediation: readonly MediationDetails[];
  /** Binds tasks of one product together at the mediation function. */
  readonly correlationId?: string;
  readonly productId?: string;
  readonly implicitDeactivationAllowed?: boolean;
  /** The services the task is for; absent: all. */
  readonly serviceTypes?: readonly ServiceType[];
  readonly extensions?: readonly Extension[];
  readonly trafficPolicies?: readonly string[];
  /** Sets of destinations by object id (`dSId`). */
  readonly destinationSets?: readonly string[];
}

/** An address of a destination, `DeliveryAddress` of the schema. */
export type DeliveryAddress =
  | {
      readonly kind: 'ipAddressAndPort';
      readonly address: string;
      readonly port: number;
      readonly transport: 'tcp' | 'udp';
    }
  | { readonly kind: 'uri' | 'e164Number' | 'emailAddress'; readonly value: string };

/** A destination, `DestinationDetails` of the schema. */
export interface Destination {
  /** UUID in lower case. */
  readonly did: string;
  readonly friendlyName?: string;
  readonly deliveryType: DeliveryType;
  readonly address: DeliveryAddress;
  readonly extensions?: readonly Extension[];
}

/** A fault that is not yet mended, or an error; see `X1_ERRORS`. */
export interface ErrorInformation {
  readonly code: number;
  readonly description: string;
}

/** How an element stands to a task, `TaskStatus` of the schema. */
export interface TaskStatus {
  readonly provisioning: 'awaitingProvisioning' | 'failed' | 'complete';
  readonly faults: readonly ErrorInformation[];
  readonly timeOfLastIntercept?: number;
  readonly amountOfX2Data?: number;
  readonly amountOfX3Data?: number;
  readonly timeOfLastModification?: number;
  readonly numberOfModifications?: number;
}

export interface TaskReport {
  readonly task: InterceptTask;
  readonly status: TaskStatus;
}

export interface DestinationReport {
  readonly destination: Destination;
  readonly status: {
    readonly delivery: 'activeAndWorking' | 'deliveryFault';
    readonly faults: readonly ErrorInformation[];
  };
}

export interface NeStatus {
  readonly status: 'OK' | 'Faults';
  readonly faults: readonly ErrorInformation[];
}

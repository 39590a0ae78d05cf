/**
 * What X1 provisions, as values: tasks, destinations and the parts of them (TS 103 221-1 clauses 6.2.1.2, 6.3.1.2).
 * Times are Unix milliseconds with the microseconds as fraction.
 */

/** One target identifier: the element's name in the X1 schema (`sipUri`, `telUri`, `impu`, `imei`, …) and its value. */
export interface TargetIdentifier {
  readonly name: string;
  /** The element's text; of an identifier that has parts, their texts (see `targets.ts` beside this file). */
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
  /** Whether location must not be reported (`serviceScopingOptions`). */
  readonly withoutLocation?: boolean;
}

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
  readonly correlationId?: bigint;
  readonly productId?: string;
  readonly implicitDeactivationAllowed?: boolean;
  /** `voice`, `data`, `messaging`, …; empty: all. */
  readonly serviceTypes?: readonly string[];
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
}

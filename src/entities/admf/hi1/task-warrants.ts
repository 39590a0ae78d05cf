/**
 * The warrant that a task asks for: LIID, names of the target, times, what is delivered and where to. Times that the
 * task does not say are its authorisation's.
 */
import type { DictionaryEntry } from '../../../wire/hi1/common.ts';
import type { Hi1DeliveryDestination, Hi1ObjectOf, Hi1TargetValue } from '../../../wire/hi1/objects.ts';
import { instantOf } from '../../../wire/xml/simple-types.ts';
import type { TargetIdentifier } from '../../../wire/x1/target-identifiers.ts';
import type { HostPort, Warrant } from '../warrants.ts';
import { Hi1Refusal } from './refusal.ts';

export type TaskMembers = Hi1ObjectOf<'LITaskObject'>['members'];
export type AuthorisationMembers = Hi1ObjectOf<'AuthorisationObject'>['members'];

/** What is agreed with agencies about delivery. */
export interface DeliverySetting {
  /** LEMFs that agencies name by an end point: country and identifier. */
  readonly endpoints: readonly {
    readonly country: string;
    readonly identifier: string;
    readonly hi2: HostPort;
    readonly hi3?: HostPort;
    /** The LEMF there may be let ask the KMS itself, by this name in its certificate; absent: it may not. */
    readonly xk?: string;
  }[];
  /** Ports of LEMFs that are named by an address or host name alone. */
  readonly ports?: { readonly hi2: number; readonly hi3: number };
}

/** With which a task asks that the LEMF it delivers to may ask the KMS for keys itself: a profile agreed with the operator. */
export const KEYS_PROFILE: DictionaryEntry = {
  Owner: 'claviger',
  Name: 'DeliveryProfile',
  Value: 'KeysFromKms',
};

/** Formats of ETSI for the names of a target, and the names of X1 for the same. */
const TARGET_FORMATS: Readonly<Record<string, string>> = {
  SIPURI: 'sipUri',
  TELURI: 'telUri',
  InternationalE164: 'e164Number',
  IMPU: 'impu',
  IMPI: 'impi',
  NAI: 'nai',
};

/**
 * @param began when the task came in, Unix milliseconds: its start if nothing says another
 * @throws Hi1Refusal `elementMissing`, `improperValue`, `unsupported`
 */
export function warrantOf(
  task: TaskMembers,
  authorisation: AuthorisationMembers,
  { began, setting }: { readonly began: number; readonly setting: DeliverySetting },
): Warrant {
  const { Reference: liid, TargetIdentifier, Timespan, DeliveryDetails } = task;
  if (liid === undefined) throw missing('Reference');
  const values = TargetIdentifier?.TargetIdentifierValues;
  if (values === undefined) throw missing('TargetIdentifierValues');
  if (DeliveryDetails === undefined) throw missing('DeliveryDetails');
  const covered = spanOf(authorisation.AuthorisationTimespan);
  const own = spanOf(Timespan);
  const startTime = own.start ?? covered.start ?? began;
  const endTime = own.end ?? covered.end;
  if (endTime === null) throw missing('EndTime, of the task or its authorisation,');
  if (startTime < (covered.start ?? startTime) || endTime > (covered.end ?? endTime))
    throw improper('the task’s times lie outside its authorisation’s');
  const delivery = deliveryOf(task.DeliveryType);
  return {
    liid,
    targets: values.map(targetOf),
    delivery,
    startTime,
    endTime,
    ...deliveredTo(DeliveryDetails, delivery, setting),
  };
}

export function spanOf(
  span: { readonly StartTime?: string | undefined; readonly EndTime?: string | undefined } | undefined,
): { readonly start: number | null; readonly end: number | null } {
  const at = (text: string | undefined): number | null => (text === undefined ? null : instantOf(text));
  const [start, end] = [at(span?.StartTime), at(span?.EndTime)];
  if (start !== null && end !== null && start >= end) throw improper('EndTime is not after StartTime');
  return { start, end };
}

function targetOf({ FormatType: { FormatOwner, FormatName }, Value }: Hi1TargetValue): TargetIdentifier {
  const name =
    FormatOwner === 'ETSI' && Object.hasOwn(TARGET_FORMATS, FormatName)
      ? TARGET_FORMATS[FormatName]
      : undefined;
  if (name === undefined)
    throw improper(`targets of ETSI’s formats ${Object.keys(TARGET_FORMATS).join(', ')} are taken`);
  return { name, value: Value };
}

function deliveryOf(entry: DictionaryEntry | undefined): Warrant['delivery'] {
  if (entry === undefined) throw missing('DeliveryType');
  switch (wordOf(entry, 'TaskDeliveryType')) {
    case 'IRIOnly':
      return 'IRI';
    case 'IRIandCC':
      return 'IRI+CC';
    case 'CCOnly':
      // The keys to encrypted content are in records of HI2.
      throw new Hi1Refusal('unsupported', 'content is delivered together with IRI, which has the keys to it');
    default:
      throw improper('DeliveryType is IRIOnly or IRIandCC');
  }
}

function deliveredTo(
  destinations: readonly Hi1DeliveryDestination[],
  delivery: Warrant['delivery'],
  setting: DeliverySetting,
): Pick<Warrant, 'lemf' | 'xk'> {
  let hi2: HostPort | null = null;
  let hi3: HostPort | null = null;
  const asking = new Set<string>();
  for (const destination of destinations) {
    const { HandoverFormat, EncryptionDetails, DeliveryProfile, NationalDeliveryParameters } = destination;
    if (EncryptionDetails ?? NationalDeliveryParameters)
      throw new Hi1Refusal('unsupported', 'delivery has no encryption or parameters of a country here');
    if (DeliveryProfile !== undefined && !isKeysProfile(DeliveryProfile))
      throw new Hi1Refusal('unsupported', `the one DeliveryProfile here is ${wordsOf(KEYS_PROFILE)}`);
    if (HandoverFormat !== undefined && wordOf(HandoverFormat, 'HandoverFormat') !== 'TS102232-5')
      throw improper('HandoverFormat is TS102232-5');
    const which = destination.IRIorCC === undefined ? 'both' : wordOf(destination.IRIorCC, 'IRIorCC');
    if (which !== 'IRI' && which !== 'CC' && which !== 'both' && which !== 'IRIandCC')
      throw improper('IRIorCC is IRI or CC');
    const place = placeOf(destination, setting);
    if (DeliveryProfile !== undefined) {
      if (delivery === 'IRI') throw improper(`${KEYS_PROFILE.Value}: without content there are no keys`);
      if (place.xk === null)
        throw improper(`${KEYS_PROFILE.Value}: this LEMF is not one that may ask the KMS for keys itself`);
      asking.add(place.xk);
    }
    if (which !== 'CC') {
      if (hi2 !== null) throw improper('there are two destinations for IRI');
      ({ hi2 } = place);
    }
    if (which !== 'IRI') {
      if (hi3 !== null) throw improper('there are two destinations for CC');
      ({ hi3 } = place);
    }
  }
  if (hi2 === null) throw missing('a destination for IRI');
  if (delivery === 'IRI') return { lemf: { hi2 } };
  if (hi3 === null) throw missing('a destination for CC');
  const [xk, ...others] = asking;
  if (others.length > 0) throw improper(`${KEYS_PROFILE.Value}: one LEMF may ask, not two`);
  return { lemf: { hi2, hi3 }, ...(xk === undefined ? {} : { xk }) };
}

function isKeysProfile(entry: DictionaryEntry): boolean {
  return wordsOf(entry) === wordsOf(KEYS_PROFILE);
}

function wordsOf({ Owner, Name, Value }: DictionaryEntry): string {
  return `${Owner} ${Name} ${Value}`;
}

interface Places {
  readonly hi2: HostPort;
  readonly hi3: HostPort | null;
  /** The LEMF there that may be let ask the KMS; `null`: it may not. */
  readonly xk: string | null;
}

function placeOf({ DeliveryAddress: address }: Hi1DeliveryDestination, setting: DeliverySetting): Places {
  if (address === undefined) throw missing('DeliveryAddress');
  const byPorts = (host: string): Places => {
    const { ports } = setting;
    if (ports === undefined)
      throw improper('no port is agreed for addresses without one: give IPAddressPort');
    return { hi2: { host, port: ports.hi2 }, hi3: { host, port: ports.hi3 }, xk: null };
  };
  switch (address.kind) {
    case 'IPAddressPort': {
      if (address.value.transport !== 'tcp') throw improper('delivery is over TCP');
      const place = { host: address.value.address, port: address.value.port };
      return { hi2: place, hi3: place, xk: null };
    }
    case 'IPv4Address':
    case 'IPv6Address':
      return byPorts(address.value);
    case 'FQDN': {
      const [, host = '', port] = /^([A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?$/.exec(address.value) ?? [];
      if (host === '') throw improper('FQDN is a host name, with or without a port');
      if (port === undefined) return byPorts(host);
      const place = { host, port: Number(port) };
      return { hi2: place, hi3: place, xk: null };
    }
    case 'EndpointID': {
      const { CountryCode, UniqueIdentifier } = address.value;
      const found = setting.endpoints.find(
        ({ country, identifier }) => country === CountryCode && identifier === UniqueIdentifier,
      );
      if (found === undefined) throw improper('this EndpointID is not agreed for delivery');
      return { hi2: found.hi2, hi3: found.hi3 ?? null, xk: found.xk ?? null };
    }
    default:
      throw new Hi1Refusal('unsupported', `delivery to ${address.kind} is not supported`);
  }
}

/** The word, if it is of ETSI's dictionary of that name. */
export function wordOf({ Owner, Name, Value }: DictionaryEntry, name: string): string {
  if (Owner !== 'ETSI' || Name !== name) throw improper(`a word of ETSI’s dictionary ${name} is expected`);
  return Value;
}

function missing(what: string): Hi1Refusal {
  return new Hi1Refusal('elementMissing', `${what} is missing`);
}

function improper(why: string): Hi1Refusal {
  return new Hi1Refusal('improperValue', why);
}

/**
 * What a network takes. A DF is one process that mediates and delivers, with its state in files, behind its intakes, as long
 * as one is enough; else mediators share a database, and others deliver. For each role processor time = Σ rate × what a unit costs, from that processes and machines; storage
 * and bandwidth = Σ rate × octets. Nothing here measures, draws or waits: queues and failures are in `bench/model`.
 *
 *     cores       processor time of a second
 *     processes   cores / (cores that one process can use × (1 − headroom)), rounded up
 *     machines    cores / (cores of a machine × (1 − headroom)), rounded up, and those that may fail besides
 */
import { loadOf, ofDay } from './load.ts';
import type { Load } from './load.ts';
import type { Parameters } from './parameters.ts';
import { octetsBeside, packetCost, packetWal, UNIT_COSTS } from './unit-costs.ts';
import type { CostName, PacketCost } from './unit-costs.ts';

export interface RoleNeed {
  readonly role: string;
  /** Cores that are busy all the time in the busiest hour. */
  readonly cores: number;
  readonly processes: number;
  readonly machines: number;
  /** How several of it share the work. */
  readonly shares: string;
}

export interface StorageNeed {
  readonly what: string;
  readonly octetsPerDay: number;
  /** What there is at most at a time; `null`: it grows as long as nobody deletes. */
  readonly octets: number | null;
  /** Why it is that much. */
  readonly kept: string;
}

export interface InterfaceNeed {
  readonly name: string;
  readonly bitsPerSecond: number;
}

/** What an engine is asked for in a second. */
export interface EngineNeed {
  readonly engine: string;
  readonly what: string;
  readonly perSecond: number;
  readonly unit: string;
}

export interface Estimate {
  readonly load: Load;
  /** Whether DFs have mediators on a database, and processes that only deliver. */
  readonly isDivided: boolean;
  readonly roles: readonly RoleNeed[];
  readonly storage: readonly StorageNeed[];
  readonly interfaces: readonly InterfaceNeed[];
  readonly engines: readonly EngineNeed[];
  /** What one of the figures goes beyond, in words. */
  readonly limits: readonly string[];
}

export function estimate(parameters: Parameters): Estimate {
  const load = loadOf(parameters);
  const isDivided = mustBeDivided(parameters, load);
  const roles = rolesOf(parameters, load, isDivided);
  return {
    ...{ load, isDivided, roles },
    storage: storageOf(parameters, load, isDivided),
    interfaces: interfacesOf(parameters, load, isDivided),
    engines: enginesOf(load, isDivided),
    limits: limitsOf(parameters, roles),
  };
}

/* ---------------------------------------------------------------- roles */

interface Role {
  readonly role: string;
  readonly microseconds: number;
  /** Cores that one process can keep busy. */
  readonly most: number;
  /** Processes, or servers, at least. */
  readonly least?: number;
  readonly shares: string;
}

const MICRO = 1e6;
const ANY = 'any number, nothing of its own';

/** Microseconds of processor time, in a second, for PDUs of X2 and X3, or for what is made of them. */
function forPdus(role: PacketCost, { packetOctets }: Parameters, sip: number, packets: number): number {
  return UNIT_COSTS[`${role}Sip`].value * sip + packetCost(role, packetOctets) * packets;
}

/** Of a DF whose state is in files, who mediates for each destination and delivers. */
function mediationInFiles(parameters: Parameters, { x2, x3, warrantChanges }: Load): number {
  const { destinations } = parameters;
  const warrants = UNIT_COSTS.elementWarrant.value * warrantChanges;
  return forPdus('mediation', parameters, x2, x3) * Math.max(1, destinations) + warrants;
}

function mustBeDivided(parameters: Parameters, load: Load): boolean {
  const cores = mediationInFiles(parameters, load) / MICRO;
  return parameters.deliverers > 0 || cores / (1 - parameters.headroom) > 1;
}

function dfRoles(parameters: Parameters, load: Load, isDivided: boolean): Role[] {
  const { x2, x3, iri, cc, warrantChanges } = load;
  const intake: Role = {
    ...{ role: 'DF intake', microseconds: forPdus('intake', parameters, x2, x3), most: 1, shares: ANY },
  };
  if (!isDivided)
    return [
      intake,
      {
        ...{ role: 'DF mediation and delivery', microseconds: mediationInFiles(parameters, load), most: 1 },
        shares: 'one, with its state in files',
      },
    ];
  const { destinations, deliverers } = parameters;
  return [
    intake,
    {
      role: 'DF mediation',
      microseconds:
        forPdus('dividedMediation', parameters, x2, x3) * Math.max(1, destinations) +
        UNIT_COSTS.elementWarrant.value * warrantChanges,
      ...{ most: 1, shares: 'partitions of a DF are divided, by leases, on a database' },
    },
    {
      ...{ role: 'DF delivery', microseconds: forPdus('delivery', parameters, iri, cc), most: 1 },
      ...{ least: deliverers, shares: 'destinations are divided, by leases' },
    },
  ];
}

function rolesOf(parameters: Parameters, load: Load, isDivided: boolean): RoleNeed[] {
  const { cores: machineCores, headroom, spare, replicas } = parameters;
  const cost = (name: CostName, rate: number): number => UNIT_COSTS[name].value * rate;
  const { sip, packets, x2, x3, iri, cc, getKeys, requestKeys, warrantChanges } = load;
  const ofDf = isDivided ? forPdus('database', parameters, x2, x3) * Math.max(1, parameters.destinations) : 0;
  const roles: Role[] = [
    {
      role: 'CSCF',
      microseconds:
        cost('cscfSip', sip) +
        cost('cscfIntercepted', load.calls * parameters.targetShare) +
        cost('elementWarrant', warrantChanges),
      ...{ most: 1, shares: 'subscribers are divided among CSCFs' },
    },
    {
      role: 'gateway',
      microseconds:
        cost('gatewayPacket', packets - x3) +
        cost('gatewayX3Packet', x3) +
        cost('elementWarrant', warrantChanges),
      ...{ most: 1, shares: 'calls are divided among gateways' },
    },
    {
      role: 'KMS',
      microseconds:
        cost('kmsRequestKey', requestKeys) +
        cost('kmsGetKeys', getKeys) +
        cost('elementWarrant', warrantChanges),
      ...{ most: machineCores, shares: 'any number on one database, workers in each' },
    },
    ...dfRoles(parameters, load, isDivided),
    {
      role: 'LEMF',
      ...{ microseconds: forPdus('lemf', parameters, iri, cc), most: 1 },
      shares: 'warrants are divided among LEMFs; without recovery of calls',
    },
    {
      role: 'ADMF',
      ...{ microseconds: cost('admfWarrant', warrantChanges), most: 1, shares: 'one' },
    },
    {
      role: 'PostgreSQL',
      microseconds: cost('databaseRequestKey', requestKeys) + cost('databaseGetKeys', getKeys) + ofDf,
      ...{ most: Infinity, least: replicas, shares: 'one takes all, replicas follow' },
    },
    {
      role: 'NATS',
      microseconds: forPdus(isDivided ? 'dividedNats' : 'nats', parameters, x2, x3) * replicas,
      ...{ most: Infinity, least: replicas, shares: 'streams are divided among servers' },
    },
  ];
  return roles.map(({ role, microseconds, most, least = 1, shares }) => {
    const cores = microseconds / MICRO;
    const wanted = cores / (1 - headroom);
    const processes = most === Infinity ? least : Math.max(1, least, Math.ceil(wanted / most));
    const machines = Math.max(1, Math.ceil(wanted / machineCores)) + spare;
    // Each server has a machine; of processes some share one.
    return {
      role,
      cores,
      processes,
      machines: most === Infinity ? Math.max(machines, least) : machines,
      shares,
    };
  });
}

/** The setting `streams.partitions`, at most. */
const MOST_PARTITIONS = 256;

function limitsOf({ cores, headroom }: Parameters, roles: readonly RoleNeed[]): string[] {
  const found: string[] = [];
  const of = (name: string): RoleNeed | undefined => roles.find(({ role }) => role === name);
  const mediation = of('DF mediation');
  if (mediation !== undefined && mediation.processes > MOST_PARTITIONS)
    found.push(
      `A DF has ${MOST_PARTITIONS} partitions at most, each of which one process mediates: divide the targets among DFs.`,
    );
  const database = of('PostgreSQL');
  if (database !== undefined && database.cores / (1 - headroom) > cores)
    found.push(
      `PostgreSQL takes what is written on one machine: it needs ${Math.ceil(database.cores / (1 - headroom))} cores, a machine has ${cores}. Divide the subscribers among districts, and the targets among DFs, with a database each.`,
    );
  const kms = of('KMS');
  if (kms !== undefined && kms.machines > 32)
    found.push('So many KMSs on one database were not tried: divide the subscribers among districts.');
  return found;
}

/* ---------------------------------------------------------------- octets */

const AUDIT_RECORD_OCTETS = 400;
/** Logs with a record: KMS and DF; ADMF and the four elements. */
const AUDITED = { question: 2, warrantChange: 5 };

function storageOf(parameters: Parameters, load: Load, isDivided: boolean): StorageNeed[] {
  const { retentionDays, outageSeconds, replicas } = parameters;
  const beside = octetsBeside(parameters);
  const day = (rate: number): number => ofDay(rate, parameters);
  const handedOver = load.iri * beside.iri + load.cc * beside.cc;
  const streamed = (load.x2 * beside.x2Stream + load.x3 * beside.x3Stream) * replicas;
  const database =
    load.requestKeys * UNIT_COSTS.databaseRequestKeyOctets.value +
    load.getKeys * UNIT_COSTS.databaseGetKeysOctets.value;
  const audited = load.getKeys * AUDITED.question + load.warrantChanges * AUDITED.warrantChange;
  return [
    {
      what: 'LEMFs, as received',
      octetsPerDay: day(handedOver),
      octets: day(handedOver) * retentionDays,
      kept: `${retentionDays} days`,
    },
    isDivided
      ? {
          ...{ what: 'streams of LEMFs, while LEMFs are away', octetsPerDay: 0 },
          octets: (load.iri * beside.iriStream + load.cc * beside.ccStream) * replicas * outageSeconds,
          kept: `${outageSeconds} s of the busiest hour, on ${replicas} servers`,
        }
      : {
          ...{ what: 'DFs, while LEMFs are away', octetsPerDay: 0, octets: handedOver * outageSeconds },
          kept: `${outageSeconds} s of the busiest hour`,
        },
    {
      what: 'streams, while the mediation is away',
      octetsPerDay: 0,
      octets: streamed * outageSeconds,
      kept: `${outageSeconds} s of the busiest hour, on ${replicas} servers`,
    },
    {
      what: 'PostgreSQL, tables of the KMSs',
      octetsPerDay: day(database) * replicas,
      octets: null,
      kept: `on ${replicas} servers; what is past goes with its time, and its place is used again`,
    },
    {
      what: 'audit logs',
      octetsPerDay: day(audited) * AUDIT_RECORD_OCTETS,
      octets: null,
      kept: 'nothing of them is ever deleted',
    },
  ];
}

const BITS = 8;
/** IPv4 and UDP. */
const DATAGRAM_OCTETS = 28;

function interfacesOf(parameters: Parameters, load: Load, isDivided: boolean): InterfaceNeed[] {
  const { sipOctets, packetOctets, replicas } = parameters;
  const beside = octetsBeside(parameters);
  const streamed = load.x2 * beside.x2Stream + load.x3 * beside.x3Stream;
  const relayed = isDivided ? load.iri * beside.iriStream + load.cc * beside.ccStream : 0;
  const ofDf = load.x2 * UNIT_COSTS.databaseSipWal.value + load.x3 * packetWal(packetOctets);
  const wal =
    load.requestKeys * UNIT_COSTS.databaseRequestKeyWal.value +
    load.getKeys * UNIT_COSTS.databaseGetKeysWal.value +
    (isDivided ? ofDf * Math.max(1, parameters.destinations) : 0);
  const octets: Readonly<Record<string, number>> = {
    'Gm and Mw, SIP at CSCFs': load.sip * sipOctets,
    'media into gateways, and out again': load.packets * (packetOctets + DATAGRAM_OCTETS),
    X2: load.x2 * beside.x2,
    X3: load.x3 * beside.x3,
    HI2: load.iri * beside.iri,
    HI3: load.cc * beside.cc,
    'Xk, questions': load.getKeys * UNIT_COSTS.getKeysOctets.value,
    'REQUEST_KEY, requests': load.requestKeys * UNIT_COSTS.requestKeyOctets.value,
    'intakes to streams, and on to the mediation': streamed,
    ...(isDivided ? { 'mediators to streams, and on to deliverers': relayed } : {}),
    'between servers of the streams': (streamed + relayed) * (replicas - 1),
    'PostgreSQL to its replicas': wal * (replicas - 1),
  };
  return Object.entries(octets).map(([name, each]) => ({ name, bitsPerSecond: each * BITS }));
}

function enginesOf({ requestKeys, getKeys, x2, x3, iri, cc }: Load, isDivided: boolean): EngineNeed[] {
  const cost = (name: CostName, rate: number): number => UNIT_COSTS[name].value * rate;
  const [sip, packets] = isDivided ? [x2, x3] : [0, 0];
  const statements =
    cost('databaseRequestKeyStatements', requestKeys) +
    cost('databaseGetKeysStatements', getKeys) +
    cost('databaseSipStatements', sip) +
    cost('databasePacketStatements', packets);
  const commits =
    cost('databaseRequestKeyCommits', requestKeys) +
    cost('databaseGetKeysCommits', getKeys) +
    cost('databaseSipCommits', sip) +
    cost('databasePacketCommits', packets);
  return [
    {
      engine: 'PostgreSQL',
      what: 'statements, BEGIN and COMMIT among them',
      perSecond: statements,
      unit: '',
    },
    { engine: 'PostgreSQL', what: 'transactions', perSecond: commits, unit: '' },
    {
      engine: 'NATS',
      what: `PDUs${isDivided ? ' and PS-PDUs' : ''}, several a message where they come together`,
      perSecond: x2 + x3 + (isDivided ? iri + cc : 0),
      unit: '',
    },
  ];
}

/**
 * What a unit costs each role and each engine: processor time and octets, as they were measured, each with its run. Data:
 * whoever has measured on machines of their own puts their figures in.
 *
 * Processor time of a packet depends on its octets; it was measured at two lengths, between and beyond which it is taken as
 * linear.
 */
import type { Parameters } from './parameters.ts';

/** Runs that figures are from. */
export const RUNS = {
  chain: {
    command: 'npm run bench:chain',
    machine: '2 cores of AMD EPYC, virtual, with nothing else to do',
    date: '2026-11-30',
  },
  scale: {
    command: 'npm run bench:scale',
    machine: '2 cores of AMD EPYC, virtual, with much else to do (load 17 to 23)',
    date: '2026-11-30',
  },
  near: {
    command: 'npm run bench:near',
    machine: '2 cores of AMD EPYC, virtual, with other work; the greater of two CSCFs, 12 calls a side',
    date: '2026-11-30',
  },
  warrants: {
    command: 'npm run bench:warrants',
    machine: '2 cores, virtual, with nothing else to do',
    date: '2026-11-29',
  },
} as const;

export type RunName = keyof typeof RUNS;

export interface UnitCost {
  readonly value: number;
  /** `µs`: of processor time, all threads of the process. */
  readonly unit: 'µs' | 'octets' | 'statements' | 'transactions';
  readonly what: string;
  readonly run: RunName;
}

const cost = (run: RunName, unit: UnitCost['unit'], value: number, what: string): UnitCost => ({
  ...{ value, unit, what, run },
});
const scale = (value: number, what: string, unit: UnitCost['unit'] = 'µs'): UnitCost =>
  cost('scale', unit, value, what);

export const UNIT_COSTS = {
  cscfSip: cost('chain', 'µs', 150, 'CSCF: a SIP message over UDP, a sixteenth of a call’s 2,408'),
  cscfIntercepted: cost('near', 'µs', 8900, 'CSCF: a target’s call, beside that'),
  gatewayPacket: cost('chain', 'µs', 17.4, 'gateway: a packet'),
  gatewayX3Packet: cost('chain', 'µs', 34.8, 'gateway: a packet that goes over X3 as well'),
  kmsRequestKey: scale(35900, 'KMS on PostgreSQL: a REQUEST_KEY, two private keys'),
  kmsGetKeys: scale(16800, 'KMS on PostgreSQL: an answer to get_keys'),
  intakeSip: scale(127, 'DF intake: a SIP message'),
  intakeSmallPacket: scale(38.3, 'DF intake: a packet of 172 octets'),
  intakeLargePacket: scale(33.3, 'DF intake: a packet of 1,200 octets'),
  mediationSip: scale(383, 'DF mediation and delivery: a SIP message'),
  mediationSmallPacket: scale(71.7, 'DF mediation and delivery: a packet of 172 octets'),
  mediationLargePacket: scale(73.3, 'DF mediation and delivery: a packet of 1,200 octets'),
  lemfSip: scale(96.7, 'LEMF: a record of a SIP message'),
  lemfSmallPacket: scale(50, 'LEMF: a packet of 172 octets'),
  lemfLargePacket: scale(51.7, 'LEMF: a packet of 1,200 octets'),
  admfWarrant: cost('warrants', 'µs', 4100, 'ADMF: a warrant that begins or ends'),
  elementWarrant: cost('warrants', 'µs', 1200, 'each element: a warrant that begins or ends'),
  natsSip: scale(70, 'nats-server: a SIP message, laid down and read'),
  natsSmallPacket: scale(24.2, 'nats-server: a packet of 172 octets'),
  natsLargePacket: scale(35.8, 'nats-server: a packet of 1,200 octets'),
  databaseRequestKey: scale(3330, 'PostgreSQL: a REQUEST_KEY'),
  databaseGetKeys: scale(2500, 'PostgreSQL: an answer to get_keys'),
  databaseRequestKeyStatements: scale(13.3, 'PostgreSQL: statements of a REQUEST_KEY', 'statements'),
  databaseGetKeysStatements: scale(9.3, 'PostgreSQL: statements of an answer to get_keys', 'statements'),
  databaseRequestKeyCommits: scale(13, 'PostgreSQL: transactions of a REQUEST_KEY', 'transactions'),
  databaseGetKeysCommits: scale(5.4, 'PostgreSQL: transactions of an answer to get_keys', 'transactions'),
  databaseRequestKeyWal: scale(488, 'PostgreSQL: write-ahead log of a REQUEST_KEY', 'octets'),
  databaseGetKeysWal: scale(738, 'PostgreSQL: write-ahead log of an answer to get_keys', 'octets'),
  databaseRequestKeyOctets: scale(751, 'PostgreSQL: tables, of a REQUEST_KEY', 'octets'),
  databaseGetKeysOctets: scale(478, 'PostgreSQL: tables, of an answer to get_keys', 'octets'),
  requestKeyOctets: scale(160, 'a REQUEST_KEY', 'octets'),
  getKeysOctets: scale(4780, 'a question of get_keys', 'octets'),
  pduOctets: scale(149, 'a PDU of X2 or X3 beside its payload', 'octets'),
  streamOctets: scale(51, 'a PDU in its stream beside the PDU', 'octets'),
  iriOctets: scale(151, 'a PS-PDU of HI2 beside the SIP message', 'octets'),
  ccOctets: scale(128, 'a PS-PDU of HI3 beside the packet', 'octets'),
} as const satisfies Readonly<Record<string, UnitCost>>;

export type CostName = keyof typeof UNIT_COSTS;

export const COST_NAMES = Object.keys(UNIT_COSTS) as CostName[];

/** Octets of the packets that were measured. */
const SMALL = 172;
const LARGE = 1200;

/** Microseconds of a packet of so many octets. */
export function packetCost(role: 'intake' | 'mediation' | 'lemf' | 'nats', octets: number): number {
  const small = UNIT_COSTS[`${role}SmallPacket`].value;
  const large = UNIT_COSTS[`${role}LargePacket`].value;
  return Math.max(0, small + ((large - small) * (octets - SMALL)) / (LARGE - SMALL));
}

/** Octets of a unit on each of its ways, with what carries it: a SIP message, or a packet. TLS and TCP are not counted. */
export function octetsBeside({ sipOctets, packetOctets }: Parameters) {
  const { pduOctets, streamOctets, iriOctets, ccOctets } = UNIT_COSTS;
  const x2 = sipOctets + pduOctets.value;
  const x3 = packetOctets + pduOctets.value;
  return {
    ...{ x2, x3, x2Stream: x2 + streamOctets.value, x3Stream: x3 + streamOctets.value },
    iri: sipOctets + iriOctets.value,
    cc: packetOctets + ccOctets.value,
  };
}

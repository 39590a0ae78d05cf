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
    machine: '2 cores of AMD EPYC, virtual, load 0.6 when it began',
    date: '2026-12-01',
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
  kmsRequestKey: scale(29400, 'KMS on PostgreSQL: a REQUEST_KEY, two private keys'),
  kmsGetKeys: scale(10700, 'KMS on PostgreSQL: an answer to get_keys'),
  intakeSip: scale(170, 'DF intake: a SIP message'),
  intakeSmallPacket: scale(36.3, 'DF intake: a packet of 172 octets'),
  intakeLargePacket: scale(72.5, 'DF intake: a packet of 1,200 octets'),
  mediationSip: scale(780, 'DF mediation and delivery: a SIP message'),
  mediationSmallPacket: scale(150, 'DF mediation and delivery: a packet of 172 octets'),
  mediationLargePacket: scale(209, 'DF mediation and delivery: a packet of 1,200 octets'),
  dividedMediationSip: scale(1610, 'DF mediation on PostgreSQL, others deliver: a SIP message'),
  dividedMediationSmallPacket: scale(370, '… a packet of 172 octets'),
  dividedMediationLargePacket: scale(343, '… a packet of 1,200 octets'),
  deliverySip: scale(260, 'DF delivery by processes of its own: a record of a SIP message'),
  deliverySmallPacket: scale(76.2, '… a packet of 172 octets'),
  deliveryLargePacket: scale(75, '… a packet of 1,200 octets'),
  lemfSip: scale(170, 'LEMF: a record of a SIP message'),
  lemfSmallPacket: scale(60, 'LEMF: a packet of 172 octets'),
  lemfLargePacket: scale(76.3, 'LEMF: a packet of 1,200 octets'),
  admfWarrant: cost('warrants', 'µs', 4100, 'ADMF: a warrant that begins or ends'),
  elementWarrant: cost('warrants', 'µs', 1200, 'each element: a warrant that begins or ends'),
  natsSip: scale(105, 'nats-server: a SIP message, laid down and read'),
  natsSmallPacket: scale(47.5, 'nats-server: a packet of 172 octets'),
  natsLargePacket: scale(75, 'nats-server: a packet of 1,200 octets'),
  dividedNatsSip: scale(225, 'nats-server: a SIP message, and its record, where others deliver'),
  dividedNatsSmallPacket: scale(77.5, '… a packet of 172 octets'),
  dividedNatsLargePacket: scale(97.5, '… a packet of 1,200 octets'),
  databaseSip: scale(1070, 'PostgreSQL of a DF: a SIP message'),
  databaseSmallPacket: scale(268, 'PostgreSQL of a DF: a packet of 172 octets'),
  databaseLargePacket: scale(243, 'PostgreSQL of a DF: a packet of 1,200 octets'),
  databaseSipStatements: scale(10.1, 'PostgreSQL of a DF: statements of a SIP message', 'statements'),
  databasePacketStatements: scale(2.39, 'PostgreSQL of a DF: statements of a packet', 'statements'),
  databaseSipCommits: scale(1.9, 'PostgreSQL of a DF: transactions of a SIP message', 'transactions'),
  databasePacketCommits: scale(0.462, 'PostgreSQL of a DF: transactions of a packet', 'transactions'),
  databaseSipWal: scale(8530, 'PostgreSQL of a DF: write-ahead log of a SIP message', 'octets'),
  databaseSmallPacketWal: scale(
    2020,
    'PostgreSQL of a DF: write-ahead log of a packet of 172 octets',
    'octets',
  ),
  databaseLargePacketWal: scale(
    3490,
    'PostgreSQL of a DF: write-ahead log of a packet of 1,200 octets',
    'octets',
  ),
  databaseRequestKey: scale(2200, 'PostgreSQL: a REQUEST_KEY'),
  databaseGetKeys: scale(1600, 'PostgreSQL: an answer to get_keys'),
  databaseRequestKeyStatements: scale(13, 'PostgreSQL: statements of a REQUEST_KEY', 'statements'),
  databaseGetKeysStatements: scale(9.02, 'PostgreSQL: statements of an answer to get_keys', 'statements'),
  databaseRequestKeyCommits: scale(12.8, 'PostgreSQL: transactions of a REQUEST_KEY', 'transactions'),
  databaseGetKeysCommits: scale(4.3, 'PostgreSQL: transactions of an answer to get_keys', 'transactions'),
  databaseRequestKeyWal: scale(646, 'PostgreSQL: write-ahead log of a REQUEST_KEY', 'octets'),
  databaseGetKeysWal: scale(274, 'PostgreSQL: write-ahead log of an answer to get_keys', 'octets'),
  databaseRequestKeyOctets: scale(228, 'PostgreSQL: tables, of a REQUEST_KEY', 'octets'),
  databaseGetKeysOctets: scale(356, 'PostgreSQL: tables, of an answer to get_keys', 'octets'),
  requestKeyOctets: scale(160, 'a REQUEST_KEY', 'octets'),
  getKeysOctets: scale(4780, 'a question of get_keys', 'octets'),
  pduOctets: scale(149, 'a PDU of X2 or X3 beside its payload', 'octets'),
  streamOctets: scale(33.7, 'a PDU in its stream beside the PDU', 'octets'),
  handoverStreamOctets: scale(45.9, 'a PS-PDU in its stream beside the PS-PDU', 'octets'),
  iriOctets: scale(261, 'a PS-PDU of HI2 beside the SIP message', 'octets'),
  ccOctets: scale(137, 'a PS-PDU of HI3 beside the packet', 'octets'),
} as const satisfies Readonly<Record<string, UnitCost>>;

export type CostName = keyof typeof UNIT_COSTS;

export const COST_NAMES = Object.keys(UNIT_COSTS) as CostName[];

/** Octets of the packets that were measured. */
const SMALL = 172;
const LARGE = 1200;

/** What has a cost by the octets of a packet. */
export type PacketCost =
  'intake' | 'mediation' | 'dividedMediation' | 'delivery' | 'lemf' | 'nats' | 'dividedNats' | 'database';

/** Microseconds of a packet of so many octets. */
export function packetCost(role: PacketCost, octets: number): number {
  return between(UNIT_COSTS[`${role}SmallPacket`].value, UNIT_COSTS[`${role}LargePacket`].value, octets);
}

/** Octets of the write-ahead log of a packet of so many octets. */
export function packetWal(octets: number): number {
  const { databaseSmallPacketWal, databaseLargePacketWal } = UNIT_COSTS;
  return between(databaseSmallPacketWal.value, databaseLargePacketWal.value, octets);
}

/** A straight line through what was measured at two lengths. */
function between(small: number, large: number, octets: number): number {
  return Math.max(0, small + ((large - small) * (octets - SMALL)) / (LARGE - SMALL));
}

/** Octets of a unit on each of its ways, with what carries it: a SIP message, or a packet. TLS and TCP are not counted. */
export function octetsBeside({ sipOctets, packetOctets }: Parameters) {
  const { pduOctets, streamOctets, iriOctets, ccOctets, handoverStreamOctets } = UNIT_COSTS;
  const x2 = sipOctets + pduOctets.value;
  const x3 = packetOctets + pduOctets.value;
  const iri = sipOctets + iriOctets.value;
  const cc = packetOctets + ccOctets.value;
  return {
    ...{ x2, x3, x2Stream: x2 + streamOctets.value, x3Stream: x3 + streamOctets.value, iri, cc },
    ...{ iriStream: iri + handoverStreamOctets.value, ccStream: cc + handoverStreamOctets.value },
  };
}

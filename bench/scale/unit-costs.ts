/**
 * The costs of `src/capacity/unit-costs.ts` that are from a run of `bench:scale`: at the steady rate, with one process of
 * each role; of a database, what an answer takes with one KMS.
 */
import type { CostName } from '../../src/capacity/unit-costs.ts';
import type { DividedDfFigures } from './divided-df.ts';
import type { PduKind } from './df-run.ts';
import type { Figures } from './tables.ts';

/** How a cost of a kind of PDU is named: `intakeSip`, `intakeSmallPacket`. */
const KIND_NAMES = { sip: 'Sip', g711: 'SmallPacket', video: 'LargePacket' } as const;
export const MEASURED_KINDS = Object.keys(KIND_NAMES) as PduKind[];
/** Of the payload: 160 octets of G.711 in RTP, and 1,188. */
const PACKET_OCTETS = { g711: 172, video: 1200 };

/** To three digits; without those for which the run has nothing. */
export function unitCostsOf({ df, growth, kms }: Figures): Partial<Record<CostName, number>> {
  const costs: Partial<Record<CostName, number>> = {};
  const put = (name: CostName, value: number | undefined): void => {
    if (value !== undefined && Number.isFinite(value)) costs[name] = Number(value.toPrecision(3));
  };
  for (const kind of MEASURED_KINDS) {
    const of = KIND_NAMES[kind];
    const together = layoutOf(df, kind, 0, 0)?.steady.cost;
    put(`intake${of}`, together?.intake);
    put(`mediation${of}`, together?.mediation);
    put(`lemf${of}`, together?.lemf);
    put(`nats${of}`, together?.nats);
    const apart = layoutOf(df, kind, 1, 1);
    put(`dividedMediation${of}`, apart?.steady.cost.mediation);
    put(`delivery${of}`, apart?.steady.cost.delivery);
    put(`dividedNats${of}`, apart?.steady.cost.nats);
    put(`database${of}`, apart?.steady.cost.database);
    put(`database${of}Wal`, apart?.database.walOctets);
    if (kind === 'video') continue;
    const unit = kind === 'sip' ? 'Sip' : 'Packet';
    put(`database${unit}Statements`, apart?.database.statements);
    put(`database${unit}Commits`, apart?.database.transactions);
  }
  const beside = besideOf(df);
  for (const [name, octets] of Object.entries(beside) as [keyof typeof beside, number][]) put(name, octets);
  const mediated = growth.find(({ role }) => role === 'mediation');
  const record = layoutOf(df, 'sip', 0, 0)?.handedOverOctets ?? NaN;
  put('handoverStreamOctets', mediated === undefined ? undefined : mediated.laidOctets - record);
  const one = kms.find(({ processes }) => processes === 1);
  for (const [what, name] of [
    ['requestKey', 'RequestKey'],
    ['getKeys', 'GetKeys'],
  ] as const) {
    const found = one?.[what];
    put(`kms${name}`, found?.kms);
    put(`database${name}`, found === undefined ? undefined : found.database.seconds * 1e6);
    put(`database${name}Statements`, found?.database.statements);
    put(`database${name}Commits`, found?.database.transactions);
    put(`database${name}Wal`, found?.database.walOctets);
    put(`database${name}Octets`, found?.database.octets);
    put(`${what}Octets`, found?.questionOctets);
  }
  return costs;
}

function layoutOf(
  df: readonly DividedDfFigures[],
  kind: PduKind,
  mediators: number,
  deliverers: number,
): DividedDfFigures | undefined {
  return df.find(
    (each) =>
      each.kind === kind &&
      each.intakes === 1 &&
      each.mediators === mediators &&
      each.deliverers === deliverers,
  );
}

/** Octets that a unit has beside what it carries: the most of all runs. */
function besideOf(df: readonly DividedDfFigures[]) {
  const most = (octets: readonly number[]): number => (octets.length === 0 ? NaN : Math.max(...octets));
  const packets = df.flatMap((each) =>
    each.kind === 'sip' ? [] : [{ ...each, packet: PACKET_OCTETS[each.kind] }],
  );
  const pduOctets = most(packets.map((each) => each.pduOctets - each.packet));
  return {
    pduOctets,
    streamOctets: most(packets.map((each) => each.streamOctets - each.pduOctets)),
    ccOctets: most(packets.map((each) => each.handedOverOctets - each.packet)),
    iriOctets: most(
      df.flatMap((each) =>
        each.kind === 'sip' ? [each.handedOverOctets - (each.pduOctets - pduOctets)] : [],
      ),
    ),
  };
}

/** A run of `bench:scale` that is whole and can be: figures of no machine. */
import type { ScaleFigures } from '../../bench/model/reproduced.ts';
import type { Phase } from '../../bench/scale/df-run.ts';
import { FAILOVERS } from '../../bench/scale/failovers.ts';
import { WHOLE_RUN } from '../../bench/scale/plausible.ts';
import type { AnswerFigures } from '../../bench/scale/shared-kms.ts';
import type { Figures } from '../../bench/scale/tables.ts';

export type Run = Figures & ScaleFigures & { readonly loadAfter: number };

const COST = { intake: 40, mediation: 400, delivery: 40, lemf: 90, nats: 20, database: 100, source: 20 };
const DATABASE = { seconds: 0.004, statements: 13, transactions: 12, walOctets: 800, octets: 700 };

function phase(pdus: number, seconds: number): Phase {
  return { pdus, seconds, cost: COST, othersCores: 0.05, busyCores: 1.5 };
}

/** @param rate answers a second, of 30 ms each */
function answers(rate: number): AnswerFigures {
  const load = { othersCores: 0.05, busyCores: 1.5, questionOctets: 160 };
  return { rate, kms: 30_000, source: 2_000, database: DATABASE, ...load };
}

export const PLAUSIBLE: Run = {
  machine: { processor: 'X', cores: 2, load: 0.1, date: '2027-01-02' },
  loadAfter: 1,
  df: WHOLE_RUN.kinds.flatMap((kind) =>
    WHOLE_RUN.layouts.map((layout) => ({
      ...{ kind, ...layout, pduOctets: 815, streamOctets: 850, handedOverOctets: 927, database: DATABASE },
      ...{ laying: phase(5000, 0.3), draining: phase(5000, 2.5), steady: phase(2000, 4) },
    })),
  ),
  growth: [1, 2].flatMap((processes) =>
    (['intake', 'mediation', 'delivery'] as const).map((role) => ({
      ...{ ...phase(2000 * processes, 4), role, processes, share: 0.2, had: 0.2, heldUp: 0.78 },
      ...{ heldOctets: 850, laidOctets: 980, together: 0, underWay: 0, isLimit: true },
    })),
  ),
  kms: WHOLE_RUN.kms.map((processes) => ({
    ...{ processes, requestKey: answers(40), getKeys: answers(40) },
    limited: { share: 0.3, requestKey: answers(10 * processes), getKeys: answers(10 * processes) },
  })),
  takeover: { leaseMs: 2000, ms: Array.from({ length: WHOLE_RUN.kills }, () => 2500) },
  failover: FAILOVERS.map((kind) => ({ kind, leaseMs: 2000, restartMs: [400], ms: [1500, 1800] })),
};

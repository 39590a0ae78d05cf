/**
 * What a PDU costs each process of a DF that is divided, and each engine.
 *
 * At first nobody mediates: PDUs are laid down as fast as they are taken, which gives what an intake does at most and what a
 * stream keeps. Then who mediates and delivers starts with all that waits. When all have shared out what there is, as much
 * comes some times more, until code is compiled in each: the one that started first had all that waited. Then those that
 * mediate are held back while as much is laid down again, and from then on it is measured until the last has come. Then all
 * work at a steady rate, which gives what a PDU costs where little comes together.
 */
import { passed } from '../chain/runtime.ts';
import { paced } from '../chain/paced.ts';
import type { CoreShares } from './core-share.ts';
import { DfRun, phaseOf } from './df-run.ts';
import type { DfRunSetting, PduKind, Phase } from './df-run.ts';
import { workBetween } from './engines.ts';
import type { DatabaseWork, MeasuredDatabase } from './engines.ts';
import { inWords } from './layout.ts';
import type { Layout } from './layout.ts';

/** At the steady rate what comes within this time is written in one piece; a point of interception gathers for 100 ms. */
const GATHERED_MS = 10;
const LEASE_MS = 2_000;
/** In this time what LEMFs have acknowledged leaves the outbox. */
const SETTLED_MS = 1_000;
/** Of a core, that each mediator may have while PDUs are laid down: as much as leases need. */
const HELD_BACK = 0.1;
/** Times that as much as is measured comes before, when all have shared out what there is. */
const WARM_UPS = 3;
/** How many times as many PDUs of a kind are laid down as SIP messages, which take longer. */
const MORE: Readonly<Record<PduKind, number>> = { sip: 1, g711: 3, video: 2 };

export interface DividedDfSetting extends Layout, Pick<DfRunSetting, 'folder' | 'tls' | 'kind'> {
  readonly shares: CoreShares;
  /** For mediators. */
  readonly database: MeasuredDatabase;
  /** SIP messages, or so many times as many packets, for each intake that come as fast as they are taken; half as many before, while code is compiled. */
  readonly flood: number;
  /** PDUs a second, gathered, and for so long. */
  readonly rate: number;
  readonly seconds: number;
  readonly progress: (text: string) => void;
}

export interface DividedDfFigures extends Layout {
  readonly kind: PduKind;
  /** Octets of a PDU as it came, in its stream, and as the LEMF has it. */
  readonly pduOctets: number;
  readonly streamOctets: number;
  readonly handedOverOctets: number;
  /** Laid down as fast as they are taken, while nobody mediates. */
  readonly laying: Phase;
  /** From the streams to the LEMF's file, as fast as it goes. */
  readonly draining: Phase;
  /** All of the way, at a steady rate. */
  readonly steady: Phase;
  /** What a PDU took of the database then. */
  readonly database: DatabaseWork;
}

export async function measureDividedDf(setting: DividedDfSetting): Promise<DividedDfFigures> {
  const { folder, tls, kind, intakes, mediators, deliverers, rate, seconds, shares, progress } = setting;
  const flood = setting.flood * MORE[kind];
  const run = await DfRun.start({
    ...{ folder, tls, kind, leaseMs: LEASE_MS, isDeliveryApart: deliverers > 0 },
    ...{ name: `bench-${kind}-${intakes}-${mediators}-${deliverers}` },
    database: mediators > 0 ? setting.database : null,
  });
  try {
    const what = `${kind}, ${inWords(setting)}`;
    progress(`${what}: warming up`);
    for (let n = 0; n < intakes; n++) await run.add('intake');
    await run.flood((intakes * flood) / 2);
    progress(`${what}: ${intakes * flood} PDUs, as fast as they are taken`);
    const begun = run.look();
    await run.flood(intakes * flood);
    const laid = run.look();
    const kept = await run.waitingFor('mediation');
    progress(`${what}: what waits is mediated`);
    const waiting = run.sent;
    for (let n = 0; n < deliverers; n++) await run.add('delivery');
    for (let n = 0; n < Math.max(1, mediators); n++) await run.add('mediation');
    await run.arrived();
    // Until they have shared out what there is.
    if (mediators > 1) await passed(LEASE_MS);
    progress(`${what}: until code is compiled in each`);
    for (let n = 0; n < WARM_UPS; n++) {
      await run.flood(intakes * flood);
      await run.arrived();
    }
    progress(`${what}: ${intakes * flood} PDUs, mediated as fast as it goes`);
    await shares.hold(run.pids('mediation').map((pid) => ({ pid, share: HELD_BACK })));
    await run.flood(intakes * flood);
    await shares.free();
    const mediating = run.look();
    await run.arrived();
    const drained = run.look();
    progress(`${what}: ${rate} a second for ${seconds} s`);
    // What was acknowledged leaves the outbox.
    await passed(SETTLED_MS);
    const before = run.sent;
    const keptBefore = await setting.database.kept();
    const [workBefore, steady] = [await setting.database.work(), run.look()];
    const each = Math.max(1, Math.round((rate * GATHERED_MS) / 1000));
    await paced(rate / each, seconds, () => {
      for (let n = 0; n < each; n++) run.next();
      run.write();
    });
    await run.settled();
    await run.arrived();
    const arrived = run.look();
    const workAfter = await setting.database.work();
    await passed(SETTLED_MS);
    const rows = [keptBefore, await setting.database.kept()] as const;
    const pdus = run.sent - before;
    const [pduOctets, handedOverOctets] = run.octets;
    return {
      ...{ kind, intakes, mediators, deliverers, pduOctets, handedOverOctets },
      streamOctets: kept / waiting,
      laying: phaseOf(begun, laid, intakes * flood),
      draining: phaseOf(mediating, drained, drained.came - mediating.came),
      steady: phaseOf(steady, arrived, pdus),
      database: workBetween(workBefore, workAfter, pdus, rows),
    };
  } finally {
    await shares.free();
    await run.stop();
  }
}

/** Which measurement gives which figures, and their order. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { messageOf } from '../../src/bytes/errors.ts';
import { quantile } from '../statistics.ts';
import { measureCallMemory } from './call-memory.ts';
import { measureCalls } from './calls.ts';
import { measureContent } from './content.ts';
import type { ContentKind } from './content.ts';
import type { ChainTls } from './delivery-chain.ts';
import { measureGateway } from './gateway.ts';
import { getKeysCost } from './get-keys.ts';
import { measureReception, storeContent } from './recovering-lemf.ts';
import { measureSignalling } from './signalling.ts';
import type { PhoneProtocol } from './sip-phones.ts';
import type { FigureName, Found } from './table.ts';

export interface Setting {
  /** On a disk. */
  readonly folder: string;
  readonly tls: ChainTls;
  /** Of each load. */
  readonly seconds: number;
  readonly progress: (text: string) => void;
}

interface Measurement {
  readonly names: readonly FigureName[];
  /** @param folder of its own. @param only of `names`, which are wanted */
  readonly run: (
    setting: Setting,
    only: ReadonlySet<FigureName>,
  ) => Promise<Partial<Record<FigureName, Found>>>;
}

/** Octets that a LEMF recovers while it receives. */
const STORED = 200e6;
const ACKNOWLEDGEMENTS_A_SECOND = 50;
const KB = 1024;

/** About what a core gives. */
const ANSWERS_A_SECOND = 60;

const MEASUREMENTS: readonly Measurement[] = [
  {
    names: ['dfSip', 'dfSipDelivered', 'recordP99Ms'],
    run: async ({ folder, tls, seconds, progress }, only) => {
      const wants = { cost: only.has('dfSip') || only.has('dfSipDelivered'), times: only.has('recordP99Ms') };
      const { notes, ...figures } = await measureSignalling(folder, tls, seconds, wants, progress);
      return {
        dfSip: { value: figures.dfSip, notes },
        dfSipDelivered: { value: figures.dfSipDelivered },
        recordP99Ms: { value: figures.recordP99Ms, notes },
      };
    },
  },
  contentMeasurement('dfG711', 'g711'),
  contentMeasurement('dfVideo', 'video'),
  {
    names: ['heapPerCallKb', 'heapPerEndedCallKb'],
    run: async ({ folder, tls, progress }) => {
      const { up, silent, ended } = await measureCallMemory(folder, tls, progress);
      const notes = { heapPerSilentCallKb: silent / KB };
      return { heapPerCallKb: { value: up / KB, notes }, heapPerEndedCallKb: { value: ended / KB } };
    },
  },
  {
    names: ['lemfWaitMs'],
    run: async ({ folder, tls, seconds, progress }) => {
      progress('LEMF: what it recovers is written');
      const stored = path.join(folder, 'stored');
      storeContent(stored, STORED);
      progress('LEMF: recovering');
      const [acknowledgements, everyMs] = [
        seconds * ACKNOWLEDGEMENTS_A_SECOND,
        1000 / ACKNOWLEDGEMENTS_A_SECOND,
      ];
      const load = { acknowledgements, everyMs };
      const { times } = await measureReception(folder, stored, 'recovering', tls, load);
      const [lemfP50Ms, lemfP99Ms] = [quantile(times, 0.5), quantile(times, 0.99)];
      const notes = { lemfP50Ms, lemfP99Ms, lemfAcknowledgements: times.length };
      return { lemfWaitMs: { value: quantile(times, 1), notes } };
    },
  },
  {
    names: ['getKeysCpu'],
    run: async ({ folder, seconds, progress }) => {
      progress('get_keys: over TLS, and by the engine alone');
      const load = { answers: Math.round(seconds * ANSWERS_A_SECOND), atOnce: 8 };
      const found = await getKeysCost(folder, load);
      const { ratio, kmsMs: getKeysMs, engineMs: getKeysEngineMs, warmUp: getKeysWarmUp } = found;
      const [getKeysLow, getKeysHigh] = found.spread;
      const notes = { getKeysMs, getKeysEngineMs, getKeysWarmUp, getKeysLow, getKeysHigh };
      return { getKeysCpu: { value: ratio, notes } };
    },
  },
  {
    names: ['gateway', 'gatewayX3'],
    run: ({ folder, tls, seconds, progress }) => measureGateway(folder, tls, seconds, progress),
  },
  callsMeasurement('cscfUdp', 'UDP'),
  callsMeasurement('cscfTcp', 'TCP'),
];

function contentMeasurement(name: FigureName, kind: ContentKind): Measurement {
  return {
    names: [name],
    run: async ({ folder, tls, seconds, progress }) => {
      const { units, notes } = await measureContent(folder, tls, seconds, kind, progress);
      return { [name]: { value: units, notes } };
    },
  };
}

function callsMeasurement(name: FigureName, protocol: PhoneProtocol): Measurement {
  return {
    names: [name],
    run: async ({ folder, tls, seconds, progress }) => ({
      [name]: await measureCalls(folder, tls.cscf, seconds, protocol, progress),
    }),
  };
}

/** The figures that are wanted, as they are found. What fails, or has no measurement, is `null`, and the others go on. */
export async function* measured(
  only: ReadonlySet<FigureName>,
  setting: Setting,
): AsyncGenerator<readonly [FigureName, Found]> {
  for (const [at, { names, run }] of MEASUREMENTS.entries()) {
    const these = names.filter((name) => only.has(name));
    if (these.length === 0) continue;
    const folder = path.join(setting.folder, String(at));
    mkdirSync(folder);
    let found: Partial<Record<FigureName, Found>> = {};
    let reason = 'it is not measured yet';
    try {
      found = await run({ ...setting, folder }, only);
    } catch (error) {
      reason = messageOf(error);
    }
    for (const name of these) yield [name, found[name] ?? { value: null, reason }];
  }
  const known = new Set(MEASUREMENTS.flatMap(({ names }) => names));
  for (const name of only)
    if (!known.has(name)) yield [name, { value: null, reason: 'this benchmark does not measure it yet' }];
}

/**
 * `npm run bench:call-memory`: what a delivery function has in memory (heapUsed and external, after a collection) for each
 * call with keys: when all have just been set up, when nothing was said in them for ten seconds, while content of each
 * comes, and ten seconds after their ends. The mediation is in this process, its store on the disk.
 *
 *     node bench/start.js call-memory [--calls 5000] [--json]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { KeyRequests } from '../src/entities/df/key-requests.ts';
import { Mediation } from '../src/entities/df/mediation.ts';
import { SqliteDfStore } from '../src/entities/df/store/sqlite.ts';
import type { Step } from '../test/entities/df/support.ts';
import { encodeForTest, Issues, START, task, Tasks } from '../test/entities/df/support.ts';
import { TestKms, TestPoi, XID } from '../test/entities/df/support.ts';
import { ManualClock } from '../test/support/manual-clock.ts';
import { hangUp, legOf, setUp } from './chain/keyed-calls.ts';

const { values } = parseArgs({
  options: { calls: { type: 'string', default: '5000' }, json: { type: 'boolean', default: false } },
});
const CALLS = Number(values.calls);
const AT_ONCE = 50;
const WARM_UP = 300;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function octetsInUse(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const ignore = (): void => undefined;
const logger = { debug: ignore, info: ignore, warn: ignore, error: console.error };
const folder = mkdtempSync(path.join(tmpdir(), 'claviger-call-memory-'));
const clock = new ManualClock(START);
const store = await SqliteDfStore.open(path.join(folder, 'df.db'));
const tasks = new Tasks(task(XID, 'LIID-1'));
const kms = new TestKms();
let requests: KeyRequests | null = null;
const mediation = await Mediation.open(
  {
    ...{ store, tasks, warrants: tasks, encode: encodeForTest, issues: new Issues(), clock, logger },
  },
  (session, question) => requests?.start(session, question),
);
requests = new KeyRequests(mediation, kms, { clock, logger });

/** The same of calls from `begin` on, so many calls at a time, and `ms` between them. */
async function inEach(
  steps: (at: number) => readonly Step[],
  { packets = 0, ms = 250, begin = 0, end = CALLS } = {},
): Promise<void> {
  // It numbers from 0, as one that was restarted does: what it remembers of calls is not the DF's.
  const poi = new TestPoi(clock);
  for (let first = begin; first < end; first += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, end - first) }, (_, n) => first + n);
    const pdus = some.flatMap((at) => {
      const { callId } = legOf(at);
      const content = Array.from({ length: packets }, () =>
        poi.x3(new Uint8Array(172), undefined, XID, callId),
      );
      return [...steps(at).map((step) => poi.x2(step, XID, callId)), ...content];
    });
    await mediation.accept(pdus);
    await clock.pass(ms);
    kms.asked.length = 0;
  }
}

// What is there once, whatever the number of calls: machine code, statements.
const warm = { begin: CALLS, end: CALLS + WARM_UP };
await inEach(setUp, { ...warm, packets: 2 });
await inEach(hangUp, warm);
await clock.pass(10_000);

const figures: [string, number][] = [];
const before = octetsInUse();
function note(what: string): void {
  figures.push([what, (octetsInUse() - before) / CALLS / 1024]);
}

await inEach(setUp);
note(`up, all set up within ${(CALLS / AT_ONCE) * 0.25} s`);
await clock.pass(10_000);
note('up, nothing said for 10 s');
await inEach(() => [], { packets: 2, ms: 10 });
note('up, with content');
await inEach(hangUp);
await clock.pass(10_000);
note('ended, after 10 s');
if (values.json) console.log(JSON.stringify({ calls: CALLS, kB: Object.fromEntries(figures) }));
else for (const [what, kB] of figures) console.log(`${what.padEnd(40)} ${kB.toFixed(2)} kB a call`);
await requests.stop();
await mediation.stop();
await store.close();
rmSync(folder, { recursive: true });

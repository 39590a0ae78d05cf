/**
 * `npm run flood -- [--only R-70] [--strength N] [--list]`: attacks a network of processes on loopback, one case after
 * the other, each of bounded size. Prints what held; ends with 0 only if all did.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/bytes/errors.ts';
import { buildOnce } from '../support/cli.ts';
import { FloodedNetwork } from './flooded-network.ts';
import { INTERCEPTION_CASES } from './interception-cases.ts';
import { OTHER_CASES } from './other-cases.ts';
import { SIGNALLING_CASES } from './signalling-cases.ts';

const USAGE = `usage: npm run flood -- [--only R-70] [--strength N] [--list]

  --only REQUIREMENT   the cases of one requirement
  --strength N         N times the size of each attack (1 to 100)
  --list               say which cases there are`;

/** Failures that nobody waited for: of the case in which they come to light. */
class Strays {
  #reason: unknown = null;

  constructor() {
    process.on('unhandledRejection', (reason) => (this.#reason ??= reason ?? 'a failure without a reason'));
  }

  /** Gives `what`. @throws the first since the last time */
  none(what: string): string {
    const reason = this.#reason;
    this.#reason = null;
    if (reason !== null) throw new Error(`besides: ${messageOf(reason)}`);
    return what;
  }
}

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    strength: { type: 'string', default: '1' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const strength = Number(values.strength);
const all = [...SIGNALLING_CASES, ...INTERCEPTION_CASES, ...OTHER_CASES];
const cases = all.filter(({ requirement }) => values.only === undefined || requirement === values.only);

if (values.help) console.log(USAGE);
else if (!(strength >= 1 && strength <= 100) || cases.length === 0) {
  console.error(USAGE);
  process.exitCode = 2;
} else if (values.list) for (const { requirement, attack } of cases) console.log(`${requirement}  ${attack}`);
else process.exitCode = (await flood()) ? 0 : 1;

async function flood(): Promise<boolean> {
  const strays = new Strays();
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-flood-'));
  let network: FloodedNetwork | null = null;
  let held = 0;
  try {
    await buildOnce();
    console.log('two homes start, each entity a process');
    network = await FloodedNetwork.start(folder);
    console.log('a call of the target is intercepted; now the floods\n');
    for (const { requirement, attack, run } of cases) {
      const began = performance.now();
      const result = await run(network, strength)
        .then((what) => strays.none(what))
        .then(
          (what) => ({ held: true, what }),
          (error: unknown) => ({ held: false, what: messageOf(error) }),
        );
      if (result.held) held++;
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      console.log(
        `${result.held ? 'held ' : 'FELL '} ${requirement}  ${attack}\n             ${result.what} (${seconds} s)`,
      );
    }
  } catch (error) {
    console.log(`the network could not be flooded: ${messageOf(error)}`);
  } finally {
    await network?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`\n${held} of ${cases.length} held`);
  return held === cases.length;
}

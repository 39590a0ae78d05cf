/** `claviger demo`: the whole network on loopback, a real call, a warrant, the recovered audio. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { LogLevel } from '../../host/log.ts';
import { FAULT_NAMES } from '../../lab/scenarios/faults.ts';
import type { DemoReport } from '../../lab/scenarios/report.ts';
import type { DemoTarget } from '../../lab/scenarios/scenario.ts';
import { renderEntry } from '../../lab/timeline.ts';
import { CliError } from '../failure.ts';

interface DemoFlags {
  readonly out: string;
  readonly target: DemoTarget;
  readonly fault: readonly string[];
  readonly from?: number;
  readonly to?: number;
  readonly revealSecrets?: true;
  readonly seed?: string;
  readonly portBase?: number;
  readonly processes?: true;
  readonly json?: true;
  readonly log: LogLevel;
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('run the whole network on loopback: a call, a warrant, the recovered audio')
    .option('--out <folder>', 'where everything that the run leaves goes', 'demo-out')
    .addOption(
      new Option('--target <who>', 'who is intercepted')
        .choices(['alice', 'bob', 'both', 'none'])
        .default('alice'),
    )
    .option('--fault <names...>', `what goes wrong: ${FAULT_NAMES.join(', ')}`, [])
    .option('--from <ms>', 'when entities go down, milliseconds from dialling (default: before)', whole)
    .option('--to <ms>', 'when they come back (default: after the call)', whole)
    .option('--reveal-secrets', "write the KMSs' secrets and the exchanges over Xk, keys in the clear")
    .option(
      '--seed <text>',
      'take time and randomness of signalling and media from a seed: a reproducible run, not a secret one',
    )
    .option('--port-base <port>', 'first of the ports on 127.0.0.1 (default: any free block)', whole)
    .option('--processes', 'run each entity as a process of its own; not with --seed')
    .option('--json', 'print report.json instead of the timeline')
    .addOption(
      new Option('--log <level>', 'what the entities log')
        .choices(['silent', 'error', 'warn', 'info', 'debug'])
        .default('silent'),
    )
    .addHelpText('after', EXAMPLES)
    .action(demo);
}

const EXAMPLES = `
alice@home1.example calls bob@home2.example. Every reference point but HI1 is a real socket on 127.0.0.1.
Ends with 0 if every check passed, with 1 if not. With --processes the twelve entities are processes
of their own, which end with the demo; the phones are in the demo's own process, since what they hear
is what is checked. If one of the twelve ends by itself, so does the demo, and says which.

Examples:
  $ claviger demo
  $ claviger demo --target both --out both
  $ claviger demo --processes
  $ claviger demo --fault ue-ignores-seed=alice
  $ claviger demo --fault lemf-down=home1 --from 2000 --to 5000`;

async function demo(flags: DemoFlags): Promise<void> {
  if (flags.from !== undefined && flags.to !== undefined && flags.from >= flags.to) {
    throw new CliError('usage', '--from must be before --to');
  }
  const quiet = flags.json === true;
  const { runDemo } = await import('../../lab/scenarios/demo.ts');
  const { out, target, fault, from, to, seed, portBase, log } = flags;
  const report = await runDemo({
    out,
    target,
    faults: fault,
    revealSecrets: flags.revealSecrets === true,
    log,
    processes: flags.processes === true,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(seed === undefined ? {} : { seed }),
    ...(portBase === undefined ? {} : { portBase }),
    ...(quiet ? {} : { watch: (entry) => process.stdout.write(renderEntry(entry) + '\n') }),
  });
  process.stdout.write(quiet ? JSON.stringify(report, null, 2) + '\n' : conclusion(report, flags));
  if (!report.passed) throw new CliError('failed', 'a check failed', `${out}/report.json has the details.`);
}

/** What was recovered, and how it was checked. */
function conclusion(report: DemoReport, { out, revealSecrets }: DemoFlags): string {
  const lines = ['', 'What was checked'];
  for (const { name, passed, detail } of report.checks)
    lines.push(`  ${passed ? 'ok    ' : 'FAILED'}  ${name}: ${detail}`);
  lines.push('', 'What it left');
  for (const call of report.calls) {
    const keys = call.millisecondsToKeyRecord;
    if (keys !== null)
      lines.push(
        `  keys at the LEMF ${keys} ms after I_MESSAGE_2 (target ${String(call.target)}, ${String(call.role)})`,
      );
  }
  const recovered = report.calls.some(({ recovery }) => recovery.some(({ recovered: done }) => done));
  const left = ['report.json', 'signalling/', 'spoken-*.wav', ...(recovered ? ['recovered-*.wav'] : [])];
  lines.push(`  ${out}/  ${[...left, 'home1/', 'home2/'].join(', ')}`);
  if (revealSecrets === true) lines.push('  secrets and keys in the clear: secrets.json, xk/ of each home');
  return [...lines, ''].join('\n');
}

function whole(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('a whole number is expected');
  return Number(text);
}

/** `claviger demo`: the whole network on loopback, a real call, a warrant, the recovered audio. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { LogLevel } from '../../host/log.ts';
import { FAULT_NAMES } from '../../lab/scenarios/faults.ts';
import type { DemoReport } from '../../lab/scenarios/report.ts';
import type { DemoTarget } from '../../lab/scenarios/scenario.ts';
import { renderEntry, renderLines, wrapped } from '../../lab/timeline.ts';
import type { TimelineEntry } from '../../lab/timeline.ts';
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
  readonly ipv6?: true;
  readonly sipTls?: true;
  readonly json?: true;
  readonly quiet?: true;
  readonly verbose?: true;
  readonly pcap?: string;
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
    .option('--port-base <port>', 'first of the ports on loopback (default: any free block)', whole)
    .option('--ipv6', 'on ::1 instead of 127.0.0.1')
    .option('--sip-tls', 'SIP over TLS, of phones and between homes')
    .option('--processes', 'run each entity as a process of its own; not with --seed or --pcap')
    .addOption(
      new Option('--json', 'print report.json instead of the timeline').conflicts(['quiet', 'verbose']),
    )
    .addOption(
      new Option('-q, --quiet', 'print no timeline, and of the checks only those that failed').conflicts(
        'verbose',
      ),
    )
    .option('-v, --verbose', 'tell of each packet on X3 too, and each in one line however long')
    .option('--pcap <file>', 'write a capture of SIP, media, X2, X3, HI2 and HI3, these within TLS')
    .addOption(
      new Option('--log <level>', 'what the entities log')
        .choices(['silent', 'error', 'warn', 'info', 'debug'])
        .default('silent'),
    )
    .addHelpText('after', EXAMPLES)
    .action(demo);
}

const EXAMPLES = `
alice@home1.example calls bob@home2.example. Every reference point but HI1 is a real socket on 127.0.0.1,
or with --ipv6 on ::1.
Ends with 0 if every check passed, with 1 if not. With --processes the twelve entities are processes
of their own, which end with the demo; the phones are in the demo's own process, since what they hear
is what is checked. If one of the twelve ends by itself, so does the demo, and says which.

The capture of --pcap is for Wireshark: what TLS carries is in it as it is within TLS, one PDU a
TCP segment, from and to the ports in use. --verbose says which these are.

Examples:
  $ claviger demo
  $ claviger demo --quiet --pcap call.pcap
  $ claviger demo --target both --out both
  $ claviger demo --processes
  $ claviger demo --ipv6 --sip-tls
  $ claviger demo --fault ue-ignores-seed=alice
  $ claviger demo --fault lemf-down=home1 --from 2000 --to 5000`;

async function demo(flags: DemoFlags): Promise<void> {
  if (flags.from !== undefined && flags.to !== undefined && flags.from >= flags.to) {
    throw new CliError('usage', '--from must be before --to');
  }
  const json = flags.json === true;
  const { runDemo } = await import('../../lab/scenarios/demo.ts');
  const { out, target, fault, from, to, seed, portBase, pcap, log } = flags;
  const verbose = flags.verbose === true;
  const render = verbose ? renderEntry : (entry: TimelineEntry) => renderLines(entry).join('\n');
  const report = await runDemo({
    out,
    target,
    faults: fault,
    revealSecrets: flags.revealSecrets === true,
    log,
    processes: flags.processes === true,
    verbose,
    ...(pcap === undefined ? {} : { pcap }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(seed === undefined ? {} : { seed }),
    ...(portBase === undefined ? {} : { portBase }),
    ...(json || flags.quiet === true ? {} : { watch: (entry) => process.stdout.write(render(entry) + '\n') }),
    ...(flags.ipv6 === undefined ? {} : { ipv6: flags.ipv6 }),
    ...(flags.sipTls === undefined ? {} : { sipTls: flags.sipTls }),
  });
  if (json) process.stdout.write(JSON.stringify(report, null, 2) + '\n');
  else process.stdout.write(flags.quiet === true ? outcome(report, flags) : conclusion(report, flags));
  if (!report.passed) throw new CliError('failed', 'a check failed', `${out}/report.json has the details.`);
}

/** Whether it went well, and what did not. */
function outcome({ checks }: DemoReport, { out }: DemoFlags): string {
  const failed = checks.filter(({ passed }) => !passed);
  const lines = failed.flatMap((check) => checkLines(check, true));
  return [
    ...lines,
    `${checks.length - failed.length} of ${checks.length} checks passed; see ${out}`,
    '',
  ].join('\n');
}

/** What was recovered, and how it was checked. */
function conclusion(report: DemoReport, { out, revealSecrets, verbose, pcap }: DemoFlags): string {
  const lines = ['', 'What was checked'];
  for (const check of report.checks) lines.push(...checkLines(check, verbose !== true));
  lines.push('', 'What it left');
  for (const call of report.calls) {
    const keys = call.millisecondsToKeyRecord;
    if (keys !== null)
      lines.push(
        `  keys at the LEMF ${keys} ms after I_MESSAGE_2`,
        `    (target ${String(call.target)}, ${String(call.role)})`,
      );
  }
  const recovered = report.calls.some(({ recovery }) => recovery.some(({ recovered: done }) => done));
  const left = ['report.json', 'signalling/', 'spoken-*.wav', ...(recovered ? ['recovered-*.wav'] : [])];
  lines.push(`  ${out}/`, `    ${[...left, 'home1/', 'home2/'].join(', ')}`);
  if (revealSecrets === true) lines.push('  secrets and keys in the clear: secrets.json, xk/ of each home');
  if (pcap !== undefined) lines.push(`  capture: ${pcap}`);
  return [...lines, ''].join('\n');
}

/** `  ok      NAME: DETAIL`, in lines that fit a terminal where that is asked for. */
function checkLines({ name, passed, detail }: DemoReport['checks'][number], fitting: boolean): string[] {
  const mark = `  ${passed ? 'ok    ' : 'FAILED'}  `;
  const text = `${name}: ${detail}`;
  if (!fitting) return [mark + text];
  const [first = '', ...others] = wrapped(text, ' '.repeat(mark.length));
  return [mark + first.trimStart(), ...others];
}

function whole(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('a whole number is expected');
  return Number(text);
}

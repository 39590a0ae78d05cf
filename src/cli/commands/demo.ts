/** `claviger demo`: the whole network on loopback, a real call, a warrant, the recovered audio. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { LogLevel } from '../../host/log.ts';
import { FAULT_NAMES } from '../../lab/scenarios/faults.ts';
import type { StayingNetwork } from '../../lab/scenarios/demo.ts';
import type { DemoReport } from '../../lab/scenarios/report.ts';
import type { DemoOptions } from '../../lab/scenarios/scenario.ts';
import { DEFAULT_SCENARIO, SCENARIOS, scenarioNamed, targetsOf } from '../../lab/scenarios/catalogue.ts';
import { renderEntry, renderLines, wrapped } from '../../lab/timeline.ts';
import type { TimelineEntry } from '../../lab/timeline.ts';
import { CliError } from '../failure.ts';

interface DemoFlags {
  readonly out: string;
  readonly scenario: string;
  readonly target?: string;
  readonly seconds?: number;
  readonly fault: readonly string[];
  readonly from?: number;
  readonly to?: number;
  readonly revealSecrets?: true;
  readonly seed?: string;
  readonly portBase?: number;
  readonly processes?: true;
  readonly ipv6?: true;
  readonly sipTls?: true;
  readonly console?: true;
  readonly open: boolean;
  readonly json?: true;
  readonly quiet?: true;
  readonly verbose?: true;
  readonly pcap?: string;
  readonly log: LogLevel;
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('run the whole network on loopback: a call, a warrant, the recovered audio')
    .addOption(scenarioOption())
    .option('--out <folder>', 'where everything that the run leaves goes', 'demo-out')
    .addOption(
      new Option('--target <who>', 'who is intercepted (default: the first that the scenario has)').choices([
        ...new Set(SCENARIOS.flatMap(({ targets }) => targets)),
      ]),
    )
    .option('--seconds <n>', 'speak so many seconds of the recordings (default: all)', whole)
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
      new Option('--console', 'leave the network up, and print links to its console').conflicts([
        ...['json', 'processes', 'seed'],
      ]),
    )
    .option('--no-open', 'with --console, open no browser')
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
    .addHelpText('after', scenarioList() + EXAMPLES)
    .action(demo);
}

/** Refused with a hint by whoever looks the name up, not by the parser; known to completion all the same. */
function scenarioOption(): Option {
  const option = new Option('--scenario <name>', 'what happens: one of those below').default(
    DEFAULT_SCENARIO,
  );
  option.argChoices = SCENARIOS.map(({ name }) => name);
  return option;
}

/** A line of help for each scenario, and one for its targets. */
function scenarioList(): string {
  const width = Math.max(...SCENARIOS.map(({ name }) => name.length));
  const lines = SCENARIOS.flatMap(({ name, summary, targets }) => [
    `  ${name.padEnd(width)}  ${summary}`,
    `  ${' '.repeat(width)}  --target ${targets.join(', ')}`,
  ]);
  return ['', 'Scenarios:', ...lines, ''].join('\n');
}

const EXAMPLES = `
Users of home1 and home2, such as alice@home1.example and bob@home2.example. Every reference point
but HI1 is a real socket on 127.0.0.1, or with --ipv6 on ::1.
Ends with 0 if every check passed, with 1 if not. With --processes the twelve entities are processes
of their own, which end with the demo; the phones are in the demo's own process, since what they hear
is what is checked. If one of the twelve ends by itself, so does the demo, and says which.

With --console the network stays up after the demo until Ctrl-C, with two officers, an auditor, an
operator and an analyst at each home: their links open the console, each in one browser. The first
is opened at once where the command prints to a terminal of a desktop (by xdg-open or open), unless
--no-open is given. Phones call again from its view Laboratory; a warrant is entered by one officer
and approved by another, and what came of it is seen and heard as the analyst.

The capture of --pcap is for Wireshark: what TLS carries is in it as it is within TLS, one PDU a
TCP segment, from and to the ports in use. --verbose says which these are.

Examples:
  $ claviger demo
  $ claviger demo --scenario plain --target bob --seconds 2
  $ claviger demo --quiet --pcap call.pcap
  $ claviger demo --target both --out both
  $ claviger demo --processes
  $ claviger demo --console
  $ claviger demo --ipv6 --sip-tls
  $ claviger demo --fault ue-ignores-seed=alice
  $ claviger demo --fault lemf-down=home1 --from 2000 --to 5000`;

async function demo(flags: DemoFlags): Promise<void> {
  if (flags.from !== undefined && flags.to !== undefined && flags.from >= flags.to) {
    throw new CliError('usage', '--from must be before --to');
  }
  targetsOf(scenarioNamed(flags.scenario), flags.target);
  const json = flags.json === true;
  const { runDemo } = await import('../../lab/scenarios/demo.ts');
  const { out, scenario, target, seconds, fault, from, to, seed, portBase, pcap, log } = flags;
  const verbose = flags.verbose === true;
  const render = verbose ? renderEntry : (entry: TimelineEntry) => renderLines(entry).join('\n');
  const stay = async (done: DemoReport, network: StayingNetwork): Promise<void> => {
    process.stdout.write(flags.quiet === true ? outcome(done, flags) : conclusion(done, flags));
    const { stayWithConsole } = await import('../demo-console.ts');
    await stayWithConsole(network, { opens: flags.open });
  };
  const order: DemoOptions = {
    out,
    scenario,
    ...(target === undefined ? {} : { target }),
    ...(seconds === undefined ? {} : { seconds }),
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
    ...(flags.console === true
      ? { exporter: (await import('../workbench/export-thread.ts')).threadExporter }
      : {}),
  };
  const report = await runDemo(order, undefined, flags.console === true ? stay : undefined);
  if (json) process.stdout.write(JSON.stringify(report, null, 2) + '\n');
  else if (flags.console !== true)
    process.stdout.write(flags.quiet === true ? outcome(report, flags) : conclusion(report, flags));
  if (!report.passed) throw new CliError('failed', 'a check failed', `${out}/report.json has the details.`);
}

/** Whether it went well, and what did not. */
function outcome({ checks }: DemoReport, { out }: DemoFlags): string {
  const failed = checks.filter(({ passed }) => !passed);
  const lines = failed.flatMap((check) => checkLines(check, true));
  return [
    ...lines,
    `${checks.length - failed.length} of ${checks.length} checks passed; see ${out}/report.html`,
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
  const left = [
    'report.html',
    'report.json',
    'signalling/',
    'spoken-*.wav',
    ...(recovered ? ['recovered-*.wav'] : []),
  ];
  lines.push(`  ${out}/`, ...wrapped([...left, 'home1/', 'home2/'].join(', '), '    '));
  if (revealSecrets === true) lines.push('  secrets and keys in the clear: secrets.json, xk/ of each home');
  if (pcap !== undefined) lines.push(`  capture: ${pcap}`);
  lines.push('', 'To be seen and heard in a browser', `  ${out}/report.html`);
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

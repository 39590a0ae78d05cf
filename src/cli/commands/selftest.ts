/** `claviger selftest`: a call under a test warrant in a network that runs, and which link of it is broken. */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { officerConfig } from '../../entities/admf/config-officer.ts';
import type { OfficerConfig } from '../../entities/admf/config-officer.ts';
import { readConfigFile, readSecretFile } from '../../host/config.ts';
import { pinoLogger } from '../../host/log.ts';
import { systemClock, systemRandom } from '../../host/runtime.ts';
import type { JudgedLink } from '../../lab/selftest/judge.ts';
import type { Inspectors } from '../../lab/selftest/self-test.ts';
import { CliError } from '../failure.ts';
import { OfficerApi } from '../officer/api.ts';
import { lemfOption } from '../officer/options.ts';
import type { AskedNetwork } from '../selftest-network.ts';
import { harmless } from '../terminal.ts';

interface SelfTestFlags {
  readonly caller?: string;
  readonly callee?: string;
  readonly officer?: string;
  readonly approver?: string;
  readonly admf?: string;
  readonly df?: string;
  readonly lemf?: string;
  readonly deliverTo?: string;
  readonly wait: number;
  readonly json?: true;
}

/** Who does what, by configuration. */
interface Cast {
  readonly caller: string;
  readonly callee: string;
  readonly officer: string;
  readonly approver: string | null;
  readonly lemf: string | null;
  readonly asked: Omit<AskedNetwork, 'lemfs'>;
}

export function selftestCommand(): Command {
  return new Command('selftest')
    .description('call between two test subscribers under a test warrant, and name the link that is broken')
    .argument('[lab]', 'a laboratory that `claviger init` made and `claviger up` runs')
    .option('--caller <file>', 'configuration of the phone that calls, and is the target of the test warrant')
    .option('--callee <file>', 'configuration of the phone that is called')
    .option('--officer <file>', 'configuration of the officer who enters and withdraws the warrant')
    .option(
      '--approver <file>',
      'configuration of the officer who approves it, unless the ADMF wants but one',
    )
    .option('--admf <file>', 'configuration of the ADMF, if it runs here: it says which elements are away')
    .option('--df <file>', 'configuration of the DF, if it runs here: it says what it has received')
    .option('--lemf <file>', 'configuration of the LEMF, if it runs here: what it has received is recovered')
    .option(
      '--deliver-to <address>',
      'where HI2 and HI3 go, HOST:PORT,PORT (default: what the officer’s configuration says)',
    )
    .option('--wait <seconds>', 'how long one step may take', seconds, 20)
    .option('--json', 'print what was found as JSON')
    .addHelpText('after', EXAMPLES)
    .action(selftest);
}

const EXAMPLES = `
Enters a warrant on the caller and has it approved, waits until it is active, registers both
phones, calls, speaks, hangs up, and looks at each link; then withdraws the warrant, calls again,
and sees that nothing came of that. The warrant goes whatever happens, and ends by itself after an
hour. With a laboratory, the first phones of its first two homes are taken, and officers, ADMF, DF
and LEMF of the caller's home; options take the place of any of them. Both phones must not run
elsewhere meanwhile: they are subscribers for tests.

What cannot be asked from here is "not checked", with the reason. Of a LEMF elsewhere the DF's word
is taken for HI2 and HI3 (nothing waits there), and audio is not checked.

Exit codes: 0 all links hold; 1 one is FAILED, or the test could not be made; 2 the command line
cannot be used; 3 none has failed, and some could not be checked.

Examples:
  $ claviger selftest lab
  $ claviger selftest lab --json
  $ claviger selftest --caller t1.json --callee t2.json --officer officer-1.json \\
      --approver officer-2.json --df df.json`;

async function selftest(lab: string | undefined, flags: SelfTestFlags): Promise<void> {
  const cast = lab === undefined ? namedCast(flags) : await castOf(lab, flags);
  const officer = officerConfig(readConfigFile(cast.officer), cast.officer);
  const deliverTo = flags.deliverTo === undefined ? officer.lemf : lemfOption(flags.deliverTo);
  if (deliverTo?.hi3 === undefined)
    throw new CliError(
      'usage',
      `${cast.officer} does not say where HI2 and HI3 go`,
      'Set lemf.hi2 and lemf.hi3 there, or give --deliver-to HOST:PORT,PORT.',
    );
  const { ueConfig } = await import('../../entities/ue/config.ts');
  const { SelfTest } = await import('../../lab/selftest/self-test.ts');
  const { judgeLinks } = await import('../../lab/selftest/judge.ts');
  const { inspectorsOf, officersOf } = await import('../selftest-network.ts');
  const phone = (file: string) => ueConfig(readSecretFile(file), file);
  const [caller, callee] = [phone(cast.caller), phone(cast.callee)];
  if (caller.identity === callee.identity)
    throw new CliError('usage', `both phones are ${caller.identity}`, 'Name two subscribers.');
  const lemfs = [deliverTo.hi2, deliverTo.hi3].map(({ host, port }) => `${host}:${port}`);
  const inspectors = inspectorsOf({ ...cast.asked, lemfs }, await lemfFolder(cast.lemf));
  const apis = [
    new OfficerApi(officer),
    ...(cast.approver === null ? [] : [new OfficerApi(configOf(cast.approver))]),
  ];
  const [first, second = null] = apis;
  const stop = new AbortController();
  const told = (): void => {
    if (stop.signal.aborted) process.exit(130);
    process.stderr.write('stopping; the warrant is being withdrawn\n');
    stop.abort();
  };
  process.on('SIGINT', told).on('SIGTERM', told);
  try {
    if (first === undefined) throw new CliError('usage', 'no officer is named');
    const test = new SelfTest({
      ...{ caller, callee, inspectors, officers: officersOf(first, second, deliverTo) },
      runtime: { clock: systemClock(), random: systemRandom(), logger: pinoLogger('silent', 'selftest') },
      ...{ waitMs: flags.wait * 1000, signal: stop.signal },
      tell: (what) => process.stderr.write(`${what}\n`),
    });
    const links = judgeLinks(await test.run());
    conclude(test.liid, links, flags.json === true);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    const hint = 'The warrant is withdrawn: claviger warrant list has what has become of it.';
    throw new CliError('failed', 'it was told to stop before its end', hint);
  } finally {
    process.off('SIGINT', told).off('SIGTERM', told);
    await Promise.all(apis.map((api) => api.close()));
  }
}

function configOf(file: string): OfficerConfig {
  return officerConfig(readConfigFile(file), file);
}

/* ------------------------------------------------------------------------ who */

function namedCast(flags: SelfTestFlags): Cast {
  const { caller, callee, officer, approver = null, admf = null, df = null, lemf = null } = flags;
  if (caller === undefined || callee === undefined || officer === undefined)
    throw new CliError(
      'usage',
      'who calls whom, and who enters the warrant?',
      'Name a laboratory, or give --caller, --callee and --officer.',
    );
  const named = Object.entries({ admf, df, lemf }).flatMap(([name, file]) =>
    file === null ? [] : [{ name, file }],
  );
  const own = df === null ? [] : [df];
  const asked = { all: named, admf, df: own, way: own };
  return { caller, callee, officer, approver, lemf, asked };
}

/** @throws LabError `folder` if it is not a laboratory */
async function castOf(folder: string, flags: SelfTestFlags): Promise<Cast> {
  const { LabFolder } = await import('../../lab/folder/lab-folder.ts');
  const lab = LabFolder.open(folder);
  const [home, other = home] = lab.homes;
  const phones = lab.phones();
  const all = lab.entities();
  const people = lab.people();
  const fileOf = (files: readonly { name: string; file: string }[], name: string): string => {
    const found = files.find((each) => each.name === name);
    if (found === undefined) throw new CliError('input', `${folder} has no ${name}`);
    return found.file;
  };
  const name = home?.name ?? '';
  const users = [home?.users[0], other === home ? home?.users[1] : other?.users[0]];
  const [caller = '', callee = ''] = users;
  const admf = flags.admf ?? fileOf(all, `admf.${name}`);
  const dfs = all.filter((each) => each.kind === 'df' && each.name.endsWith(`.${name}`));
  const df = flags.df === undefined ? dfs.map(({ file }) => file) : [flags.df];
  return {
    caller: flags.caller ?? fileOf(phones, caller),
    callee: flags.callee ?? fileOf(phones, callee),
    officer: flags.officer ?? fileOf(people, `officer-1.${name}`),
    approver: flags.approver ?? fileOf(people, `officer-2.${name}`),
    lemf: flags.lemf ?? fileOf(all, `lemf.${name}`),
    asked: {
      ...{ all, admf, df },
      way: [...['cscf', 'gateway'].map((kind) => fileOf(all, `${kind}.${name}`)), ...df],
    },
  };
}

async function lemfFolder(file: string | null): Promise<Inspectors['lemf']> {
  if (file === null) return 'no configuration of a LEMF was named (--lemf)';
  const { lemfConfig } = await import('../../entities/lemf/config.ts');
  const { folder } = lemfConfig(readConfigFile(file), file);
  return existsSync(folder) ? { folder } : `the LEMF's folder ${folder} is not there`;
}

/* ------------------------------------------------------------------- the outcome */

const UNCHECKED_STATUS = 3;

function conclude(liid: string, links: readonly JudgedLink[], json: boolean): void {
  const broken = links.filter(({ state }) => state === 'FAILED');
  const unchecked = links.filter(({ state }) => state === 'not checked');
  const [first] = broken;
  const all = links.length - broken.length - unchecked.length;
  if (json) {
    const outcome = broken.length > 0 ? 'broken' : unchecked.length > 0 ? 'incomplete' : 'ok';
    const report = { outcome, liid, broken: first?.link ?? null, links };
    process.stdout.write(JSON.stringify(report, null, 2) + '\n');
  } else {
    for (const link of links) process.stdout.write(lineOf(link));
    process.stdout.write(
      `${all} links hold, ${broken.length} failed, ${unchecked.length} were not checked\n`,
    );
  }
  if (first !== undefined)
    throw new CliError(
      'failed',
      harmless(`the first link that is broken: ${first.title}: ${first.detail}`),
      first.look ?? undefined,
    );
  if (unchecked.length > 0) process.exitCode = UNCHECKED_STATUS;
}

function lineOf({ state, title, detail, look }: JudgedLink): string {
  const line = `${state.padEnd(12)} ${title}${detail === '' ? '' : `: ${harmless(detail)}`}\n`;
  return look === null ? line : `${line}${' '.repeat(13)}look at: ${look}\n`;
}

function seconds(text: string): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > 3600)
    throw new CliError('usage', `--wait ${harmless(text)} is not a whole number of seconds from 1 to 3600`);
  return value;
}

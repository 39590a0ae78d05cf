/** `claviger warrant`: the life of warrants, over the ADMF's door for officers. */
import { present } from '../../bytes/present.ts';
import { Command } from 'commander';
import { decodeWarrant, warrantPath, WARRANTS_PATH } from '../../wire/officers/warrants.ts';
import type { WarrantView } from '../../wire/officers/warrants.ts';
import { CliError } from '../failure.ts';
import type { Answered, OfficerApi } from '../officer/api.ts';
import { EXIT_CODES, officerCommand, withApi } from '../officer/command.ts';
import type { OfficerFlags } from '../officer/command.ts';
import { changesOf, entryOf } from '../officer/contents.ts';
import type { AddFlags, ContentFlags } from '../officer/contents.ts';
import { countOption, parseDuration } from '../officer/options.ts';
import { stateText, waitingText, warrantText } from '../officer/print.ts';
import { untilIn } from '../officer/waiting.ts';
import type { WaitGoal } from '../officer/waiting.ts';
import { lookCommands } from './warrant-look.ts';

interface ActFlags extends OfficerFlags {
  readonly reason?: string;
  readonly generation?: string;
  readonly wait?: true;
  readonly timeout?: string;
}

const EXAMPLES = `
As whom: --config FILE, or CLAVIGER_OFFICER=FILE in the environment.

Examples:
  $ claviger warrant add --liid LIID-1 --target sip:alice@home1.example --delivery IRI+CC --until 2h --lemf lemf.home1.example:7512,7513
  $ claviger warrant list --pending --config approver.json
  $ claviger warrant approve LIID-1 --config approver.json --wait
  $ claviger warrant withdraw LIID-1 --reason 'court order 12/30 of 2 March' --wait
${EXIT_CODES}`;

export function warrantCommand(): Command {
  const command = new Command('warrant').description(
    'warrants: enter, approve, change, end, list and show them',
  );
  for (const made of [addCommand(), ...simpleCommands(), amendCommand(), extendCommand(), ...lookCommands()])
    command.addCommand(made);
  return command.addHelpText('after', EXAMPLES);
}

function waiting(command: Command, goal: WaitGoal): Command {
  return command
    .option('--wait', `wait until it is ${goal}`)
    .option('--timeout <duration>', 'with --wait: how long at most', '5m');
}

function contents(command: Command): Command {
  return command
    .option(
      '--target <identity>',
      'SIP or tel URI, or NAME=VALUE with its name on X1; may be repeated',
      collect,
    )
    .option('--delivery <type>', 'IRI, or IRI+CC for content and keys')
    .option('--from <time>', 'in force from here on, or so long from now (2030-01-31T12:00:00Z, 2h)')
    .option('--until <time>', 'in force until here, or for so long (2030-01-31T12:00:00Z, 2h, 30d)')
    .option('--lemf <address>', 'where it is delivered: HOST:HI2PORT, or HOST:HI2PORT,HI3PORT');
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

function addCommand(): Command {
  const command = officerCommand(
    'add',
    'enter a warrant and submit it for approval; it starts now unless --from says otherwise',
    'add --liid LIID-1 --target sip:alice@home1.example --delivery IRI+CC --until 2h --lemf lemf.home1.example:7512,7513',
  );
  contents(
    command.argument('[file]', 'a warrant as JSON or YAML (.yaml, .yml), - for JSON on standard input'),
  )
    .option('--liid <liid>', 'its lawful interception identifier')
    .option('--location', "whether it covers the target's location, where a session begins and ends")
    .option('--location-upon-change', 'the same, and whenever it changes in between')
    .option('--xk <name>', 'the LEMF that may ask the KMS for keys itself, by a name in its certificate')
    .option('--reference <text>', 'a name of your own for it; no other warrant may have it')
    .option('--emergency', 'carry it out on one approval; it ends if the second does not follow in time')
    .option('--draft', 'leave it a draft: claviger warrant submit is for later')
    .option('--reason <text>', 'why; it goes on record');
  return waiting(command, 'active').action(async (file: string | undefined, flags: AddFlags & ActFlags) => {
    await withApi(flags, async (api, config) => {
      const timeoutMs = timeoutOf(flags);
      const { draft, emergency, reference, reason } = flags;
      if (draft === true && flags.wait === true)
        throw new CliError('usage', 'a draft becomes nothing by itself', 'Leave --draft or --wait out.');
      const body = {
        warrant: entryOf(file, flags, config.lemf),
        submit: draft !== true,
        emergency: emergency === true,
        ...present({ reference, reason }),
      };
      await done(await api.post(WARRANTS_PATH, body, decodeWarrant), 'active', flags, api, timeoutMs);
    });
  });
}

interface Simple {
  readonly description: string;
  readonly goal: WaitGoal | null;
  /** Whether a reason is needed. */
  readonly reasoned: boolean;
  readonly example: string;
}

/** Commands that say of a warrant what is to be done, and why. */
const SIMPLE: Readonly<Record<string, Simple>> = {
  submit: {
    ...{ description: 'ask for the approval of a draft', goal: 'active', reasoned: false },
    example: 'submit LIID-1',
  },
  approve: {
    description: 'approve what waits: the warrant, a change of it, or an emergency for the second time',
    ...{ goal: 'active', reasoned: false },
    example: 'approve LIID-1 --config approver.json --wait',
  },
  reject: {
    ...{ description: 'decide against what waits', goal: null, reasoned: true },
    example: "reject LIID-1 --reason 'not signed' --config approver.json",
  },
  suspend: {
    ...{ description: 'cease to intercept, for now', goal: 'suspended', reasoned: true },
    example: "suspend LIID-1 --reason 'order of 2 March' --wait",
  },
  resume: {
    ...{ description: 'go on after a suspension, from the approval on', goal: 'active', reasoned: true },
    example: "resume LIID-1 --reason 'order of 9 March'",
  },
  withdraw: {
    ...{ description: 'end a warrant before its time', goal: 'ended', reasoned: true },
    example: "withdraw LIID-1 --reason 'order of 2 March' --wait",
  },
};

function simpleCommands(): Command[] {
  return Object.entries(SIMPLE).map(([name, { description, goal, reasoned, example }]) => {
    const command = reasonable(officerCommand(name, description, example), reasoned).argument(
      '<liid>',
      'which warrant',
    );
    if (goal !== null) waiting(command, goal);
    return command.action(async (liid: string, flags: ActFlags) => {
      await withApi(flags, async (api) => {
        const timeoutMs = timeoutOf(flags);
        const isDecision = name === 'approve' || name === 'reject';
        const generation = isDecision ? await seenGeneration(liid, flags, api) : generationOf(flags);
        const body = { ...generation, ...(flags.reason === undefined ? {} : { reason: flags.reason }) };
        const warrant = await api.post(warrantPath(liid, name), body, decodeWarrant);
        await done(warrant, goal, flags, api, timeoutMs);
      });
    });
  });
}

function reasonable(command: Command, needed: boolean): Command {
  command.option('--generation <number>', 'decide about this generation alone, as list or show had it');
  return needed
    ? command.requiredOption('--reason <text>', 'why; it goes on record')
    : command.option('--reason <text>', 'why; it goes on record');
}

/** What an approver decides about is shown first, and is what is decided about, whatever comes meanwhile. */
async function seenGeneration(
  liid: string,
  flags: ActFlags,
  api: OfficerApi,
): Promise<{ generation: number }> {
  const given = generationOf(flags);
  if (given.generation !== undefined) return { generation: given.generation };
  const { value } = await api.get(warrantPath(liid, 'state'), decodeWarrant);
  process.stderr.write(warrantText(value));
  return { generation: value.generation };
}

function generationOf({ generation }: ActFlags): { generation?: number } {
  return generation === undefined ? {} : { generation: countOption('generation', generation) };
}

function amendCommand(): Command {
  const command = officerCommand(
    'amend',
    'change a warrant; what widens it waits for an approver once it was approved',
    "amend LIID-1 --until 2030-03-31T00:00:00Z --reason 'order of 2 March'",
  ).argument('<liid>', 'which warrant');
  waiting(contents(reasonable(command, true)), 'active')
    .option('--location', "let it cover the target's location, where a session begins and ends")
    .option('--location-upon-change', 'the same, and whenever it changes in between')
    .option('--no-location', "let it not cover the target's location")
    .option('--xk <name>', 'let that LEMF ask the KMS for keys itself, by a name in its certificate')
    .option('--no-xk', 'let no LEMF ask the KMS itself');
  return command.action(async (liid: string, flags: ContentFlags & ActFlags) => {
    await withApi(flags, async (api) => {
      const timeoutMs = timeoutOf(flags);
      const body = { ...generationOf(flags), reason: flags.reason, changes: changesOf(flags) };
      const warrant = await api.post(warrantPath(liid, 'amend'), body, decodeWarrant);
      await done(warrant, 'active', flags, api, timeoutMs);
    });
  });
}

function extendCommand(): Command {
  const command = officerCommand(
    'extend',
    'a later end; of a warrant that has ended, a new period, which begins with its approval at the earliest',
    "extend LIID-1 --until 7d --reason 'order of 2 March'",
  )
    .argument('<liid>', 'which warrant')
    .option('--from <time>', 'start of the new period, or so long from now')
    .requiredOption('--until <time>', 'its end, or so long from now or from --from on');
  return waiting(reasonable(command, true), 'active').action(
    async (liid: string, flags: ActFlags & { from?: string; until: string }) => {
      await withApi(flags, async (api) => {
        const timeoutMs = timeoutOf(flags);
        const { startTime, endTime } = changesOf({ from: flags.from, until: flags.until });
        const period = startTime === undefined ? { endTime } : { startTime, endTime };
        const body = { ...generationOf(flags), reason: flags.reason, ...period };
        const warrant = await api.post(warrantPath(liid, 'extend'), body, decodeWarrant);
        await done(warrant, 'active', flags, api, timeoutMs);
      });
    },
  );
}

function timeoutOf({ timeout = '5m' }: ActFlags): number {
  const ms = parseDuration(timeout);
  if (ms === null)
    throw new CliError('usage', `--timeout ${timeout} is not a duration`, 'Give one as 90s, 5m, 2h, 1d.');
  return ms;
}

/** Waits if that is asked for, and says what has become of the warrant. */
async function done(
  answer: Answered<WarrantView>,
  goal: WaitGoal | null,
  flags: ActFlags,
  api: OfficerApi,
  timeoutMs: number,
): Promise<void> {
  const isAwaited = flags.wait === true && goal !== null;
  const last = isAwaited ? await untilIn(goal, answer, api, timeoutMs) : answer;
  process.stdout.write(
    flags.json === true ? `${JSON.stringify(last.json)}\n` : `${outcomeText(last.value)}\n`,
  );
}

function outcomeText(warrant: WarrantView): string {
  const waits = waitingText(warrant);
  const generation = `generation ${warrant.generation}`;
  const next = waits === '' ? '' : `; waits for: ${waits} (claviger warrant approve ${warrant.liid})`;
  return `${warrant.liid}: ${stateText(warrant)} (${generation})${next}`;
}

/** `claviger warrant list|show|import`: what is on record, and what a file says against it. */
import type { Command } from 'commander';
import { decodeFile, WARRANT_STATES, warrantPath } from '../../wire/officers/warrants.ts';
import { officerCommand, withApi } from '../officer/command.ts';
import type { OfficerFlags } from '../officer/command.ts';
import { importFile } from '../officer/import.ts';
import { listAll } from '../officer/list.ts';
import { countOption } from '../officer/options.ts';
import { historyText, listText, warrantText } from '../officer/print.ts';

export function lookCommands(): Command[] {
  return [listCommand(), showCommand(), importCommand()];
}

interface ListFlags extends OfficerFlags {
  readonly state?: string;
  readonly target?: string;
  readonly pending?: true;
  readonly degraded?: true;
  readonly imported?: true;
  readonly limit?: string;
}

function listCommand(): Command {
  return officerCommand(
    'list',
    'the warrants on record, by LIID',
    'list --state active,suspended --target sip:alice@home1.example',
  )
    .option('--state <states>', `only those in these states, with commas: ${WARRANT_STATES.join(', ')}`)
    .option('--target <identity>', 'only those of this identity')
    .option('--pending', 'only those that wait for an approval')
    .option('--degraded', 'only those of which an element lacks something')
    .option('--imported', 'only those that came with a file')
    .option('--limit <number>', 'so many at most')
    .action(async (flags: ListFlags) => {
      await withApi(flags, async (api) => {
        const limit = flags.limit === undefined ? Infinity : countOption('limit', flags.limit);
        const { state, target, pending, degraded, imported } = flags;
        const only = { state, target, ...flagsOf({ pending, degraded, imported }) };
        const warrants = await listAll(api, only, limit);
        const text = listText(warrants.map(({ value }) => value));
        const json = warrants.map((warrant) => warrant.json);
        process.stdout.write(flags.json === true ? `${JSON.stringify(json)}\n` : text);
      });
    });
}

function flagsOf(flags: Readonly<Record<string, true | undefined>>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, flag && 'true']));
}

function showCommand(): Command {
  return officerCommand(
    'show',
    'a warrant, what waits for an approval of it, and what has been',
    'show LIID-1',
  )
    .argument('<liid>', 'which warrant')
    .action(async (liid: string, flags: OfficerFlags) => {
      await withApi(flags, async (api) => {
        const { json, value } = await api.get(warrantPath(liid), decodeFile);
        const text = warrantText(value.warrant) + historyText(value.history);
        process.stdout.write(flags.json === true ? `${JSON.stringify(json)}\n` : text);
      });
    });
}

function importCommand(): Command {
  return officerCommand(
    'import',
    'enter the warrants of a file and submit them; what is on record otherwise, or has gone from the file, is reported',
    'import warrants.yaml',
  )
    .argument('<file>', 'a list of warrants, JSON or YAML; - for JSON on standard input')
    .option('--draft', 'leave them drafts')
    .action(async (file: string, flags: OfficerFlags & { draft?: true }) => {
      await withApi(flags, (api) => importFile(file, flags, api));
    });
}

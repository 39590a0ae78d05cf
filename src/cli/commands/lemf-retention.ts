/** `claviger lemf retention`: which warrants a LEMF knows, and when what it keeps of them is deleted. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import type { LemfConfig } from '../../entities/lemf/config.ts';
import { liidText } from '../../entities/lemf/notices.ts';
import type { RetainedWarrant } from '../../entities/lemf/retention.ts';
import { readConfigFile } from '../../host/config.ts';
import { CliError } from '../failure.ts';
import { harmless } from '../terminal.ts';

interface RetentionFlags {
  readonly config: string;
  readonly json?: true;
}

export function lemfRetentionCommand(): Command {
  return new Command('retention')
    .description('which warrants a LEMF knows, and when what it keeps of them is deleted; also while it runs')
    .requiredOption('--config <file>', 'configuration of the LEMF')
    .option('--json', 'print JSON, one object a line')
    .addHelpText('after', EXAMPLES)
    .action(tell);
}

const EXAMPLES = `
A warrant is an LIID of one delivery function, which tells of its beginning and end. What
is kept of it is deleted \`retention\` seconds after the LEMF was told of its end; without
that setting it is kept. The record of what was deleted is audit.jsonl in the LEMF's folder.

Example:
  $ claviger lemf retention --config lemf.json`;

/** When what is kept of a warrant is deleted. */
interface ToldWarrant {
  readonly liid: string;
  readonly source: string;
  readonly state: 'in force' | 'ended' | 'due' | 'deleted';
  readonly ended: string | null;
  /** `null`: it is in force, or kept for ever. */
  readonly due: string | null;
  readonly deleted: string | null;
}

async function tell({ config: file, json }: RetentionFlags): Promise<void> {
  const { lemfConfig } = await import('../../entities/lemf/config.ts');
  const { SqliteWarrants, WARRANTS_FILE } = await import('../../entities/lemf/store/warrants.ts');
  const config = lemfConfig(readConfigFile(file), file);
  const place = path.join(config.folder, WARRANTS_FILE);
  if (!existsSync(place)) {
    throw new CliError('input', `there is no ${place}`, 'Has the LEMF of this configuration run yet?');
  }
  const warrants = SqliteWarrants.look(place);
  try {
    let count = 0;
    for (const warrant of warrants.list()) {
      count++;
      const told = toldOf(warrant, config, Date.now());
      process.stdout.write(json === true ? `${JSON.stringify(told)}\n` : `${lineOf(told)}\n`);
    }
    if (count === 0 && json !== true) process.stdout.write('the LEMF was told of no warrant yet\n');
  } finally {
    warrants.close();
  }
}

function toldOf(
  { liid, source, endedAt, erasedAt }: RetainedWarrant,
  { retention }: LemfConfig,
  now: number,
): ToldWarrant {
  const dueAt = endedAt === null || retention === undefined ? null : endedAt + retention * 1000;
  const ended = dueAt !== null && dueAt <= now ? 'due' : 'ended';
  return {
    liid: liidText(liid),
    source,
    state: erasedAt !== null ? 'deleted' : endedAt === null ? 'in force' : ended,
    ended: isoOf(endedAt),
    due: erasedAt === null ? isoOf(dueAt) : null,
    deleted: isoOf(erasedAt),
  };
}

function lineOf({ liid, source, state, ended, due, deleted }: ToldWarrant): string {
  const times = {
    'in force': 'in force',
    ended: `ended ${ended ?? ''}, ${due === null ? 'kept: no retention is set' : `to be deleted ${due}`}`,
    due: `ended ${ended ?? ''}, due since ${due ?? ''}`,
    deleted: `ended ${ended ?? ''}, deleted ${deleted ?? ''}`,
  };
  return harmless(`LIID ${liid} of ${source}: ${times[state]}`);
}

function isoOf(unixMs: number | null): string | null {
  return unixMs === null ? null : new Date(unixMs).toISOString();
}

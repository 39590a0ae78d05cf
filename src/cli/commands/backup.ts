/** `claviger backup` of an entity that runs, and `claviger restore` of one that does not. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { isSystemError } from '../../bytes/system-errors.ts';
import { Form } from '../../bytes/schema.ts';
import { MANIFEST } from '../../host/backup.ts';
import type { KeptState } from '../../host/backup.ts';
import { readConfigFile } from '../../host/config.ts';
import { readManifest, restoreBackup } from '../../host/restore.ts';
import { systemClock } from '../../host/runtime.ts';
import { readWhole, unreadable } from '../../storage/files.ts';
import { tellDone } from '../as-json.ts';
import type { JsonFlag } from '../as-json.ts';
import { misplacedOr } from '../config-kind.ts';
import { askControl, socketOf } from '../control-client.ts';
import { CliError } from '../failure.ts';

/** Milliseconds for a copy of a large store. */
const LONGEST_COPY_MS = 1_800_000;

export function backupCommand(): Command {
  return new Command('backup')
    .description('copy what a running entity keeps, as it is at one moment, into a new folder')
    .requiredOption('--config <file>', 'configuration of the entity')
    .requiredOption('--to <folder>', 'folder that is made')
    .option('--recipient <age1…>', "age key that the copy is encrypted for; a KMS's must be")
    .option('--json', 'print the manifest')
    .addHelpText(
      'after',
      `
The folder has each store, the audit log up to its newest record, the messages of a mailbox, and
manifest.json with versions and hashes. What comes later is not in it: see restore.

Examples:
  $ claviger backup --config df.json --to /backup/df
  $ claviger backup --config kms.json --to /backup/kms --recipient age1…`,
    )
    .action(async (flags: { config: string; to: string; recipient?: string; json?: true }) => {
      const { config, recipient } = flags;
      const to = path.resolve(flags.to);
      const order = { to, ...(recipient === undefined ? {} : { recipient }) };
      const manifest = await askControl(
        socketOf(config),
        ['POST', '/backup'],
        new Form(MANIFEST),
        order,
        LONGEST_COPY_MS,
      );
      const { stores, files, audit, lastRecord } = manifest;
      const count = stores.length + files.length + (audit === null ? 0 : 1);
      const how = manifest.encrypted ? 'encrypted' : 'in the clear';
      const upTo = audit === null ? '' : `, up to record ${lastRecord}`;
      const line = `${to}: ${count} files of ${manifest.name}, ${how}${upTo}`;
      tellDone(manifest, `${line}\n`, flags);
    });
}

export function restoreCommand(): Command {
  return new Command('restore')
    .description('put a copy back into the empty place that a configuration names')
    .requiredOption('--from <folder>', 'what backup has made')
    .requiredOption('--config <file>', 'configuration of the entity')
    .option('--identity <file>', 'file of the age key (AGE-SECRET-KEY-1…) of an encrypted copy')
    .option('--json', 'print what was put back as JSON')
    .addHelpText(
      'after',
      `
Nothing is overwritten. A DF that was put back gives no number twice: its CINs go on from
the time, calls under way get new ones, and LEMFs are told by cINReset. What a KMS does not know any
more is printed, and on its audit log. It is on the audit log that it was done. A mailbox delivers
again what it has delivered since the copy; a phone that has heard a message refuses it.

Example:
  $ claviger restore --from /backup/df --config df.json`,
    )
    .action(async ({ from, config, identity, ...flags }: RestoreFlags) => {
      const manifest = readManifest(from);
      const kind = KINDS[manifest.entity];
      if (kind === undefined)
        throw new CliError(
          'input',
          `${from} is a copy of what this version does not know: ${manifest.entity}`,
        );
      const { kept, name, prepare, forgotten } = await kind(readConfigFile(config), config).catch(
        async (error: unknown) => {
          throw await misplacedOr(error, manifest.entity, config);
        },
      );
      if (name !== manifest.name)
        throw new CliError('input', `${from} is a copy of ${manifest.name}, and ${config} is of ${name}`);
      const key = identity === undefined ? null : readKey(identity);
      await restoreBackup({ from, manifest, identity: key, kept, clock: systemClock(), prepare });
      const done = { entity: manifest.entity, name, asOf: manifest.made, forgotten: forgotten.trimEnd() };
      tellDone(done, `put back: ${name} as of ${manifest.made}\n${forgotten}`, flags);
    });
}

interface RestoreFlags extends JsonFlag {
  readonly from: string;
  readonly config: string;
  readonly identity?: string;
}

/** How an entity is put back. */
interface Restored {
  readonly name: string;
  readonly kept: KeptState;
  readonly prepare: (kept: KeptState, now: number) => Promise<Readonly<Record<string, string | number>>>;
  /** What it does not know any more, in lines. */
  readonly forgotten: string;
}

const TASKS =
  'What X1 has changed since then is not in it: have the ADMF reconcile (it does so by itself when it finds the element).\n';
/** Of an entity whose state is in a database. @param file its configuration */
function databaseText(file: string, { audit }: KeptState): string {
  return `Its database is not in the copy: put that back by its own means, as of the same time or later. Where it remembers a later record than the log has now, nothing starts until that is on record:
  claviger audit repair --store ${file} ${audit ?? ''}
If it is older:
`;
}

const nothing = (): Promise<Record<string, never>> => Promise.resolve({});

const KINDS: Readonly<Record<string, (json: unknown, file: string) => Promise<Restored>>> = {
  kms: async (json, file) => {
    const { kmsConfig } = await import('../../entities/kms/config.ts');
    const { kmsKept } = await import('../../entities/kms/start-operation.ts');
    const config = kmsConfig(json, file);
    const kept = kmsKept(config);
    const its = config.database === undefined ? '' : databaseText(file, kept);
    const forgotten = `${its}The KMS has forgotten since then:
- which requests of phones it has answered. Start it ${config.skew} seconds after the lost one ended, or later: older requests are refused by their time.
- which questions of DFs it has answered: for exchanges of that time the same number may be put once more. The audit log of the lost KMS, if it is there, has them.
- LI roots that were made: keys of sessions under them cannot be recovered.
${TASKS}`;
    // On the audit log as well: whoever asks later what this KMS has answered finds it there.
    const said = { forgets: 'requests of phones, questions of DFs and LI roots since the copy' };
    const prepare = (): Promise<typeof said> => Promise.resolve(said);
    return { name: config.name, kept, prepare, forgotten };
  },
  df: async (json, file) => {
    const { dfConfig } = await import('../../entities/df/config.ts');
    const { dfKept } = await import('../../entities/df/start-operation.ts');
    const { beginEpochOf } = await import('../../entities/df/start-stores.ts');
    const config = dfConfig(json, file);
    const kept = dfKept(config);
    return {
      name: config.x1.identifier,
      kept,
      prepare: async (_, now) => ({ cinBase: await beginEpochOf(config, now) }),
      forgotten: `${config.database === undefined ? '' : databaseText(file, kept)}What was taken in and handed over since then is with the LEMF alone. CINs go on from the time; LEMFs are told by cINReset when the DF starts.\n${TASKS}`,
    };
  },
  // What officers have withdrawn since then would be in force again, with nobody's decision.
  admf: () =>
    Promise.reject(
      new CliError(
        'input',
        'a copy of an ADMF is not put back by this command: warrants that were withdrawn since then would be in force again',
        'Enter the warrants that are in force into a new ADMF.',
      ),
    ),
  cscf: async (json, file) => {
    const { cscfConfig } = await import('../../entities/cscf/config.ts');
    const { registrationsOf } = await import('../../entities/cscf/start.ts');
    const { cscfKept } = await import('../../entities/cscf/start-operation.ts');
    const config = cscfConfig(json, file);
    const kept = cscfKept(config, registrationsOf(config));
    return { name: config.x1.identifier, kept, prepare: nothing, forgotten: TASKS };
  },
  gateway: async (json, file) => {
    const { gatewayConfig } = await import('../../entities/gateway/config.ts');
    const { gatewayKept } = await import('../../entities/gateway/start-operation.ts');
    const config = gatewayConfig(json, file);
    return { name: config.x1.identifier, kept: gatewayKept(config), prepare: nothing, forgotten: TASKS };
  },
  mailbox: async (json, file) => {
    const { mailboxConfig } = await import('../../entities/mailbox/config.ts');
    const { mailboxKept, mailboxName } = await import('../../entities/mailbox/start-operation.ts');
    const config = mailboxConfig(json, file);
    const forgotten = `Messages that were left since then are lost. Those that were delivered since then are delivered again; a phone that has heard one refuses it.
The mailbox has forgotten which key exchanges it has answered since then. Start it ${config.skew} seconds after the lost one ended, or later: older ones are refused by their time.
`;
    const name = mailboxName(config, systemClock().now());
    return { name, kept: mailboxKept(config), prepare: nothing, forgotten };
  },
};

/** The line of an age key's file that is the key. */
function readKey(file: string): string {
  let text: string;
  try {
    if ((statSync(file).mode & 0o077) !== 0)
      throw new CliError('input', `${file} is a key and is open to others: chmod 600 it`);
    text = readWhole(file, 'the key').toString('utf8');
  } catch (cause) {
    throw isSystemError(cause) ? unreadable(`the key ${file}`, cause) : cause;
  }
  const key = text.split('\n').find((line) => line.startsWith('AGE-SECRET-KEY-1'));
  if (key === undefined) throw new CliError('input', `${file} has no key of age`);
  return key.trim();
}

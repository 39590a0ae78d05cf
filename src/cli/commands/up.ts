/** `claviger up` and `claviger down`: the entities of a laboratory as processes, with one log. */
import { spawn } from 'node:child_process';
import { existsSync, openSync, renameSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { messageOf } from '../../bytes/errors.ts';
import { systemClock } from '../../host/runtime.ts';
import { counted } from '../../lab/scenarios/checks/check.ts';
import type { LabFolder } from '../../lab/folder/lab-folder.ts';
import { tellDone } from '../as-json.ts';
import type { JsonFlag } from '../as-json.ts';
import { CliError } from '../failure.ts';
import type { AskedEntity } from '../readiness.ts';

/** The command line's own script. */
const SCRIPT = fileURLToPath(new URL('../main.js', import.meta.url));

/** How long entities that listen may take until they say that they are ready. */
const READY_MS = 60_000;

interface UpFlags {
  readonly detach?: true;
  readonly status?: true;
  readonly scale?: true;
  readonly json?: true;
}

export function upCommand(): Command {
  return new Command('up')
    .description('run the entities of a laboratory as processes, with one log')
    .argument('<folder>', 'folder that `claviger init` made')
    .option('--detach', 'return when all are ready, and leave them running; the log goes to FOLDER/lab.log')
    .option(
      '--status',
      'say whether it runs, each entity’s process and whether it is ready, and change nothing',
    )
    .option(
      '--scale',
      'make the laboratory first, if there is none, of several processes a KMS and DF (claviger init --scale)',
    )
    .option('--json', 'with --status or --detach: print it as JSON')
    .addHelpText('after', EXAMPLES)
    .action(up);
}

const EXAMPLES = `
Entities start in order: KMS, LEMF, DF, gateway, CSCF, ADMF, mailbox, each when the one before is
ready.
Each line of the log begins with the name of the entity that said it. If one of them does not
start, it is told which and why, and the others are stopped. One that ends later by itself is
started again after a pause, first of a second, each time twice as long, and up to five times in a
row, that is without having run for a minute in between; then all are stopped. The log, --status and
claviger status say how often it was. Before anything is started, the configurations are
checked (claviger config check). SIGINT and SIGTERM stop all of them within ten seconds; a second
one does at once. PostgreSQL and NATS of a laboratory with --scale are started before all, and end
after all; what is missing of postgres, initdb and nats-server is told before anything is started.
The superuser has them run by the users that Debian's packages have made. --status ends with 0 if all of them run and say at their control sockets that
they are ready, else with 1; it says why one is not.

Examples:
  $ claviger up lab
  $ claviger up lab --detach
  $ claviger up lab --status
  $ claviger up lab --scale --detach`;

export function downCommand(): Command {
  return new Command('down')
    .description('stop the entities of a laboratory that `claviger up` runs')
    .argument('<folder>', 'folder that `claviger init` made')
    .option('--json', 'print what came of it as JSON')
    .addHelpText('after', '\nEnds with 0 also if it does not run.\n\nExample:\n  $ claviger down lab')
    .action(down);
}

async function up(folder: string, flags: UpFlags): Promise<void> {
  if (flags.detach === true && flags.status === true)
    throw new CliError('usage', '--detach and --status exclude each other');
  if (flags.json === true && flags.detach !== true && flags.status !== true)
    throw new CliError('usage', '--json goes with --status or --detach');
  if (flags.scale === true && flags.status === true)
    throw new CliError('usage', '--scale and --status exclude each other');
  if (flags.scale === true) await scaled(folder);
  if (flags.status === true) await status(folder, flags.json === true);
  else if (flags.detach === true) await detach(folder, flags.json === true);
  else await attached(folder);
}

/** Makes the laboratory where there is none. @throws CliError `usage` where there is one of single processes */
async function scaled(folder: string): Promise<void> {
  const { LabFolder } = await import('../../lab/folder/lab-folder.ts');
  if (LabFolder.isThere(folder)) {
    if (LabFolder.open(folder).enginePorts !== null) return;
    throw new CliError(
      'usage',
      `${folder} is a laboratory in which each entity is one process`,
      'Leave --scale, or name another folder: claviger init FOLDER --scale makes one.',
    );
  }
  const { requirePrograms } = await import('../../lab/engines/programs.ts');
  requirePrograms();
  const { makeLaboratory, USUAL_HOMES } = await import('./init.ts');
  const { made } = await makeLaboratory(folder, { homes: USUAL_HOMES, scale: true });
  process.stderr.write(`made the laboratory ${folder}: ${made.homes.map(({ name }) => name).join(', ')}\n`);
}

/* ------------------------------------------------------------------- attached */

/** What the process in the background tells the one that started it. */
type Told =
  | { readonly state: 'ready'; readonly warnings: number }
  | { readonly state: 'failed'; readonly message: string };

async function attached(folder: string): Promise<void> {
  try {
    await supervise(folder);
  } catch (error) {
    await tell({ state: 'failed', message: messageOf(error) });
    throw error;
  }
}

async function supervise(folder: string): Promise<void> {
  const { LabFolder } = await import('../../lab/folder/lab-folder.ts');
  const { enginesOf } = await import('../../lab/engines/engines.ts');
  const { requirePrograms } = await import('../../lab/engines/programs.ts');
  const { holdLab, orphans } = await import('../../lab/processes/run-note.ts');
  const { Supervisor, USUAL_RESTARTS } = await import('../../lab/processes/supervisor.ts');
  const lab = LabFolder.open(folder);
  const now = systemClock().now();
  const held = holdLab(lab, now);
  try {
    const [left] = orphans(lab);
    if (left !== undefined)
      throw new CliError(
        'failed',
        `entities of an earlier run are still there (process ${left})`,
        `claviger down ${folder} stops them.`,
      );
    const engines = enginesOf(lab);
    if (engines.length > 0) requirePrograms();
    const all = [...engines, ...lab.entities()];
    const warnings = await checkFirst(lab, now);
    const say = (name: string, line: string): void => void process.stdout.write(`${name} ${line}\n`);
    const width = Math.max(...all.map(({ name }) => name.length));
    const supervisor = new Supervisor({
      script: SCRIPT,
      note: { lab, since: new Date(now).toISOString() },
      restarts: USUAL_RESTARTS,
      onLine: (name, line) => say(name.padEnd(width), line),
      onRestart: (text) => text.split('\n').forEach((line) => say('up'.padEnd(width), line)),
    });
    const stopped = untilTold(supervisor);
    const began = performance.now();
    await supervisor.start(all);
    const failed = supervisor.firstFailure();
    const waiting = new AbortController();
    const early = await Promise.race([stopped, failed, readyOrWhy(lab.entities(), waiting.signal)]);
    waiting.abort();
    if (early !== 'ready') {
      await supervisor.stop();
      if (early === null) return;
      throw early;
    }
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const also = engines.length > 0 ? ` and ${engines.length} engines` : '';
    const ready = `${all.length - engines.length} entities${also} are ready after ${seconds} s`;
    say('up'.padEnd(width), ready);
    if (warnings > 0) say('up'.padEnd(width), warningText(warnings, folder));
    await tell({ state: 'ready', warnings });
    const failure = await Promise.race([stopped, failed]);
    say('up'.padEnd(width), 'stopping');
    await supervisor.stop();
    if (failure !== null) throw failure;
  } finally {
    held.release();
  }
}

/** Waits until all say at their control sockets that they are ready. */
async function readyOrWhy(entities: readonly AskedEntity[], signal: AbortSignal): Promise<'ready' | Error> {
  const { untilReady } = await import('../readiness.ts');
  try {
    await untilReady(entities, READY_MS, signal);
    return 'ready';
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
}

/**
 * What would keep entities from working together is told before any is started.
 * @returns how many warnings there are of all configurations
 */
async function checkFirst(lab: LabFolder, now: number): Promise<number> {
  const { checkConfigurations } = await import('../../lab/check/check.ts');
  const { findings } = checkConfigurations(lab.entities(), true, now);
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length === 0)
    return checkConfigurations([...lab.entities(), ...lab.phones(), ...lab.people()], true, now).warnings;
  const lines = errors.map(({ file, text }) => `  ${file}: ${text}`);
  throw new CliError(
    'failed',
    ['nothing was started:', ...lines].join('\n'),
    `claviger config check ${lab.folder} says all of it, warnings too.`,
  );
}

function warningText(warnings: number, folder: string): string {
  return `${counted(warnings, 'warning')} of configurations: claviger config check ${folder} says what to do`;
}

/** Resolves with the first SIGINT or SIGTERM, when all that had started have ended. */
function untilTold(supervisor: { stop(): Promise<void>; kill(): void }): Promise<null> {
  return new Promise((resolve) => {
    let told = false;
    const stop = (): void => {
      if (told) {
        supervisor.kill();
        process.exit(130);
      }
      told = true;
      void supervisor.stop().then(() => {
        resolve(null);
      });
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    process.on('SIGHUP', stop);
  });
}

/** Tells whoever started this process in the background, if somebody did and is still there. */
async function tell(what: Told): Promise<void> {
  if (process.send === undefined || !process.connected) return;
  await new Promise<void>((resolve) => {
    process.send?.(what, undefined, {}, () => resolve());
  });
  hangUp();
}

/** The other end may have gone meanwhile. */
function hangUp(): void {
  if (process.connected) process.disconnect();
}

/* ------------------------------------------------------------------- detached */

async function detach(folder: string, json: boolean): Promise<void> {
  const { LabFolder, LOG } = await import('../../lab/folder/lab-folder.ts');
  const { holdLab } = await import('../../lab/processes/run-note.ts');
  const lab = LabFolder.open(folder);
  // Before the log of the run that there is gives way.
  holdLab(lab, systemClock().now()).release();
  const log = path.join(folder, LOG);
  if (existsSync(log)) renameSync(log, `${log}.1`);
  const descriptor = openSync(log, 'a', 0o600);
  const child = spawn(process.execPath, [SCRIPT, 'up', folder], {
    stdio: ['ignore', descriptor, descriptor, 'ipc'],
    detached: true,
  });
  const giveUp = (): void => void child.kill('SIGTERM');
  process.once('SIGINT', giveUp).once('SIGTERM', giveUp);
  const told = await new Promise<Told>((resolve) => {
    child.once('message', (message) => resolve(message as Told));
    child.once('exit', () => resolve({ state: 'failed', message: 'it ended before it was ready' }));
  });
  if (told.state === 'failed') throw new CliError('failed', told.message, `${log} has all that was said.`);
  child.disconnect();
  child.unref();
  const count = lab.entities().length;
  const { warnings } = told;
  const how = { log, stop: `claviger down ${folder}`, status: `claviger up ${folder} --status` };
  process.stdout.write(
    json
      ? JSON.stringify({ entities: count, warnings, pid: child.pid, ...how }, null, 2) + '\n'
      : `${count} entities of ${folder} are ready\nlog: ${how.log}\nstop: ${how.stop}\nstatus: ${how.status}\n`,
  );
  if (!json && warnings > 0) process.stdout.write(warningText(warnings, folder) + '\n');
}

/* ----------------------------------------------------------- status and the end */

async function status(folder: string, json: boolean): Promise<void> {
  const { LabFolder } = await import('../../lab/folder/lab-folder.ts');
  const { isHeld, readNote } = await import('../../lab/processes/run-note.ts');
  const { isRunning } = await import('../../storage/lock.ts');
  const lab = LabFolder.open(folder);
  const note = isHeld(lab, systemClock().now()) ? readNote(lab) : null;
  const running = new Map(note?.entities.map(({ name, pid }) => [name, isRunning(pid) ? pid : null]));
  const restarts = new Map(note?.entities.map((each) => [each.name, each.restarts]));
  const { readinessOf } = await import('../readiness.ts');
  const runs = ({ name }: { readonly name: string }): boolean => (running.get(name) ?? null) !== null;
  const said = new Map(
    (await readinessOf(lab.entities().filter(runs))).map(({ name, ...readiness }) => [name, readiness]),
  );
  const { enginesOf } = await import('../../lab/engines/engines.ts');
  const engines = enginesOf(lab);
  for (const engine of engines.filter(runs)) {
    const ready = await engine.answers();
    said.set(engine.name, { ready, reasons: ready ? [] : ['it does not answer'] });
  }
  const entities = [...engines, ...lab.entities()].map(({ name }) => ({
    ...{ name, pid: running.get(name) ?? null, restarts: restarts.get(name) ?? 0 },
    ...(said.get(name) ?? { ready: false, reasons: ['it does not run'] }),
  }));
  const state = note?.state ?? 'down';
  if (json)
    process.stdout.write(
      JSON.stringify({ state, pid: note?.pid ?? null, since: note?.since ?? null, entities }, null, 2) + '\n',
    );
  else {
    const since = note === null ? '' : `, process ${note.pid}, since ${note.since}`;
    process.stdout.write(`${folder}: ${state}${since}\n`);
    if (note !== null)
      for (const { name, pid, ready, reasons, restarts: again } of entities) {
        const how = ready ? 'ready' : `not ready: ${reasons.join('; ')}`;
        const often = again === 0 ? '' : `, restarts: ${again}`;
        process.stdout.write(
          `  ${name}  ${pid === null ? 'does not run' : `process ${pid}, ${how}`}${often}\n`,
        );
      }
  }
  if (state !== 'ready' || entities.some(({ ready }) => !ready)) process.exitCode = 1;
}

/** Between two looks at whether it has ended. */
const LOOK_MS = 50;
/** Ten seconds for the entities, and some for who stops them. */
const LONGEST_MS = 15_000;

async function down(folder: string, flags: JsonFlag): Promise<void> {
  const { LabFolder } = await import('../../lab/folder/lab-folder.ts');
  const { isHeld, orphans, readNote, removeNote } = await import('../../lab/processes/run-note.ts');
  const lab = LabFolder.open(folder);
  const now = (): number => systemClock().now();
  if (isHeld(lab, now())) {
    const pid = readNote(lab)?.pid;
    if (pid === undefined) throw new CliError('failed', `${folder} is just starting or ending`, 'Try again.');
    process.kill(pid, 'SIGTERM');
    const end = performance.now() + LONGEST_MS;
    while (isHeld(lab, now())) {
      if (performance.now() > end) throw new CliError('failed', `process ${pid} has not ended`, 'Kill it.');
      await sleep(LOOK_MS);
    }
    tellDone({ folder, ran: true, left: 0 }, `${folder} is down\n`, flags);
    return;
  }
  const left = orphans(lab);
  for (const pid of left) process.kill(pid, 'SIGTERM');
  const end = performance.now() + LONGEST_MS;
  while (orphans(lab).length > 0) {
    if (performance.now() > end) throw new CliError('failed', 'some entities have not ended', 'Kill them.');
    await sleep(LOOK_MS);
  }
  removeNote(lab);
  const text =
    left.length === 0
      ? `${folder} does not run\n`
      : `${folder} is down: ${left.length} entities were left of a run whose own process was gone\n`;
  tellDone({ folder, ran: false, left: left.length }, text, flags);
}

/** What entities that run say of themselves, and what they can be told, over their control sockets. */
import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import Type from 'typebox';
import { Form, strict } from '../../bytes/schema.ts';
import { LOG_LEVELS } from '../../host/log.ts';
import type { LogLevel } from '../../host/log.ts';
import { STATUS } from '../../host/status.ts';
import type { Status } from '../../host/status.ts';
import { RELOAD_REPORT } from '../../host/reload.ts';
import {
  aboutEntities,
  askControl,
  askEach,
  askText,
  entitiesOf,
  ofSeveral,
  requireAll,
} from '../control-client.ts';
import type { Asked, AskFailure, ChosenSocket } from '../control-client.ts';
import { CliError } from '../failure.ts';
import { harmless, table } from '../terminal.ts';

interface Flags extends ChosenSocket {
  readonly json?: true;
}

const STATUS_FORM = new Form(STATUS);
const REPORT_FORM = new Form(RELOAD_REPORT);
const LEVEL_FORM = new Form(strict({ level: Type.Enum([...LOG_LEVELS]) }));
const DRAINED_FORM = new Form(strict({ drained: Type.Boolean() }));

export function statusCommand(): Command {
  return aboutEntities('status')
    .description('how entities are: ready or not, and why; tasks, queues, peers, certificate, alarms')
    .addHelpText(
      'after',
      `
Ends with 0 if all are ready, with 1 if one is not, or does not answer. Of a folder, those whose
state is there and that do not run are named, too.

Examples:
  $ claviger status --config df.json
  $ claviger status --state lab`,
    )
    .action(async (flags: Flags) => {
      const asked = await statuses(flags);
      const found = asked.answers.map(({ answer }) => answer);
      if (flags.json === true) print(JSON.stringify(found, null, 2));
      else if (found.length === 1 && asked.failures.length === 0)
        for (const status of found) process.stdout.write(inFull(status));
      else if (found.length > 0) process.stdout.write(overview(found));
      const waiting = found.filter(({ ready }) => !ready);
      const { failures } = asked;
      const wrong = [...waiting.map(whyNot), ...failures];
      if (wrong.length > 0) throw ofSeveral(wrong, found.length + failures.length, 'are not ready');
    });
}

export function alarmsCommand(): Command {
  return aboutEntities('alarms')
    .description('what is wrong with entities now')
    .addHelpText('after', '\nExample:\n  $ claviger alarms --state lab')
    .action(async (flags: Flags) => {
      const asked = await statuses(flags);
      const alarms = asked.answers.flatMap(({ answer: { name, alarms } }) =>
        alarms.map((alarm) => ({ entity: name, ...alarm })),
      );
      if (flags.json === true) print(JSON.stringify(alarms, null, 2));
      else if (alarms.length === 0 && asked.answers.length > 0) print('no alarms');
      else if (alarms.length > 0)
        process.stdout.write(
          table(
            ['ENTITY', 'SEVERITY', 'SINCE', 'ALARM', 'ABOUT', 'TEXT'],
            alarms.map(({ entity, severity, since, name, about, text }) => [
              ...[entity, severity, since ?? '-', name, about === '' ? '-' : about, text],
            ]),
          ),
        );
      requireAll(asked);
    });
}

export function metricsCommand(): Command {
  return aboutEntities('metrics')
    .description('the metrics of one entity, as Prometheus reads them')
    .addHelpText('after', '\nExample:\n  $ claviger metrics --config df.json')
    .action(async (flags: Flags) => {
      const [socket, ...others] = entitiesOf(flags).sockets;
      if (socket === undefined || others.length > 0)
        throw new CliError('usage', `${others.length + 1} entities are meant: metrics are of one at a time`);
      const text = await askText(socket, ['GET', '/metrics']);
      if (flags.json === true) print(JSON.stringify({ metrics: text.split('\n').slice(0, -1) }, null, 2));
      else process.stdout.write(text);
    });
}

export function reloadCommand(): Command {
  return aboutEntities('reload')
    .description(
      'have entities read certificates, authorities, subscribers and log level again, as SIGHUP does',
    )
    .addHelpText(
      'after',
      `
Connections stand. What cannot be taken while an entity runs is named. Where the new
settings are wrong, those in force stay, and it ends with 1, as where one of them does not answer;
the others have been asked then.

Examples:
  $ claviger reload --config df.json
  $ claviger reload --state lab/state`,
    )
    .action(async (flags: Flags) => {
      const asked = await askEach(flags, 'in turn', (socket) =>
        askControl(socket, ['POST', '/reload'], REPORT_FORM),
      );
      const reports = inOne(asked);
      if (flags.json === true) print(JSON.stringify(reports, null, 2));
      else
        for (const { socket, taken, needRestart, problems } of reports) {
          print(
            `${socket}: ${taken.length === 0 ? 'nothing has changed that can be taken' : `taken: ${taken.join(', ')}`}`,
          );
          if (needRestart.length > 0) print(`  in force only after a restart: ${needRestart.join(', ')}`);
          for (const problem of problems) print(`  not taken: ${problem}`);
        }
      requireAll(asked);
      if (reports.some(({ problems }) => problems.length > 0))
        throw new CliError('failed', 'not all could be taken', 'What was in force before still is.');
    });
}

export function drainCommand(): Command {
  return aboutEntities('drain')
    .description('wait until what an entity has queued has gone out')
    .addOption(new Option('--ms <milliseconds>', 'how long at most').argParser(wholeNumber).default(10_000))
    .addHelpText(
      'after',
      `
What comes meanwhile is still taken. Ends with 1 if something still waits then.

Example:
  $ claviger drain --config df.json --ms 60000`,
    )
    .action(async (flags: Flags & { ms: number }) => {
      const { ms } = flags;
      const asked = await askEach(flags, 'at once', (socket) =>
        askControl(socket, ['POST', '/drain'], DRAINED_FORM, { ms }, ms),
      );
      const found = inOne(asked);
      if (flags.json === true) print(JSON.stringify(found, null, 2));
      else
        for (const { socket, drained } of found)
          print(`${socket}: ${drained ? 'nothing waits' : 'something still waits'}`);
      requireAll(asked);
      if (found.some(({ drained }) => !drained))
        throw new CliError('failed', `something still waits after ${ms} ms`);
    });
}

export function logLevelCommand(): Command {
  return aboutEntities('log-level')
    .description('tell what entities log, or set it until they are started again')
    .addArgument(new Argument('[level]', 'what is logged from now on').choices(LOG_LEVELS))
    .addHelpText('after', '\nExample:\n  $ claviger log-level debug --config df.json')
    .action(async (level: LogLevel | undefined, flags: Flags) => {
      const asked = await askEach(flags, 'in turn', (socket) =>
        level === undefined
          ? askControl(socket, ['GET', '/log-level'], LEVEL_FORM)
          : askControl(socket, ['POST', '/log-level'], LEVEL_FORM, { level }),
      );
      const found = inOne(asked);
      if (flags.json === true) print(JSON.stringify(found, null, 2));
      else for (const { socket, level: now } of found) print(`${socket}: ${now}`);
      requireAll(asked);
    });
}

/* ---------------------------------------------------------------- helpers */

function statuses(flags: Flags): Promise<Asked<Status>> {
  return askEach(flags, 'at once', (socket) => askControl(socket, ['GET', '/status'], STATUS_FORM));
}

/** Each answer beside whose it is. */
function inOne<T extends object>({ answers }: Asked<T>): ({ readonly socket: string } & T)[] {
  return answers.map(({ socket, answer }) => ({ socket, ...answer }));
}

function whyNot({ name, reasons }: Status): AskFailure {
  return { text: harmless(`${name} is not ready: ${reasons.join('; ')}`) };
}

function overview(found: readonly Status[]): string {
  return table(
    [
      'ENTITY',
      'NAME',
      'READY',
      'UP',
      'RESTARTS',
      'CERTIFICATE',
      'TASKS',
      'QUEUED',
      'OLDEST',
      'PEERS',
      'ALARMS',
    ],
    found.map((status) => {
      const { queues, peers } = status;
      const oldest = queues.flatMap((queue) => queue.oldest ?? []).sort()[0];
      return [
        status.entity,
        status.name,
        status.ready ? 'yes' : 'no',
        span(status.uptimeSeconds),
        String(status.restarts),
        `${status.certificate.daysLeft} d`,
        String(status.tasks),
        String(queues.reduce((sum, { entries }) => sum + entries, 0)),
        oldest ?? '-',
        `${peers.filter(({ state }) => state !== 'down').length}/${peers.length}`,
        String(status.alarms.length),
      ];
    }),
  );
}

function inFull(status: Status): string {
  const { certificate, audit, queues, peers, alarms } = status;
  const facts = [
    ['entity', `${status.entity} ${status.name}, version ${status.version}, process ${status.pid}`],
    ['ready', status.ready ? 'yes' : `no: ${status.reasons.join('; ')}`],
    [
      'up',
      `${span(status.uptimeSeconds)}, since ${status.started}${status.restarts === 0 ? '' : `, restarts: ${status.restarts}`}`,
    ],
    ['certificate', `${certificate.subject}, until ${certificate.notAfter} (${certificate.daysLeft} days)`],
    ['tasks', `${status.tasks}, destinations ${status.destinations}`],
    ['audit log', auditLine(status.auditWritable, audit)],
    ...queues.map(({ name, to, entries, octets, oldest }) => [
      'queue',
      `${name}${to === '' ? '' : ` to ${to}`}: ${entries}${octets === null ? '' : `, ${octets} octets`}${oldest === null ? '' : `, oldest of ${oldest}`}`,
    ]),
    ...peers.map(({ name, role, state }) => ['peer', `${role} ${name}: ${state}`]),
    ...alarms.map(({ severity, name, about, text }) => [
      'alarm',
      `${severity} ${name}${about === '' ? '' : ` (${about})`}: ${text}`,
    ]),
  ];
  return facts.map(([what = '', text = '']) => `${what.padEnd(12)}${harmless(text)}\n`).join('');
}

function auditLine(writable: boolean | null, last: Status['audit']): string {
  if (writable === null) return 'none is kept';
  const end = last === null ? 'no record yet' : `last record ${last.sequence}, of ${last.time}`;
  return writable ? end : `cannot be written; ${end}`;
}

/** In the two largest units. */
function span(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ] as const;
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return '0 s';
  const parts = units.slice(first, first + 2).map(([unit, size], at) => {
    const count = at === 0 ? seconds / size : (seconds % (units[first]?.[1] ?? 1)) / size;
    return `${Math.floor(count)} ${unit}`;
  });
  return parts.join(' ');
}

function wholeNumber(text: string): number {
  const value = /^\d{1,7}$/.test(text) ? Number(text) : NaN;
  if (!(value <= 3_600_000))
    throw new CliError('usage', `--ms ${harmless(text)} is not a whole number from 0 to 3600000`);
  return value;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

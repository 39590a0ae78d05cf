/** What entities that run say of themselves, and what they can be told, over their control sockets. */
import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import Type from 'typebox';
import { Form, strict } from '../../bytes/schema.ts';
import { LOG_LEVELS } from '../../host/log.ts';
import type { LogLevel } from '../../host/log.ts';
import { STATUS } from '../../host/operation.ts';
import type { Status } from '../../host/operation.ts';
import { RELOAD_REPORT } from '../../host/reload.ts';
import { aboutEntities, askControl, askText, socketsOf } from '../control-client.ts';
import type { ChosenSocket } from '../control-client.ts';
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
Ends with 0 if all are ready, with 1 if one is not, or does not answer.

Examples:
  $ claviger status --config df.json
  $ claviger status --state lab`,
    )
    .action(async (flags: Flags) => {
      const asked = await statuses(flags);
      const found = asked.flatMap(({ status }) => status ?? []);
      if (flags.json === true) print(JSON.stringify(found, null, 2));
      else if (found.length === 1 && asked.length === 1)
        for (const status of found) process.stdout.write(inFull(status));
      else if (found.length > 0) process.stdout.write(overview(found));
      failIfAnyFailed(asked);
      const waiting = found.filter(({ ready }) => !ready);
      if (waiting.length > 0)
        throw new CliError('failed', `${waiting.length} of ${found.length} are not ready`, whyNot(waiting));
    });
}

export function alarmsCommand(): Command {
  return aboutEntities('alarms')
    .description('what is wrong with entities now')
    .addHelpText('after', '\nExample:\n  $ claviger alarms --state lab')
    .action(async (flags: Flags) => {
      const asked = await statuses(flags);
      const alarms = asked.flatMap(({ status }) =>
        status === null ? [] : status.alarms.map((alarm) => ({ entity: status.name, ...alarm })),
      );
      if (flags.json === true) print(JSON.stringify(alarms, null, 2));
      else if (alarms.length === 0 && asked.some(({ status }) => status !== null)) print('no alarms');
      else if (alarms.length > 0)
        process.stdout.write(
          table(
            ['ENTITY', 'SEVERITY', 'SINCE', 'ALARM', 'ABOUT', 'TEXT'],
            alarms.map(({ entity, severity, since, name, about, text }) => [
              ...[entity, severity, since ?? '-', name, about === '' ? '-' : about, text],
            ]),
          ),
        );
      failIfAnyFailed(asked);
    });
}

export function metricsCommand(): Command {
  return aboutEntities('metrics')
    .description('the metrics of one entity, as Prometheus reads them')
    .addHelpText('after', '\nExample:\n  $ claviger metrics --config df.json')
    .action(async (flags: Flags) => {
      const [socket, ...others] = socketsOf(flags);
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
settings are wrong, those in force stay, and it ends with 1.

Example:
  $ claviger reload --config df.json`,
    )
    .action(async (flags: Flags) => {
      const reports = [];
      for (const socket of socketsOf(flags))
        reports.push({ socket, ...(await askControl(socket, ['POST', '/reload'], REPORT_FORM)) });
      if (flags.json === true) print(JSON.stringify(reports, null, 2));
      else
        for (const { socket, taken, needRestart, problems } of reports) {
          print(
            `${socket}: ${taken.length === 0 ? 'nothing has changed that can be taken' : `taken: ${taken.join(', ')}`}`,
          );
          if (needRestart.length > 0) print(`  in force only after a restart: ${needRestart.join(', ')}`);
          for (const problem of problems) print(`  not taken: ${problem}`);
        }
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
      const asked = socketsOf(flags).map(async (socket) => ({
        socket,
        ...(await askControl(socket, ['POST', '/drain'], DRAINED_FORM, { ms }, ms)),
      }));
      const found = await Promise.all(asked);
      if (flags.json === true) print(JSON.stringify(found, null, 2));
      else
        for (const { socket, drained } of found)
          print(`${socket}: ${drained ? 'nothing waits' : 'something still waits'}`);
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
      const found = [];
      for (const socket of socketsOf(flags)) {
        const request =
          level === undefined ? (['GET', '/log-level'] as const) : (['POST', '/log-level'] as const);
        const body = level === undefined ? undefined : { level };
        found.push({ socket, ...(await askControl(socket, request, LEVEL_FORM, body)) });
      }
      if (flags.json === true) print(JSON.stringify(found, null, 2));
      else for (const { socket, level: now } of found) print(`${socket}: ${now}`);
    });
}

/* ---------------------------------------------------------------- helpers */

interface Asked {
  /** `null`: it gave none. */
  readonly status: Status | null;
  readonly error: unknown;
}

/** Asks all at once; one that does not answer keeps nobody from being told of the others. */
function statuses(flags: Flags): Promise<Asked[]> {
  return Promise.all(
    socketsOf(flags).map((socket) =>
      askControl(socket, ['GET', '/status'], STATUS_FORM).then(
        (status) => ({ status, error: null }),
        (error: unknown) => ({ status: null, error }),
      ),
    ),
  );
}

function failIfAnyFailed(asked: readonly Asked[]): void {
  const failed = asked.find(({ error }) => error !== null);
  if (failed !== undefined) throw failed.error;
}

function whyNot(waiting: readonly Status[]): string {
  return harmless(waiting.map(({ name, reasons }) => `${name}: ${reasons.join('; ')}`).join(' | '));
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

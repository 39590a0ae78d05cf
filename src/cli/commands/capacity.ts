/** `claviger capacity`: how many machines, how much storage and bandwidth a network takes, and by which measured costs. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { estimate } from '../../capacity/estimate.ts';
import type { Estimate } from '../../capacity/estimate.ts';
import { PARAMETER_NAMES, PARAMETERS, parametersOf } from '../../capacity/parameters.ts';
import type { Parameter, ParameterName, Parameters } from '../../capacity/parameters.ts';
import { COST_NAMES, RUNS, UNIT_COSTS } from '../../capacity/unit-costs.ts';
import { tellDone } from '../as-json.ts';
import type { JsonFlag } from '../as-json.ts';
import { table } from '../terminal.ts';

type CapacityFlags = Partial<Parameters> & JsonFlag;

const EXAMPLES = `
Rates are those of the busiest hour. Figures are sums of what a unit costs by measurement
(docs/scale.md says how): no queue is reckoned, and nothing fails. Numbers may be written
as 10e6.

Examples:
  $ claviger capacity --subscribers 10e6 --targets 5000
  $ claviger capacity --subscribers 10e6 --targets 5000 --calls-per-second 4000 --json
  $ claviger capacity --packet-rate 50 --packet-octets 80 --call-seconds 180 --cores 8`;

export function capacityCommand(): Command {
  const command = new Command('capacity')
    .description('reckon machines, storage and bandwidth of a network from what a unit was measured to cost')
    .addHelpText('after', EXAMPLES);
  for (const name of PARAMETER_NAMES) command.addOption(optionOf(name));
  return command.option('--json', 'print JSON').action(capacity);
}

function optionOf(name: ParameterName): Option {
  const parameter: Parameter = PARAMETERS[name];
  const { what, unit, byDefault } = parameter;
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const counted = unit === '' || what.includes(unit) ? '' : `, ${unit}`;
  const known = typeof byDefault === 'number' ? String(byDefault) : byDefault.words;
  return new Option(`--${flag} <number>`, `${what}${counted} (default: ${known})`).argParser(numberOf);
}

function numberOf(text: string): number {
  const number = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(number)) throw new InvalidArgumentError('a number: 5000, 0.25, 10e6.');
  return number;
}

function capacity({ json, ...given }: CapacityFlags): void {
  const parameters = parametersOf(given);
  const found = estimate(parameters);
  const done = { parameters, ...found, costs: UNIT_COSTS, runs: RUNS };
  tellDone(done, textOf(given, parameters, found), { ...(json === undefined ? {} : { json }) });
}

function textOf(given: Partial<Parameters>, parameters: Parameters, found: Estimate): string {
  const { load, roles, storage, interfaces, engines, limits } = found;
  const parts = [
    'Assumptions\n',
    table(
      ['parameter', 'value', '', ''],
      PARAMETER_NAMES.map((name) => {
        const { unit, what }: Parameter = PARAMETERS[name];
        const from = given[name] === undefined ? 'by default' : 'as given';
        return [name, `${inWords(parameters[name])}${unit === '' ? '' : ` ${unit}`}`, from, what];
      }),
    ),
    '\nA second of the busiest hour\n',
    table(
      ['what', 'number'],
      [
        ['calls that begin', inWords(load.calls)],
        ['calls that are up', inWords(load.callsUp)],
        ['… of targets', inWords(load.targetCallsUp)],
        ['SIP messages at CSCFs', inWords(load.sip)],
        ['packets at gateways', inWords(load.packets)],
        ['PDUs of X2', inWords(load.x2)],
        ['PDUs of X3', inWords(load.x3)],
        ['questions to KMSs for keys', inWords(load.getKeys)],
        ['REQUEST_KEYs', inWords(load.requestKeys)],
      ],
    ),
    '\nMachines\n',
    table(
      ['role', 'cores', 'processes', 'machines', 'how they share'],
      roles.map((each) => [
        ...[each.role, inWords(each.cores), String(each.processes), String(each.machines), each.shares],
      ]),
    ),
    '\nStorage\n',
    table(
      ['what', 'a day', 'at most', 'kept'],
      storage.map((each) => [
        each.what,
        each.octetsPerDay === 0 ? '' : octetsInWords(each.octetsPerDay),
        each.octets === null ? '' : octetsInWords(each.octets),
        each.kept,
      ]),
    ),
    '\nBandwidth, without TLS and TCP\n',
    table(
      ['interface', 'Mbit/s'],
      interfaces.map(({ name, bitsPerSecond }) => [name, inWords(bitsPerSecond / 1e6)]),
    ),
    '\nEngines, a second\n',
    table(
      ['engine', 'number', 'what'],
      engines.map(({ engine, perSecond, what }) => [engine, inWords(perSecond), what]),
    ),
    ...(limits.length === 0 ? [] : ['\nLimits\n', ...limits.map((limit) => `${limit}\n`)]),
    '\nCosts\n',
    table(
      ['cost', 'value', 'run', 'what'],
      COST_NAMES.map((name) => {
        const { value, unit, run, what } = UNIT_COSTS[name];
        return [name, `${inWords(value)} ${unit}`, run, what];
      }),
    ),
    '\nRuns\n',
    table(
      ['run', 'command', 'date', 'machine'],
      Object.entries(RUNS).map(([name, { command, date, machine }]) => [name, command, date, machine]),
    ),
  ];
  return parts.join('');
}

/** To three digits, or whole. */
function inWords(value: number): string {
  if (value === 0 || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

const SIZES = ['octets', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

function octetsInWords(octets: number): string {
  const power = Math.min(SIZES.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, octets)) / 3)));
  return `${inWords(octets / 1000 ** power)} ${SIZES[power] ?? ''}`;
}

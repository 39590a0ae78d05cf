/** `claviger set-aside`: the PDUs that an element keeps because nobody would take them. */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { SetAsideFile, SetAsideReader, setAsideBeside } from '../../storage/set-aside.ts';
import type { KeptPdu } from '../../storage/set-aside.ts';
import { decimal } from '../../sip/text.ts';
import { describePdu } from '../../wire/shown/describe-pdu.ts';
import { escaped, renderFields } from '../../wire/shown/shown.ts';
import { tellDone } from '../as-json.ts';
import type { JsonFlag } from '../as-json.ts';
import { CliError } from '../failure.ts';
import { StorageError } from '../../storage/errors.ts';
import { requireReadable, writeWhole } from '../../storage/files.ts';

interface Options {
  readonly json?: true;
  readonly out?: string;
}

const FILE = 'STORE.set-aside.db of a CSCF, gateway or DF, or the store that it lies beside';

export function setAsideCommand(): Command {
  return new Command('set-aside')
    .description('PDUs of X2, X3, HI2 and HI3 that a receiver refused, or that could not be worked on')
    .addCommand(
      new Command('list')
        .description('list them, one a line; also while the entity runs')
        .argument('<file>', FILE)
        .option('--json', 'print JSON, one object a line')
        .addHelpText('after', '\nExample:\n  $ claviger set-aside list home1/df.db')
        .action(list),
    )
    .addCommand(
      new Command('show')
        .description('print every field of them; keys are not shown')
        .argument('<file>', FILE)
        .argument('[numbers...]', 'those with these numbers; default: all')
        .option('--json', 'print JSON, one object a line')
        .option('--out <file>', 'write the octets of the one that is named, keys included, to a new file')
        .addHelpText('after', '\nExample:\n  $ claviger set-aside show home1/df.db 3')
        .action(show),
    )
    .addCommand(
      new Command('delete')
        .description('delete those that are named, and no others')
        .argument('<file>', FILE)
        .argument('<numbers...>', 'their numbers')
        .option('--json', 'print which were deleted as JSON')
        .addHelpText('after', '\nExample:\n  $ claviger set-aside delete home1/df.db 3 4')
        .action(remove),
    );
}

function list(file: string, options: Options): void {
  let count = 0;
  for (const pdu of keptIn(file, [])) {
    count += 1;
    const { octets, time, ...about } = pdu;
    const line = { ...about, time: new Date(time).toISOString(), octets: octets.length };
    process.stdout.write(`${options.json === true ? JSON.stringify(line) : headOf(pdu)}\n`);
  }
  if (count === 0 && options.json !== true) process.stdout.write('nothing is set aside\n');
}

function show(file: string, numbers: readonly string[], options: Options): void {
  const wanted = numbersOf(numbers);
  if (options.out !== undefined && wanted.length !== 1)
    throw new CliError('usage', '--out writes one PDU', 'Name it by its number.');
  for (const pdu of keptIn(file, wanted)) {
    const { octets, time, ...about } = pdu;
    if (options.out !== undefined) writeWhole(options.out, octets, { mode: 0o600, flag: 'wx' });
    const pduFields = describePdu(pdu);
    const whole = { ...about, time: new Date(time).toISOString(), octets: octets.length, pdu: pduFields };
    process.stdout.write(
      options.json === true ? `${JSON.stringify(whole)}\n` : `${headOf(pdu)}\n${renderFields(pduFields)}`,
    );
  }
}

async function remove(file: string, numbers: readonly string[], flags: JsonFlag): Promise<void> {
  const wanted = numbersOf(numbers);
  const at = placeOf(file);
  let heads = '';
  for (const pdu of keptIn(file, wanted)) heads += `${headOf(pdu)}\n`;
  const store = new SetAsideFile(at);
  try {
    await store.remove(wanted);
  } finally {
    await store.close();
  }
  tellDone({ deleted: wanted }, `${heads}${wanted.length} deleted\n`, flags);
}

function headOf({ number, time, reference, did, subject, reason, octets }: KeptPdu): string {
  const to = did === '' ? '' : ` to ${did}`;
  const about = `${reference.toUpperCase()}${to}, of ${subject}: ${reason}, ${octets.length} octets`;
  return escaped(`${number}  ${new Date(time).toISOString()}  ${about}`);
}

/** @throws CliError `input` if one of those that are wanted is not there */
function* keptIn(file: string, wanted: readonly number[]): Generator<KeptPdu> {
  const reader = readerOf(file);
  if (reader === null) {
    if (wanted.length === 0) return;
    throw new CliError('input', `nothing is set aside beside ${file}`);
  }
  try {
    const numbers = wanted.length === 0 ? reader.numbers() : wanted;
    const missing = wanted.filter((number) => reader.get(number) === null);
    if (missing.length > 0)
      throw new CliError(
        'input',
        `nothing is set aside under ${missing.join(', ')}`,
        'claviger set-aside list FILE',
      );
    for (const number of numbers) {
      const pdu = reader.get(number);
      // Meanwhile it may have given way to others.
      if (pdu !== null) yield pdu;
    }
  } finally {
    reader.close();
  }
}

/** `null`: it is a store beside which nothing was ever set aside. @throws FileError `unreadable`; StorageError */
function readerOf(file: string): SetAsideReader | null {
  const at = placeOf(file);
  try {
    return new SetAsideReader(at);
  } catch (error) {
    if (error instanceof StorageError && error.code === 'foreign' && at === file) return null;
    throw error;
  }
}

/** @throws FileError `unreadable` */
function placeOf(file: string): string {
  const beside = setAsideBeside(file);
  if (existsSync(beside)) return beside;
  requireReadable(file);
  return file;
}

/** @throws CliError `usage` */
function numbersOf(texts: readonly string[]): number[] {
  const numbers = texts.map((text) => decimal(text, Number.MAX_SAFE_INTEGER));
  const wrong = texts.find((_, at) => numbers[at] === null);
  if (wrong !== undefined)
    throw new CliError('usage', `${escaped(wrong)} is not a number`, 'claviger set-aside list says them.');
  return [...new Set(numbers.flatMap((number) => number ?? []))];
}

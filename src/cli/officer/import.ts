/**
 * `claviger warrant import`: a file of warrants against what is on record. Its form is checked as a whole before anything
 * is entered; the ADMF takes each of its parts whole or not at all. What is on record otherwise is not changed, and what was imported once and is not in the file any more goes on:
 * both are told of, and the command does not end well.
 */
import Type from 'typebox';
import { faultText, Form } from '../../bytes/schema.ts';
import { WARRANT_ENTRY } from '../../wire/officers/terms.ts';
import { decodeImported, IMPORTS_PATH, MOST_IMPORTED } from '../../wire/officers/warrants.ts';
import type { WarrantView } from '../../wire/officers/warrants.ts';
import { CliError } from '../failure.ts';
import type { OfficerApi } from './api.ts';
import { readJson } from './contents.ts';
import { listAll } from './list.ts';

const FILE_FORM = new Form(Type.Object({ warrants: Type.Array(WARRANT_ENTRY) }), { all: true });

interface ImportFlags {
  readonly draft?: true;
  readonly json?: true;
}

interface Outcome {
  readonly entered: string[];
  readonly unchanged: string[];
  readonly differing: string[];
  /** Imported once, in force or to be, and not in the file. */
  readonly gone: string[];
}

/** States in which nothing comes of a warrant any more. */
const CLOSED: readonly WarrantView['state'][] = ['ended', 'rejected', 'failed'];

export async function importFile(file: string, flags: ImportFlags, api: OfficerApi): Promise<void> {
  const warrants = warrantsIn(readJson(file), file);
  const outcome = await inParts(warrants, { submit: flags.draft !== true }, api);
  const named = new Set(warrants.map(liidOf));
  const imported = await listAll(api, { imported: 'true' }, Infinity);
  const gone = imported
    .map(({ value }) => value)
    .filter(({ liid, state }) => !named.has(liid) && !CLOSED.includes(state));
  const all: Outcome = { ...outcome, gone: gone.map(({ liid }) => liid) };
  process.stdout.write(flags.json === true ? `${JSON.stringify(all)}\n` : outcomeText(all));
  if (all.differing.length + all.gone.length === 0) return;
  throw new CliError(
    'failed',
    `${file} and the record are not the same`,
    'Nothing was changed of these: claviger warrant amend, extend or withdraw does it, with a reason.',
  );
}

function warrantsIn(json: unknown, file: string): unknown[] {
  const held: unknown =
    typeof json === 'object' && json !== null && 'warrants' in json ? json.warrants : json;
  if (!Array.isArray(held))
    throw new CliError(
      'input',
      `${file} holds no list of warrants`,
      'It is a list, or an object with `warrants`.',
    );
  const warrants: unknown[] = held;
  requireForm(warrants, file);
  const seen = new Set<string>();
  for (const liid of warrants.map(liidOf)) {
    if (liid === undefined) continue;
    if (seen.has(liid)) throw new CliError('input', `${file} has ${liid} twice`, 'One warrant has one LIID.');
    seen.add(liid);
  }
  return warrants;
}

/** All that is wrong with the file, before the ADMF sees any of it. */
function requireForm(warrants: readonly unknown[], file: string): void {
  FILE_FORM.readOr({ warrants }, (faults) => {
    const lines = faults.map((fault) => `${file}: ${faultText(fault, 'the file', 'member')}`);
    return new CliError('input', lines.join('\n'), 'Nothing was entered.');
  });
}

function liidOf(warrant: unknown): string | undefined {
  if (typeof warrant !== 'object' || warrant === null || !('liid' in warrant)) return undefined;
  return typeof warrant.liid === 'string' ? warrant.liid : undefined;
}

async function inParts(
  warrants: readonly unknown[],
  how: { readonly submit: boolean },
  api: OfficerApi,
): Promise<Omit<Outcome, 'gone'>> {
  const entered: string[] = [];
  const unchanged: string[] = [];
  const differing: string[] = [];
  for (let at = 0; at < warrants.length; at += MOST_IMPORTED) {
    const part = { warrants: warrants.slice(at, at + MOST_IMPORTED), ...how };
    const { value } = await api.post(IMPORTS_PATH, part, decodeImported);
    entered.push(...value.entered);
    unchanged.push(...value.unchanged);
    differing.push(...value.differing);
  }
  return { entered, unchanged, differing };
}

function outcomeText({ entered, unchanged, differing, gone }: Outcome): string {
  const line = (what: string, liids: readonly string[]): string =>
    liids.length === 0 ? '' : `${what}: ${liids.join(' ')}\n`;
  return [
    `${entered.length} entered, ${unchanged.length} as on record\n`,
    line('on record otherwise', differing),
    line('on record and not in the file', gone),
  ].join('');
}

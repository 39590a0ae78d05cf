/**
 * The frame of a benchmark that starts processes of its own program: the options that each such benchmark has, the parts
 * that it can be started as, and a folder on a disk for as long as it runs.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describeMachine, requireDisk, unmeasurable } from './machine.ts';

/** For `parseArgs`. */
export const COMMON_OPTIONS = {
  folder: { type: 'string', default: path.join('dist', 'bench-state') },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  /** Of the processes that this one starts: which, and its settings as JSON. */
  part: { type: 'string' },
  settings: { type: 'string', default: '{}' },
} as const;

export interface Program {
  readonly help: string;
  /** As parsed. */
  readonly values: {
    readonly folder: string;
    readonly help: boolean;
    readonly part?: string | undefined;
    readonly settings: string;
  };
  readonly parts: Readonly<Record<string, (settings: unknown) => Promise<void>>>;
  /** Why there is nothing to measure; `null`: there is. */
  readonly without?: () => string | null;
  /** Looks at options before anything is begun, and gives what measures. */
  readonly prepared: () => (folder: string) => Promise<void>;
}

/** Ends the process: it was asked for something that is not there. */
export function fail(text: string): never {
  console.error(text);
  process.exit(2);
}

/** @param name of the benchmark, with which its folder's name begins */
export async function runProgram(name: string, program: Program): Promise<void> {
  const { help, values, parts, without, prepared } = program;
  if (values.help) {
    console.log(help);
    return;
  }
  if (values.part !== undefined) {
    const part = parts[values.part] ?? fail(`no part ${values.part}`);
    await part(JSON.parse(values.settings));
    return;
  }
  const run = prepared();
  const reason = unmeasurable() ?? without?.() ?? null;
  if (reason !== null) fail(reason);
  mkdirSync(values.folder, { recursive: true });
  requireDisk(values.folder);
  const folder = mkdtempSync(path.join(path.resolve(values.folder), `${name}-`));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  // What a measurement that failed has left open would keep it.
  process.exit();
}

/** The machine in a line, before and after. */
export function machineLine(before: ReturnType<typeof describeMachine>): string {
  const { processor, cores, load } = before;
  const after = describeMachine().load;
  return `${cores} × ${processor}, load ${load.toFixed(1)} before and ${after.toFixed(1)} after`;
}

/** A shell in a folder of its own in which `claviger` is the command line that was built: what an operator types. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { Child } from './child.ts';
import { buildOnce, cli } from './cli.ts';

/** How long a command may take on a machine that does other work. */
export const COMMAND_MS = 240_000;

export interface Entered {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export class LabShell {
  readonly folder: string;
  readonly #bin: string;
  #isUp = false;

  private constructor(folder: string) {
    this.folder = folder;
    this.#bin = path.join(folder, 'bin');
  }

  /** Builds the command line; the folder has the package's `assets` in it. */
  static async open(): Promise<LabShell> {
    await buildOnce();
    const shell = new LabShell(mkdtempSync(path.join(tmpdir(), 'claviger-shell-')));
    mkdirSync(shell.#bin);
    const script = `#!/bin/sh\nexec "${process.execPath}" "${cli}" "$@"\n`;
    writeFileSync(path.join(shell.#bin, 'claviger'), script, { mode: 0o755 });
    symlinkSync(path.resolve(import.meta.dirname, '../../assets'), path.join(shell.folder, 'assets'));
    return shell;
  }

  at(...names: readonly string[]): string {
    return path.join(this.folder, ...names);
  }

  /** Whether the last line that was about it has started the laboratory `lab`. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** A line, to its end. */
  async enter(line: string): Promise<Entered> {
    const entered = await this.#run(line);
    if (line.includes('claviger up ')) this.#isUp = true;
    if (line.startsWith('claviger down ')) this.#isUp = entered.status !== 0;
    return entered;
  }

  #run(line: string): Promise<Entered> {
    return new Promise((resolve) => {
      execFile('sh', this.#args(line), { cwd: this.folder, timeout: COMMAND_MS }, (error, out, err) => {
        const code = error?.code;
        resolve({ status: error === null ? 0 : typeof code === 'number' ? code : -1, out, err });
      });
    });
  }

  /** A line that must end well; what it printed. */
  async must(line: string): Promise<string> {
    const { status, out, err } = await this.enter(line);
    expect(status, `${line}\n${out}${err}`).toBe(0);
    return out;
  }

  /** A command in a terminal of its own. */
  begin(command: string): Child {
    return Child.run('sh', this.#args(`exec ${command}`), this.folder);
  }

  /** Ends the laboratory if it is up. */
  async close(): Promise<void> {
    if (this.#isUp) await this.enter('claviger down lab');
    rmSync(this.folder, { recursive: true, force: true });
  }

  #args(line: string): string[] {
    return ['-c', `PATH="${this.#bin}:$PATH"; ${line}`];
  }
}

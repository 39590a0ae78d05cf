/** The command line in this process, so that entities of this process can answer it. */
import { Writable } from 'node:stream';
import { vi } from 'vitest';
import { reportFailure } from '../../src/cli/failure.ts';
import { createProgram } from '../../src/cli/program.ts';

/** A command: how it ended, and what it printed. */
export async function claviger(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += String(chunk);
    return true;
  });
  const to = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      err += chunk.toString();
      done();
    },
  });
  try {
    const program = await createProgram(args);
    for (const command of [program, ...program.commands])
      command.configureOutput({ writeErr: (text) => (err += text) });
    await program.parseAsync(['node', 'claviger', ...args]);
    return { status: 0, out, err };
  } catch (error) {
    return { status: reportFailure(error, to), out, err };
  } finally {
    spy.mockRestore();
  }
}

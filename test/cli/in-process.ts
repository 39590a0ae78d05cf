/** The command line in this process, so that entities of this process can answer it. */
import { vi } from 'vitest';
import { reportFailure } from '../../src/cli/failure.ts';
import { createProgram } from '../../src/cli/program.ts';

/** A command: how it ended, and what it printed. */
export async function claviger(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const printed = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      printed[stream] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      return true;
    }),
  );
  let status = 0;
  try {
    const program = await createProgram(args);
    await program.parseAsync(['node', 'claviger', ...args]);
    status = Number(process.exitCode ?? 0);
  } catch (error) {
    status = reportFailure(error, process.stderr);
  } finally {
    process.exitCode = undefined;
    for (const spy of spies) spy.mockRestore();
  }
  return { status, out: printed.stdout, err: printed.stderr };
}

#!/usr/bin/env node
/** The command line: one file a command below `commands/`; errors say what went wrong and what to do about it. */
import { fileError } from '../storage/files.ts';
import { createProgram } from './program.ts';
import { reportFailure } from './failure.ts';

// Whoever reads the output may stop before its end, as `head` does. What is left to do is to go.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  const failure = error.code === 'EPIPE' ? error : fileError('cannot write to standard output', error);
  process.exit(reportFailure(failure, process.stderr));
});
// What nobody waited for, in an entity or a timer: told like everything else, and the end of the process.
process.on('uncaughtException', (error) => process.exit(reportFailure(error, process.stderr)));

try {
  const program = await createProgram(process.argv.slice(2));
  await program.parseAsync(process.argv);
} catch (error) {
  process.exitCode = reportFailure(error, process.stderr);
}

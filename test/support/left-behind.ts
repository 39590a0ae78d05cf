/**
 * Runs beside each test file, in its process: files that run there later find what they would find alone. What a file has
 * changed of the process and left so is put back: spies, a clock made by hand, the environment, the folder.
 */
import { afterAll, vi } from 'vitest';

const folder = process.cwd();
const environment = { ...process.env };

// Hooks of the end are called from the last to the first: those of the file itself come before this one.
afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
  vi.useRealTimers();
  if (process.cwd() !== folder) process.chdir(folder);
  for (const name of Object.keys(process.env))
    if (!(name in environment)) Reflect.deleteProperty(process.env, name);
  for (const [name, value] of Object.entries(environment))
    if (process.env[name] !== value) process.env[name] = value;
});

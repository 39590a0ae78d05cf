/** Files that settings name, as they are when a process starts. */
import { readFileSync, statSync } from 'node:fs';
import { whyOf } from '../bytes/system-errors.ts';
import { ConfigError } from './config.ts';

/** A password in a line. @throws ConfigError */
export function passwordInFile(file: string): string {
  const [password = ''] = secretInFile(file, 'a password').split(/\r?\n/, 1);
  if (password === '') throw new ConfigError('configuration', `${file} holds no password`);
  return password;
}

/** @throws ConfigError also where others than its owner may read it */
export function secretInFile(file: string, what: string): string {
  const content = contentOfFile(file);
  if ((statSync(file).mode & 0o077) !== 0)
    throw new ConfigError('configuration', `${file} holds ${what} and is open to others: chmod 600 it`);
  return content;
}

/** @throws ConfigError */
export function contentOfFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError('configuration', `cannot read ${file}: ${whyOf(cause)}`, { cause });
  }
}

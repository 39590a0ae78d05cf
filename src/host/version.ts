/** Which version of the program this is. */
import { readFileSync } from 'node:fs';

/** The version in package.json. */
export function programVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  const json: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof json === 'object' && json !== null && 'version' in json && typeof json.version === 'string')
    return json.version;
  throw new Error(`${file.pathname} has no version`);
}

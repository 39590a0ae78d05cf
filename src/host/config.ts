/**
 * Configuration as plain JSON: read field by field, each error naming its path and what was expected, unknown fields
 * refused (a misspelt setting must not pass for its default).
 */
import { readFileSync, statSync } from 'node:fs';
import { ClavigerError } from '../bytes/errors.ts';
import type { HostEntries } from '../net/hosts.ts';
import type { TlsFiles } from '../net/tls.ts';

export type ConfigErrorCode =
  /** A setting is missing, unknown or not of the form that is expected; the message names its path. */
  'configuration';

/** A configuration that cannot be used: nothing was started. */
export class ConfigError extends ClavigerError<ConfigErrorCode> {}

/** Where a server listens; port 0: any free one. */
export interface Listen {
  readonly address: string;
  readonly port: number;
}

/** One JSON object of a configuration. Read every field, then call `end`. */
export class Fields {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #read = new Set<string>();

  constructor(value: unknown, path = '') {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ConfigError(
        'configuration',
        `${path === '' ? 'the configuration' : path}: an object is expected`,
      );
    }
    this.#object = value as Record<string, unknown>;
    this.#path = path;
  }

  has(name: string): boolean {
    return this.#object[name] !== undefined;
  }

  string(name: string, fallback?: string): string {
    const value = this.#take(name) ?? fallback;
    if (typeof value !== 'string') throw this.#expected(name, 'a string');
    return value;
  }

  integer(name: string, range: { min?: number; max?: number; fallback?: number } = {}): number {
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = range;
    const value = this.#take(name) ?? range.fallback;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
      throw this.#expected(name, `a whole number from ${min} to ${max}`);
    }
    return value;
  }

  boolean(name: string, fallback?: boolean): boolean {
    const value = this.#take(name) ?? fallback;
    if (typeof value !== 'boolean') throw this.#expected(name, 'true or false');
    return value;
  }

  oneOf<T extends string>(name: string, values: readonly T[], fallback?: T): T {
    const value = this.#take(name) ?? fallback;
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) throw this.#expected(name, `one of ${values.join(', ')}`);
    return found;
  }

  /** A nested object; a missing one is read as empty if `optional`. */
  object(name: string, optional = false): Fields {
    return new Fields(this.#take(name) ?? (optional ? {} : undefined), this.#at(name));
  }

  /** A list of anything; `read` turns each element, with its path, into what is wanted. A missing list is empty. */
  list<T>(name: string, read: (element: unknown, path: string) => T): T[] {
    const value = this.#take(name) ?? [];
    if (!Array.isArray(value)) throw this.#expected(name, 'a list');
    return value.map((element: unknown, index) => read(element, `${this.#at(name)}[${index}]`));
  }

  strings(name: string): string[] {
    return this.list(name, (element, path) => {
      if (typeof element !== 'string')
        throw new ConfigError('configuration', `${path}: a string is expected`);
      return element;
    });
  }

  /** `{ address, port }`; the address is loopback by default. */
  listen(name: string): Listen {
    const fields = this.object(name, true);
    const listen = fields.address();
    fields.end();
    return listen;
  }

  /** `address` and `port` among other fields. */
  address(): Listen {
    return {
      address: this.string('address', '127.0.0.1'),
      port: this.integer('port', { max: 65535, fallback: 0 }),
    };
  }

  /** `{ certificate, privateKey, authorities }`: paths of PEM files. */
  tls(name: string): TlsFiles {
    const fields = this.object(name);
    const files = {
      certificate: fields.string('certificate'),
      privateKey: fields.string('privateKey'),
      authorities: fields.string('authorities'),
    };
    fields.end();
    return files;
  }

  /** A map of host names to `address[:port]`; a missing one is empty. */
  hosts(name: string): HostEntries {
    const entries = this.#take(name) ?? {};
    if (typeof entries !== 'object' || Array.isArray(entries))
      throw this.#expected(name, 'an object of strings');
    for (const target of Object.values(entries)) {
      if (typeof target !== 'string') throw this.#expected(name, 'an object of strings');
    }
    return entries as HostEntries;
  }

  /** Refuses fields that nobody asked for. */
  end(): void {
    for (const name of Object.keys(this.#object)) {
      if (!this.#read.has(name)) throw new ConfigError('configuration', `${this.#at(name)}: no such setting`);
    }
  }

  #take(name: string): unknown {
    this.#read.add(name);
    return this.#object[name];
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  #expected(name: string, what: string): ConfigError {
    const problem = this.has(name) ? 'is not' : 'is missing:';
    return new ConfigError('configuration', `${this.#at(name)} ${problem} ${what}`);
  }
}

/** The JSON of a configuration file. @throws ConfigError */
export function readConfigFile(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError('configuration', `cannot read ${file}`, { cause });
  }
  return parseConfig(text, file);
}

/** As `readConfigFile`, of a file that holds secrets: nobody but its owner may read it. @throws ConfigError */
export function readSecretFile(file: string): unknown {
  if (((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0)
    throw new ConfigError('configuration', `${file} holds secrets and is open to others: chmod 600 it`);
  return readConfigFile(file);
}

/**
 * JSON that may hold secrets. What the parser says about a fault quotes the text around it; only the place goes on.
 * @throws ConfigError
 */
export function parseConfig(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const position = /at position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
    const line = position === undefined ? null : text.slice(0, Number(position)).split('\n').length;
    throw new ConfigError('configuration', `${file} is not JSON${line === null ? '' : ` (line ${line})`}`);
  }
}

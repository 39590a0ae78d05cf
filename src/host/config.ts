/**
 * Configuration: files of JSON or YAML, and the parts that the schemas of entities' settings are made of.
 *
 * All that is wrong is told at once, each with file, path and what is expected; unknown settings are refused (a misspelt
 * one must not pass for its default). Tables of `docs/configuration.md` and the JSON Schemas of `api/config/` are made
 * from the schemas: `description` is the meaning, with the unit, and `absent` says what holds where a setting is missing
 * that has no constant default.
 */
import { readFileSync, statSync } from 'node:fs';
import Type from 'typebox';
import type { StaticDecode, TProperties, TSchema } from 'typebox';
import { LineCounter, parseDocument } from 'yaml';
import { ClavigerError, messageOf } from '../bytes/errors.ts';
import { bareHost } from '../bytes/network-address.ts';
import { whyOf } from '../bytes/system-errors.ts';
import { faultText, Form, strict, Unfit } from '../bytes/schema.ts';
import { CONNECTION_LIMITS, STREAM_LIMITS } from '../net/connections.ts';
import { fingerprintHex, GRANT_KEYS, isSubject } from '../net/role-table.ts';
import type { RoleGrant } from '../net/role-table.ts';
import { ENTITY_ROLES, PERSON_ROLES } from '../net/tls.ts';
import { LOG_LEVELS } from './log.ts';
import type { ConnectionLimits } from '../net/connections.ts';
import { filePath, resolvePaths } from './config-paths.ts';

export type ConfigErrorCode =
  /** Settings are missing, unknown or not of the form that is expected; the message has a line for each, with its path. */
  'configuration';

/** A configuration that cannot be used: nothing was started. */
export class ConfigError extends ClavigerError<ConfigErrorCode> {}

/** What a schema of settings is read to. */
export type ConfigOf<S extends TSchema> = StaticDecode<S>;

/** Reads settings of a schema. */
export interface ConfigReader<S extends TSchema> {
  /** `file` is named in errors, and relative paths are taken from its folder. @throws ConfigError */
  (json: unknown, file?: string): StaticDecode<S>;
  readonly schema: S;
}

export function configReader<S extends TSchema>(schema: S): ConfigReader<S> {
  const form = new Form(schema, { all: true });
  const read = (json: unknown, file?: string): StaticDecode<S> => {
    const settings = file === undefined ? json : resolvePaths(schema, json, file);
    return form.readOr(settings, (faults) => {
      const lines = faults.map((fault) => faultText(fault, 'the configuration', 'setting'));
      const from = file === undefined ? '' : `${file}: `;
      return new ConfigError('configuration', lines.map((line) => from + line).join('\n'));
    });
  };
  return Object.assign(read, { schema });
}

/* -------------------------------------------------------------------- settings */

/** What `setTimeout` can take; a longer time would be over at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** A hundred years. */
const LONGEST_SECONDS = 100 * 31_557_600;
const LARGEST_COUNT = 1_000_000_000;

interface Bounds {
  readonly min?: number;
  readonly max?: number;
  readonly default?: number;
}

/** A whole number: how many of something. */
export function count(description: string, { min = 0, max = LARGEST_COUNT, ...rest }: Bounds = {}) {
  return Type.Integer({
    minimum: min,
    maximum: max,
    description,
    ...rest,
  });
}

/** A time in milliseconds, for a timer. */
export function milliseconds(description: string, { max = LONGEST_TIMER_MS, ...rest }: Bounds = {}) {
  return count(description, { max, ...rest });
}

/** A time in seconds, to compare with. */
export function seconds(description: string, { max = LONGEST_SECONDS, ...rest }: Bounds = {}) {
  return count(description, { max, ...rest });
}

export function text(description: string, options: { default?: string; absent?: string } = {}) {
  return Type.String({ description, ...options });
}

export function flag(description: string, options: { default?: boolean } = {}) {
  return Type.Boolean({ description, ...options });
}

/** A text of which a program's value is made; `expected` says what it must be. */
export function parsed<T>(description: string, expected: string, parse: (text: string) => T) {
  return Type.Decode(Type.String({ description, errorMessage: expected }), parse);
}

/** A list, empty where it is missing. */
export function listOf<S extends TSchema>(element: S, options: { description?: string } = {}) {
  return Type.Array(element, { default: [], ...options });
}

const port = (description: string, options: Bounds = {}) => count(description, { max: 65_535, ...options });

/** An address of this machine, of IPv6 with brackets or without. */
function localAddress(description: string) {
  return Type.Decode(Type.String({ description, default: '127.0.0.1' }), bareHost);
}

/** `address` and `port` of a listener, among other settings. */
export function listenSettings(description: string) {
  return {
    address: localAddress(description),
    port: port('port; 0: any free one', { default: 0 }),
  };
}

/** Where a server listens. */
export function listener(description: string) {
  return strict(listenSettings(description), { default: {} });
}

/** Where a server listens; port 0: any free one. */
export type Listen = ConfigOf<ReturnType<typeof listener>>;

const LONGEST_PATIENCE_MS = 3_600_000;

/** Bounds of a listener's connections. */
function connectionSettings(from: ConnectionLimits, title: string) {
  const patience = (description: string, ms: number) =>
    milliseconds(description, { min: 1, max: LONGEST_PATIENCE_MS, default: ms });
  const most = (description: string, number: number) =>
    count(description, { min: 1, max: 1_000_000, default: number });
  return strict(
    {
      handshakeMs: patience('from the connection to the end of the handshake', from.handshakeMs),
      firstRequestMs: patience('from there to the first request, or octet', from.firstRequestMs),
      idleMs: patience('between requests, or octets', from.idleMs),
      requestMs: patience("from a request's head to its end", from.requestMs),
      exchangeMs: patience("from a request's head until its answer is taken", from.exchangeMs),
      most: most('connections at once', from.most),
      perAddress: most('of one address', from.perAddress),
      perPeer: most('under one certificate', from.perPeer),
    },
    { default: {}, title },
  );
}

const CONNECTIONS = connectionSettings(CONNECTION_LIMITS, 'connections');
const STREAMS = connectionSettings(STREAM_LIMITS, 'streams');

/** `address`, `port` and the bounds of connections of an HTTPS server, among other settings. */
export function httpsListenSettings(description: string) {
  return { ...listenSettings(description), connections: CONNECTIONS };
}

/** Where an HTTPS server listens, with the bounds of its connections. */
export function httpsListener(description: string) {
  return strict(httpsListenSettings(description), { default: {} });
}

/** Names in certificates that are admitted; the role alone admits nobody. */
function admitted(description: string, absent: string) {
  return Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description, absent }));
}

/** As `httpsListener`, for clients by name. `peers`: who they are; `absent`: their usual names; `more`: other settings. */
export function namedListener<P extends TProperties>(
  description: string,
  peers: string,
  absent: string,
  more: P,
) {
  const settings = { ...httpsListenSettings(description), peers: admitted(peers, absent), ...more };
  return strict(settings, { default: {} });
}

/** As `namedListener`, for a stream over TLS. */
export function streamListener(description: string, peers: string, absent: string) {
  const settings = { ...listenSettings(description), connections: STREAMS, peers: admitted(peers, absent) };
  return strict(settings, { default: {} });
}

/** What the settings of every entity that runs as a process have for those who operate it (`operate.ts`). */
export const OPERATION_SETTINGS = {
  admin: Type.Optional(
    strict({
      ...httpsListenSettings(
        'where health and metrics are read: by HTTP on loopback; elsewhere, and where `peers` are named, by HTTPS with certificates of operators and auditors, who also read the status, and the audit log, or of an ADMF that does so for them',
      ),
      peers: admitted(
        'names in certificates that are admitted; needed where it is not on loopback',
        'nobody; on loopback everybody, without certificates',
      ),
    }),
  ),
  controlSocket: Type.Optional(
    filePath('path of the control socket, 107 octets at most', {
      absent: '`control.sock` in the folder of the state, or `STORE.control.sock`',
    }),
  ),
  log: Type.Optional(
    Type.Enum([...LOG_LEVELS], { description: 'what is logged; `--log` goes first', absent: 'info' }),
  ),
};

/** A door of somebody else: an origin. @param example of one */
export function doorUrl(description: string, example: string) {
  const expected = `an https URL without a path, e.g. ${example}`;
  return parsed(description, expected, (text) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    const isBare = url?.pathname === '/' && url.search + url.hash + url.username + url.password === '';
    if (url?.protocol !== 'https:' || !isBare) throw new Unfit(expected);
    return url.origin;
  });
}

/** The host and port of somebody else. */
export function peerAddress(host: string, its = 'its port') {
  return strict({ host: Type.Decode(text(host), bareHost), port: port(its, { min: 2 }) });
}

const ROLE_GRANT = Type.Decode(
  strict({
    subject: Type.Optional(
      text('the subject of the certificate, all of its attributes: `CN=df, O=Operator, C=DE`', {
        absent: 'one of the other two',
      }),
    ),
    san: Type.Optional(
      text('one of its subject alternative names: a DNS name or a URI', { absent: 'one of the other two' }),
    ),
    fingerprint: Type.Optional(
      text('its SHA-256 fingerprint, in hex with colons or without', { absent: 'one of the other two' }),
    ),
    roles: Type.Array(Type.Enum([...ENTITY_ROLES, ...PERSON_ROLES]), {
      minItems: 1,
      description: 'the roles that it has',
    }),
  }),
  (grant) => {
    const { subject, fingerprint } = grant;
    const named = GRANT_KEYS.filter((key) => (grant[key] ?? '') !== '');
    if (named.length !== 1) throw new Unfit('a row with one of subject, san and fingerprint');
    if (fingerprint !== undefined && fingerprintHex(fingerprint) === null)
      throw new Unfit('a SHA-256 fingerprint: 64 hex digits, with colons or without', 'fingerprint');
    if (subject !== undefined && !isSubject(subject))
      throw new Unfit('a subject: CN=df, O=Operator, C=DE', 'subject');
    return grant;
  },
);

/** Files of revocation lists. */
export const REVOCATION_LISTS = Type.Optional(
  Type.Decode(
    Type.Array(filePath('a file of revocation lists'), {
      description:
        'files of revocation lists, PEM or DER, of each authority that peers chain to, those between included',
      absent: 'nobody is taken for revoked',
    }),
    (files): readonly string[] => files,
  ),
);

/** Paths of PEM files, and what is known of certificates of others. */
export const TLS_FILES = strict(
  {
    certificate: filePath(
      'the own certificate, and behind it those of the authorities between it and a known one',
    ),
    privateKey: filePath('its private key'),
    authorities: filePath('those that peers must chain to'),
    revocationLists: REVOCATION_LISTS,
    roles: Type.Optional(
      Type.Decode(
        Type.Array(ROLE_GRANT, {
          description: 'roles of certificates that name none of ours: those of other vendors and networks',
          absent: 'none',
        }),
        (grants): readonly RoleGrant[] => grants,
      ),
    ),
  },
  { title: 'tls' },
);

/** A map of host names to `address[:port]`. */
export const HOSTS = Type.Record(Type.String(), Type.String(), {
  default: {},
  title: 'hosts',
  description: 'addresses of names',
});

/** UDP ports for media, below the system's ephemeral ones. */
export function mediaPorts(description: string) {
  const range = {
    address: localAddress(description),
    from: port('lowest UDP port', { min: 1024, max: 65_534, default: 16_384 }),
    to: port('highest UDP port', { min: 1025, default: 32_767 }),
  };
  return Type.Decode(strict(range, { default: {} }), (ports) => {
    if (ports.from >= ports.to) throw new Unfit('a range whose from is below to');
    return ports;
  });
}

/* ----------------------------------------------------------------------- files */

/** What a configuration file holds. @throws ConfigError */
export function readConfigFile(file: string): unknown {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError('configuration', `cannot read ${file}: ${whyOf(cause)}`, { cause });
  }
  return parseConfig(content, file);
}

/** As `readConfigFile`, of a file that holds secrets: nobody but its owner may read it. @throws ConfigError */
export function readSecretFile(file: string): unknown {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found !== undefined && !found.isDirectory() && (found.mode & 0o077) !== 0)
    throw new ConfigError('configuration', `${file} holds secrets and is open to others: chmod 600 it`);
  return readConfigFile(file);
}

/**
 * YAML if the file's name ends so, else JSON. It may hold secrets, and what parsers say about a fault quotes the text
 * around it; only the place goes on.
 * @throws ConfigError
 */
export function parseConfig(content: string, file: string): unknown {
  return /\.ya?ml$/i.test(file) ? parseYaml(content, file) : parseJson(content, file);
}

function parseJson(content: string, file: string): unknown {
  try {
    return JSON.parse(content) as unknown;
  } catch {
    throw unreadable(file, 'JSON', placeOfFault(content));
  }
}

/** Where a text is not JSON any more: the parser says it of some faults only. */
function placeOfFault(content: string): string {
  if (content.trim() === '') return 'it is empty';
  if (beginsJson(content)) return 'it ends too early';
  // What begins well begins well however much of it is left out at its end.
  let [good, bad] = [0, content.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (beginsJson(content.slice(0, middle))) good = middle;
    else bad = middle;
  }
  return lineText(content.slice(0, bad - 1).split('\n').length);
}

/** Whether a text is JSON, or lacks no more than its end. */
function beginsJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const said = messageOf(error);
    const position = /at position (\d+)/.exec(said)?.[1];
    return /^(?:Unexpected end|Unterminated)/.test(said) || Number(position) >= text.length;
  }
}

function lineText(line: number): string {
  return `line ${line}`;
}

/** Of aliases, what they stand for may be at most so many times as large as the text. */
const MOST_ALIASES = 100;

/** The core schema of YAML 1.2, that is JSON's types: no tags, one document, no key twice. */
function parseYaml(content: string, file: string): unknown {
  const lineCounter = new LineCounter();
  try {
    const document = parseDocument(content, {
      lineCounter,
      schema: 'core',
      stringKeys: true,
      prettyErrors: false,
      logLevel: 'error',
    });
    const [fault] = [...document.errors, ...document.warnings];
    if (fault !== undefined) throw unreadable(file, 'YAML', lineText(lineCounter.linePos(fault.pos[0]).line));
    return document.toJS({ maxAliasCount: MOST_ALIASES }) as unknown;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw unreadable(file, 'YAML that can be used', null);
  }
}

function unreadable(file: string, format: string, place: string | null): ConfigError {
  const where = place === null ? '' : ` (${place})`;
  return new ConfigError('configuration', `${file} is not ${format}${where}`);
}

/** Configurations as `claviger config check` takes them: whose each is, what it says, and what is wrong with its form. */
import path from 'node:path';
import type { TObject, TSchema } from 'typebox';
import { admfConfig } from '../../entities/admf/config.ts';
import { agencyConfig } from '../../entities/admf/config-agency.ts';
import { officerConfig } from '../../entities/admf/config-officer.ts';
import { cscfConfig } from '../../entities/cscf/config.ts';
import { dfConfig } from '../../entities/df/config.ts';
import { gatewayConfig } from '../../entities/gateway/config.ts';
import { kmsConfig } from '../../entities/kms/config.ts';
import { lemfConfig } from '../../entities/lemf/config.ts';
import { analystConfig } from '../../entities/lemf/config-analyst.ts';
import { mailboxConfig } from '../../entities/mailbox/config.ts';
import { ueConfig } from '../../entities/ue/config.ts';
import { messageOf } from '../../bytes/errors.ts';
import { ConfigError, readConfigFile, readSecretFile } from '../../host/config.ts';

/** What is wrong somewhere: an error keeps something from working, a warning may do so. */
export interface ConfigFinding {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly text: string;
}

/** Every kind of configuration that there is, with its reader. */
export const CONFIG_READERS = {
  kms: kmsConfig,
  cscf: cscfConfig,
  gateway: gatewayConfig,
  df: dfConfig,
  admf: admfConfig,
  lemf: lemfConfig,
  mailbox: mailboxConfig,
  ue: ueConfig,
  /** Of whoever works at an ADMF, with whatever role. */
  officer: officerConfig,
  /** Of whoever listens at a LEMF. */
  analyst: analystConfig,
  /** Of a law enforcement agency of a laboratory. */
  agency: agencyConfig,
};

export type Kind = keyof typeof CONFIG_READERS;

/** A configuration whose form is right. */
export type Checked = {
  readonly [K in Kind]: {
    readonly kind: K;
    readonly file: string;
    readonly config: ReturnType<(typeof CONFIG_READERS)[K]>;
    /** As it was written. */
    readonly json: unknown;
  };
}[Kind];

export type CheckedOf<K extends Kind> = Extract<Checked, { readonly kind: K }>;

export function schemaOf(
  kind: Kind,
): TSchema & Pick<TObject, 'properties'> & { readonly required?: readonly string[] } {
  return CONFIG_READERS[kind].schema;
}

export const KINDS = Object.keys(CONFIG_READERS) as readonly Kind[];

/** Whose configurations hold secrets: nobody but their owner may read them. */
const WITH_SECRETS: readonly Kind[] = ['kms', 'cscf', 'admf', 'ue', 'mailbox'];

/** A file to be checked; `kind`: whose it is, if it is known. */
export interface GivenFile {
  readonly file: string;
  readonly kind?: Kind;
}

/** Reads a configuration, or tells all that is wrong with its form. */
export function readChecked({ file, kind: given }: GivenFile): Checked | ConfigFinding[] {
  const wrong = (text: string): ConfigFinding[] =>
    text.split('\n').map((line) => ({ severity: 'error', file, text: withoutFile(line, file) }));
  try {
    const json = readConfigFile(file);
    const kind = given ?? kindByName(file) ?? kindByShape(json);
    if (kind === null) return wrong(`whose is it? Say so: ENTITY=${file}, with ${KINDS.join(', ')}`);
    if (WITH_SECRETS.includes(kind)) readSecretFile(file);
    return checkedAs(kind, file, json);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return wrong(messageOf(error));
  }
}

function checkedAs<K extends Kind>(kind: K, file: string, json: unknown): CheckedOf<K> {
  return { kind, file, config: CONFIG_READERS[kind](json, file), json } as unknown as CheckedOf<K>;
}

function withoutFile(line: string, file: string): string {
  return line.startsWith(`${file}: `) ? line.slice(file.length + 2) : line;
}

/** `kms.json`, `home1-kms.yaml`; `null`: the name has none of them, or several. */
function kindByName(file: string): Kind | null {
  const parts = path
    .basename(file)
    .toLowerCase()
    .split(/[^a-z]+/);
  const found = KINDS.filter((kind) => parts.includes(kind));
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** Who can be told by the settings: an analyst's are an officer's, too. */
const SHAPES = KINDS.filter((kind) => kind !== 'analyst');

/** Whose settings these are most likely: by how many of them are known; `null`: it cannot be told. */
export function kindByShape(json: unknown): Kind | null {
  if (typeof json !== 'object' || json === null) return null;
  const names = Object.keys(json);
  const scores = SHAPES.map((kind) => {
    const { properties, required } = schemaOf(kind);
    const known = names.filter((name) => Object.hasOwn(properties, name)).length;
    const missing = (required ?? []).filter((name) => !names.includes(name)).length;
    return { kind, known, score: 2 * known - names.length - missing };
  }).sort((a, b) => b.score - a.score);
  const [best, second] = scores;
  return best !== undefined && best.known > 0 && best.score > (second?.score ?? 0) ? best.kind : null;
}

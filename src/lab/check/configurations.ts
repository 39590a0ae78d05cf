/** Configurations as `claviger config check` takes them: whose each is, what it says, and what is wrong with its form. */
import path from 'node:path';
import type { TObject } from 'typebox';
import { ADMF_CONFIG, admfConfig } from '../../entities/admf/config.ts';
import type { AdmfConfig } from '../../entities/admf/config.ts';
import { AGENCY_CONFIG, agencyConfig } from '../../entities/admf/config-agency.ts';
import type { AgencyConfig } from '../../entities/admf/config-agency.ts';
import { OFFICER_CONFIG, officerConfig } from '../../entities/admf/config-officer.ts';
import type { OfficerConfig } from '../../entities/admf/config-officer.ts';
import { CSCF_CONFIG, cscfConfig } from '../../entities/cscf/config.ts';
import type { CscfConfig } from '../../entities/cscf/config.ts';
import { DF_CONFIG, dfConfig } from '../../entities/df/config.ts';
import type { DfConfig } from '../../entities/df/config.ts';
import { GATEWAY_CONFIG, gatewayConfig } from '../../entities/gateway/config.ts';
import type { GatewayConfig } from '../../entities/gateway/config.ts';
import { KMS_CONFIG, kmsConfig } from '../../entities/kms/config.ts';
import type { KmsConfig } from '../../entities/kms/config.ts';
import { LEMF_CONFIG, lemfConfig } from '../../entities/lemf/config.ts';
import type { LemfConfig } from '../../entities/lemf/config.ts';
import { UE_CONFIG, ueConfig } from '../../entities/ue/config.ts';
import type { UeConfig } from '../../entities/ue/config.ts';
import { messageOf } from '../../bytes/errors.ts';
import { ConfigError, readConfigFile, readSecretFile } from '../../host/config.ts';

/** What is wrong somewhere: an error keeps something from working, a warning may do so. */
export interface ConfigFinding {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly text: string;
}

interface Settings {
  readonly kms: KmsConfig;
  readonly cscf: CscfConfig;
  readonly gateway: GatewayConfig;
  readonly df: DfConfig;
  readonly admf: AdmfConfig;
  readonly lemf: LemfConfig;
  readonly ue: UeConfig;
  /** Of whoever works at an ADMF, with whatever role. */
  readonly officer: OfficerConfig;
  /** Of a law enforcement agency of a laboratory. */
  readonly agency: AgencyConfig;
}

export type Kind = keyof Settings;

/** A configuration whose form is right. */
export type Checked = {
  readonly [K in Kind]: {
    readonly kind: K;
    readonly file: string;
    readonly config: Settings[K];
    /** As it was written. */
    readonly json: unknown;
  };
}[Kind];

export type CheckedOf<K extends Kind> = Extract<Checked, { readonly kind: K }>;

const READERS: { readonly [K in Kind]: (json: unknown, file: string) => Settings[K] } = {
  kms: kmsConfig,
  cscf: cscfConfig,
  gateway: gatewayConfig,
  df: dfConfig,
  admf: admfConfig,
  lemf: lemfConfig,
  ue: ueConfig,
  officer: officerConfig,
  agency: agencyConfig,
};

export const SCHEMAS: Readonly<Record<Kind, TObject>> = {
  kms: KMS_CONFIG,
  cscf: CSCF_CONFIG,
  gateway: GATEWAY_CONFIG,
  df: DF_CONFIG,
  admf: ADMF_CONFIG,
  lemf: LEMF_CONFIG,
  ue: UE_CONFIG,
  officer: OFFICER_CONFIG,
  agency: AGENCY_CONFIG,
};

export const KINDS = Object.keys(SCHEMAS) as readonly Kind[];

/** Whose configurations hold secrets: nobody but their owner may read them. */
const WITH_SECRETS: readonly Kind[] = ['kms', 'cscf', 'admf', 'ue'];

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
  return { kind, file, config: READERS[kind](json, file), json } as unknown as CheckedOf<K>;
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

/** Whose settings these are most likely: by how many of them are known; `null`: it cannot be told. */
function kindByShape(json: unknown): Kind | null {
  if (typeof json !== 'object' || json === null) return null;
  const names = Object.keys(json);
  const scores = KINDS.map((kind) => {
    const { properties, required } = SCHEMAS[kind];
    const known = names.filter((name) => Object.hasOwn(properties, name)).length;
    const missing = required.filter((name) => !names.includes(name)).length;
    return { kind, known, score: 2 * known - names.length - missing };
  }).sort((a, b) => b.score - a.score);
  const [best, second] = scores;
  return best !== undefined && best.known > 0 && best.score > (second?.score ?? 0) ? best.kind : null;
}

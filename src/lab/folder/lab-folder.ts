/**
 * A laboratory in a folder, as `claviger init` makes it and `up`, `down` and `config check` find it again:
 *
 *     lab.json                          which homes and phones there are
 *     pki/                              the authority, certificates and keys
 *     HOME/ENTITY.json                  configurations, JSON or YAML; HOME/USER.json: of phones
 *     HOME/officer-1.json …             of the people at the ADMF
 *     HOME/analyst.json                 of who listens at the LEMF
 *     HOME/agency.json, HOME/hi1/       of the agency that sends it HI1, and requests of its
 *     state/HOME/                       what the entities keep
 *     systemd/, compose.yaml            to run it otherwise than by `claviger up`; not where it has engines
 *     prometheus/                       to watch it
 *     engines/                          database and streams of one with several processes an entity, and passwords
 *     run.json, lab.log                 while it runs, and what it said
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import Type from 'typebox';
import { isSystemError } from '../../bytes/system-errors.ts';
import { faultText, Form, strict } from '../../bytes/schema.ts';
import { LabError } from '../errors.ts';
import { ENTITIES, SERVICES } from '../network/home.ts';
import type { Service } from '../network/home.ts';

/** The operator identifier on HI2 has at most five characters. */
export const HOME_NAME = /^[a-z][a-z0-9]{0,4}$/;

/** `kms-1`, `df-intake-2`: an entity, and which of its processes. */
const PROCESS = strict({
  kind: Type.Enum([...SERVICES]),
  name: Type.String({ pattern: '^[a-z]{2,8}(?:-[a-z0-9]{1,16}){1,4}$' }),
});

const PORT = Type.Integer({ minimum: 1, maximum: 65_535 });

const LAB = strict({
  version: Type.Literal(1),
  homes: Type.Array(
    strict({
      name: Type.String({ pattern: HOME_NAME.source }),
      users: Type.Array(Type.String({ pattern: '^[a-z]{1,16}$' })),
      /** Laboratories of before there were mailboxes have none. */
      mailbox: Type.Boolean({ default: false }),
      /** Of entities with several processes; each other entity is one. */
      processes: Type.Array(PROCESS, { default: [] }),
    }),
    { minItems: 1, maxItems: 16 },
  ),
  /** Ports of the engines between several processes of one entity. */
  engines: Type.Optional(strict({ postgresql: PORT, nats: PORT })),
});

const form = new Form(LAB);

/** One of several processes of an entity, by the name of its configuration. */
export interface NamedProcess {
  readonly kind: Service;
  /** `kms-1` */
  readonly name: string;
}

export interface LabHome {
  readonly name: string;
  readonly users: readonly string[];
  readonly mailbox: boolean;
  readonly processes: readonly NamedProcess[];
}

/** Ports of engines on loopback. */
export interface EnginePorts {
  readonly postgresql: number;
  readonly nats: number;
}

/** A configuration in the folder. */
export interface LabFile {
  /** An entity, `ue`, `officer` for whoever works at the ADMF, `analyst` at the LEMF, or `agency` for who sends HI1. */
  readonly kind: Service | 'ue' | 'officer' | 'analyst' | 'agency';
  /** `kms.home1`, `kms-2.home1`, `alice`, `officer-1.home1`. */
  readonly name: string;
  readonly file: string;
}

/** That of an entity, or of a mailbox. */
export interface EntityFile extends LabFile {
  readonly kind: Service;
}

const PERSON_FILE = /^(officer-\d+|auditor|operator|analyst|agency)\.(?:json|ya?ml)$/;

export const NOTE = 'lab.json';
export const RUN = 'run.json';
export const LOG = 'lab.log';
/** Beside the homes, everything that a laboratory's folder holds by itself. */
const OWN =
  /^(?:lab\.json|pki|state|systemd|prometheus|compose\.yaml|engines|run(?:\.json(?:\.new)?|\.lock\.(?:db|json)(?:\.new)?)|lab\.log(?:\.1)?)$/;

export class LabFolder {
  readonly folder: string;
  readonly homes: readonly LabHome[];
  /** `null`: each entity is one process, and needs none. */
  readonly enginePorts: EnginePorts | null;

  constructor(folder: string, homes: readonly LabHome[], enginePorts: EnginePorts | null = null) {
    this.folder = folder;
    this.homes = homes;
    this.enginePorts = enginePorts;
  }

  /** @throws LabError `folder` if it is not a laboratory */
  static open(folder: string): LabFolder {
    const note = path.join(folder, NOTE);
    let json: unknown;
    try {
      json = JSON.parse(readFileSync(note, 'utf8'));
    } catch (cause) {
      if (!existsSync(note))
        throw new LabError('folder', `${folder} is not a laboratory: there is no ${note}`);
      const why = isSystemError(cause) ? `${note} cannot be read` : `${note} is not JSON`;
      throw new LabError('folder', `${folder} is not a laboratory: ${why}`, { cause });
    }
    const { homes, engines = null } = form.readOr(json, ([fault]) => {
      const what = fault === undefined ? '' : `: ${faultText(fault, 'it', 'member')}`;
      return new LabError('folder', `${note} is not that of a laboratory${what}`);
    });
    return new LabFolder(folder, homes, engines);
  }

  /** Whether there is one in `folder`. */
  static isThere(folder: string): boolean {
    return existsSync(path.join(folder, NOTE));
  }

  /** Configurations of the entities and mailboxes. @throws LabError `folder` if one is missing, or there twice */
  entities(): EntityFile[] {
    return this.homes.flatMap(({ name: home, mailbox, processes }) =>
      (mailbox ? SERVICES : ENTITIES).flatMap((kind) => {
        const several = processes.filter((each) => each.kind === kind);
        const own = several.length === 0 ? [{ name: kind }] : several;
        return own.map(({ name }) => ({ kind, name: `${name}.${home}`, file: this.#file(home, name) }));
      }),
    );
  }

  /** Configurations of the phones. @throws LabError `folder` if one is missing, or there twice */
  phones(): LabFile[] {
    return this.homes.flatMap(({ name, users }) =>
      users.map((user) => ({ kind: 'ue' as const, name: user, file: this.#file(name, user) })),
    );
  }

  /** Configurations of the people at ADMFs and LEMFs, and of agencies, of those that there are. */
  people(): LabFile[] {
    return this.homes.flatMap(({ name }) => {
      const folder = path.join(this.folder, name);
      if (!existsSync(folder)) return [];
      const files = readdirSync(folder).sort();
      return files.flatMap((file) => {
        const [, person] = PERSON_FILE.exec(file) ?? [];
        if (person === undefined) return [];
        const kind = person === 'agency' || person === 'analyst' ? person : 'officer';
        return [{ kind, name: `${person}.${name}`, file: path.join(folder, file) } as const];
      });
    });
  }

  /** What is in the folder that a laboratory would not have there. */
  foreign(): string[] {
    const homes = this.homes.map(({ name }) => name);
    return readdirSync(this.folder).filter((name) => !OWN.test(name) && !homes.includes(name));
  }

  at(name: string): string {
    return path.join(this.folder, name);
  }

  #file(home: string, name: string): string {
    const files = ['json', 'yaml', 'yml'].map((ending) => path.join(this.folder, home, `${name}.${ending}`));
    const [file, another] = files.filter((each) => existsSync(each));
    if (file === undefined) throw new LabError('folder', `${files[0] ?? name} is missing`);
    if (another !== undefined)
      throw new LabError('folder', `both ${file} and ${another} are there: remove one`);
    return file;
  }
}

/** The engines of a laboratory, as a supervisor takes them: a PostgreSQL server and a NATS server. */
import path from 'node:path';
import { toHex } from '../../bytes/octets.ts';
import type { Random } from '../../bytes/ports.ts';
import { makeFolder, writeWhole } from '../../storage/files.ts';
import type { LabFolder } from '../folder/lab-folder.ts';
import type { SupervisedEngine } from '../processes/supervisor.ts';
import { answers } from './folder.ts';
import type { Greeting } from './folder.ts';
import { launchOfStreams, STREAMS_GREETING, streamConfig } from './nats.ts';
import { DATABASE_GREETING, databaseData, databasePassword, launchOfDatabase } from './postgresql.ts';
import { passwordFile, usersOf } from './users.ts';
import type { Engine } from './users.ts';

/** In a laboratory's folder. */
export const ENGINES = 'engines';
const PASSWORD_OCTETS = 24;

export interface LabEngine extends SupervisedEngine {
  /** Whether it takes work now. */
  answers(): Promise<boolean>;
}

/** Those of a laboratory; none where each entity is one process. */
export function enginesOf(lab: LabFolder): LabEngine[] {
  const { enginePorts } = lab;
  const homes = lab.homes.map(({ name }) => name);
  if (enginePorts === null) return [];
  // Absolute: engines have another working directory.
  const folder = path.resolve(lab.at(ENGINES));
  const engine = (
    name: string,
    [file, port, greeting]: readonly [string, number, Greeting],
    launch: SupervisedEngine['launch'],
  ): LabEngine => ({ kind: 'engine', name, file, launch, answers: () => answers(port, greeting) });
  const { postgresql, nats } = enginePorts;
  return [
    engine('postgresql', [databaseData(folder), postgresql, DATABASE_GREETING], () =>
      launchOfDatabase({ folder, port: postgresql, homes }),
    ),
    engine('nats-server', [streamConfig(folder), nats, STREAMS_GREETING], () =>
      launchOfStreams({ folder, port: nats, homes }),
    ),
  ];
}

/** Makes their folder, with the passwords of those who enter them. */
export function makeEngines(folder: string, homes: readonly string[], random: Random): void {
  makeFolder(folder, 0o700);
  const users = Object.entries(usersOf(homes)) as [Engine, readonly string[]][];
  const files = users.flatMap(([engine, names]) => names.map((user) => passwordFile(folder, engine, user)));
  for (const file of [databasePassword(folder), ...files])
    writeWhole(file, `${toHex(random.bytes(PASSWORD_OCTETS))}\n`, { mode: 0o600 });
}

/**
 * A NATS server with JetStream of a laboratory: its streams are in files, and it listens on loopback alone.
 *
 *     ENGINES/nats/                of the user who runs it, 0700: streams/
 *     ENGINES/nats.conf            of whoever starts it, 0600; where another user runs it, 0640 and of that one's group
 *
 * Each home is an account: of another's streams it knows nothing, and has users of its own (`users.ts`).
 *
 * Nothing is written where the user who runs it may write: a link that is laid there would lead to any file.
 */
import path from 'node:path';
import type { Launch } from '../processes/lab-process.ts';
import { openEngineFolder, untilAnswered, writeEngineFile } from './folder.ts';
import type { Greeting } from './folder.ts';
import { engineUser, programOf } from './programs.ts';
import { passwordOf, STREAM_ROLES, streamRights, streamsName, streamUser } from './users.ts';

/** A message of a DF is at most 2,035,712 octets (docs/scale.md). */
const LARGEST_MESSAGE = 2 << 20;
/** What all streams may reserve, octets. */
const LARGEST_STORE = 16 * 2 ** 30;
const READY_MS = 60_000;
/** `INFO {…}`. */
export const STREAMS_GREETING: Greeting = { hear: 'I' };

export interface StreamServerPlace {
  /** Folder of the laboratory's engines. */
  readonly folder: string;
  readonly port: number;
  /** Names of homes whose DFs enter it. */
  readonly homes: readonly string[];
}

export function streamConfig(folder: string): string {
  return path.join(folder, 'nats.conf');
}

/** Writes its settings, which are those of now. @throws LabError `engine` */
export function launchOfStreams({ folder, port, homes }: StreamServerPlace): Launch {
  const user = engineUser('nats');
  const file = streamConfig(folder);
  const own = path.join(folder, 'nats');
  openEngineFolder(folder, own, user);
  const settings = {
    host: '127.0.0.1',
    port,
    max_payload: LARGEST_MESSAGE,
    jetstream: { store_dir: path.join(own, 'streams'), max_file_store: LARGEST_STORE },
    accounts: Object.fromEntries(homes.map((home) => [home, accountOf(folder, home)])),
  };
  writeEngineFile(file, JSON.stringify(settings, null, 2) + '\n', user);
  return {
    name: 'nats-server',
    program: programOf('nats-server'),
    args: ['-c', file],
    ...{ cwd: '/', user, readyMs: READY_MS },
    ready: (runs) => untilAnswered(port, STREAMS_GREETING, runs),
  };
}

/** The account of a home. */
function accountOf(folder: string, home: string): object {
  const users = STREAM_ROLES.map((role) => {
    const user = streamUser(role, home);
    const permissions = streamRights(role, streamsName(home), user);
    const password = passwordOf(folder, 'nats', user);
    return { user, password, ...(permissions === null ? {} : { permissions }) };
  });
  return { jetstream: 'enabled', users };
}

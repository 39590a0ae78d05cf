/**
 * A NATS server with JetStream of a laboratory: its streams are in files, and it listens on loopback alone.
 *
 *     ENGINES/nats/                of the user who runs it, 0700: nats.conf, streams/
 *     ENGINES/nats-password        of whoever enters it, 0600
 */
import { chownSync } from 'node:fs';
import path from 'node:path';
import { readWhole, writeWhole } from '../../storage/files.ts';
import type { Launch } from '../processes/lab-process.ts';
import { openEngineFolder, untilAnswered } from './folder.ts';
import type { Greeting } from './folder.ts';
import { engineUser, programOf } from './programs.ts';

/** The only one who enters it. */
export const STREAM_USER = 'claviger';
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
}

export function streamPassword(folder: string): string {
  return path.join(folder, 'nats-password');
}

export function streamConfig(folder: string): string {
  return path.join(folder, 'nats', 'nats.conf');
}

/** Writes its settings, which are those of now. @throws LabError `engine` */
export function launchOfStreams({ folder, port }: StreamServerPlace): Launch {
  const user = engineUser('nats');
  const file = streamConfig(folder);
  openEngineFolder(folder, path.dirname(file), user);
  const settings = {
    host: '127.0.0.1',
    port,
    max_payload: LARGEST_MESSAGE,
    jetstream: { store_dir: path.join(path.dirname(file), 'streams'), max_file_store: LARGEST_STORE },
    authorization: { user: STREAM_USER, password: readWhole(streamPassword(folder)).toString('utf8').trim() },
  };
  writeWhole(file, JSON.stringify(settings, null, 2) + '\n', { mode: 0o600 });
  if (user !== null) chownSync(file, user.uid, user.gid);
  return {
    name: 'nats-server',
    program: programOf('nats-server'),
    args: ['-c', file],
    ...{ cwd: '/', user, readyMs: READY_MS },
    ready: (runs) => untilAnswered(port, STREAMS_GREETING, runs),
  };
}

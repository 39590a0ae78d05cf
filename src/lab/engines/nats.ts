/**
 * A NATS server with JetStream of a laboratory: its streams are in files, and it listens on loopback alone.
 *
 *     ENGINES/nats/                of the user who runs it, 0700: streams/
 *     ENGINES/nats.conf            of whoever starts it, 0600; where another user runs it, 0640 and of that one's group
 *     ENGINES/nats-password        of whoever enters it, 0600
 *
 * Nothing is written where the user who runs it may write: a link that is laid there would lead to any file.
 */
import path from 'node:path';
import { readWhole } from '../../storage/files.ts';
import type { Launch } from '../processes/lab-process.ts';
import { openEngineFolder, untilAnswered, writeEngineFile } from './folder.ts';
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
  return path.join(folder, 'nats.conf');
}

/** Writes its settings, which are those of now. @throws LabError `engine` */
export function launchOfStreams({ folder, port }: StreamServerPlace): Launch {
  const user = engineUser('nats');
  const file = streamConfig(folder);
  const own = path.join(folder, 'nats');
  openEngineFolder(folder, own, user);
  const settings = {
    host: '127.0.0.1',
    port,
    max_payload: LARGEST_MESSAGE,
    jetstream: { store_dir: path.join(own, 'streams'), max_file_store: LARGEST_STORE },
    authorization: { user: STREAM_USER, password: readWhole(streamPassword(folder)).toString('utf8').trim() },
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

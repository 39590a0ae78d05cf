/** Settings of a NATS server with JetStream, whose streams are between the processes of one entity. */
import Type from 'typebox';
import { strict, Unfit } from '../bytes/schema.ts';
import type { StreamAccess, StreamTls } from '../storage/jetstream.ts';
import { isLoopback } from './admin.ts';
import { milliseconds, text } from './config.ts';
import { filePath } from './config-paths.ts';
import { contentOfFile, passwordInFile, secretInFile } from './settings-files.ts';

/** How servers are entered; what is kept there is the entity's to say. */
export const STREAM_SERVER_SETTINGS = {
  servers: Type.Array(
    Type.String({
      pattern: '^(?:[\\w.-]+|\\[[0-9a-fA-F:]+\\]):\\d{1,5}$',
      errorMessage: 'host:port',
    }),
    { minItems: 1, description: '`host:port` of each server of the cluster, in any order' },
  ),
  user: Type.Optional(text('who enters it', { absent: 'it is entered without a name' })),
  passwordFile: Type.Optional(
    filePath('file with the password, which nobody but its owner may read; read for each connection', {
      absent: 'it is entered without one',
    }),
  ),
  tls: Type.Optional(
    strict({
      authorities: filePath('those that the certificates of servers must chain to'),
      serverName: Type.Optional(text('the name that they bear', { absent: 'the host of each' })),
      certificate: Type.Optional(filePath('the own certificate for them', { absent: 'none is shown' })),
      privateKey: Type.Optional(filePath('its private key', { absent: 'with `certificate` alone' })),
    }),
  ),
  timeoutMs: milliseconds('time of an answer, and to connect', { min: 100, max: 60_000, default: 5000 }),
};

export interface StreamServerConfig {
  readonly servers: readonly string[];
  readonly user?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly tls?:
    | {
        readonly authorities: string;
        readonly serverName?: string | undefined;
        readonly certificate?: string | undefined;
        readonly privateKey?: string | undefined;
      }
    | undefined;
  readonly timeoutMs: number;
}

/** What a schema cannot say of them. @throws Unfit */
export function checkStreamServer<C extends StreamServerConfig>(read: C): C {
  const { servers, tls, user, passwordFile } = read;
  const isNear = servers.every((server) =>
    isLoopback(server.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')),
  );
  if (tls === undefined && !isNear)
    throw new Unfit('tls: what is not on loopback is not entered in the clear', 'tls');
  if (tls !== undefined && (tls.certificate === undefined) !== (tls.privateKey === undefined))
    throw new Unfit('certificate with privateKey, or neither', 'tls');
  if (user === undefined && passwordFile !== undefined)
    throw new Unfit('a password with a user', 'passwordFile');
  return read;
}

/** How it is entered; files are read once here, so that what is wrong with them is told at once. @throws ConfigError */
export function streamAccess(config: StreamServerConfig): StreamAccess {
  const { servers, user, passwordFile, tls, timeoutMs } = config;
  const password = (): string => (passwordFile === undefined ? '' : passwordInFile(passwordFile));
  password();
  return { servers, user: user ?? null, password, tls: tls === undefined ? null : tlsOf(tls), timeoutMs };
}

function tlsOf(tls: NonNullable<StreamServerConfig['tls']>): StreamTls {
  const { authorities, certificate, privateKey, serverName } = tls;
  return {
    ca: contentOfFile(authorities),
    ...(certificate === undefined ? {} : { cert: contentOfFile(certificate) }),
    ...(privateKey === undefined ? {} : { key: secretInFile(privateKey, 'a private key') }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}

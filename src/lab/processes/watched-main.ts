/**
 * The program of an entity that the laboratory watches, in a process of its own: `ENTITY run --config FILE`, as its own
 * command takes it, and a channel to whoever started it, without whom it ends. It tells of what it does, and does what
 * scenarios ask of entities. It is no command of `claviger`.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../bytes/errors.ts';
import { readSecretFile } from '../../host/config.ts';
import { LOG_LEVELS, pinoLogger } from '../../host/log.ts';
import { systemClock, systemRandom } from '../../host/runtime.ts';
import { udpDatagrams } from '../../net/datagrams.ts';
import { localEntity, startLabEntity } from '../network/entities.ts';
import type { LabEntity, EntitySighting, TaskName, Tasks } from '../network/entities.ts';
import { ENTITIES } from '../network/home.ts';
import type { Entity } from '../network/home.ts';
import { tapped } from '../network/media-tap.ts';
import { machineMs } from './sequence.ts';
import type { FromWatched, ToWatched } from './watched-messages.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    config: { type: 'string', default: '' },
    log: { type: 'string', default: 'silent' },
    media: { type: 'boolean', default: false },
    /** Nobody wants to know what it does. */
    blind: { type: 'boolean', default: false },
  },
});

function tell(message: FromWatched): void {
  if (process.connected) process.send?.(message, undefined, {}, () => undefined);
}

const sees = (sighting: EntitySighting): void => {
  if (!values.blind) tell({ kind: 'seen', at: machineMs(), sighting });
};

async function start(entity: Entity, file: string): Promise<LabEntity> {
  const level = LOG_LEVELS.find((each) => each === values.log) ?? 'silent';
  const logger = pinoLogger(level, entity);
  const plain = udpDatagrams(logger);
  const datagrams = values.media
    ? tapped(plain, path.basename(file, '.json'), (sent) => sees({ kind: 'media', sent }))
    : plain;
  const config = readSecretFile(file) as Record<string, unknown>;
  const runtime = { clock: systemClock(), random: systemRandom(), logger };
  return localEntity(
    entity,
    await startLabEntity(entity, config, runtime, { sees, datagrams, exporter: undefined }),
  );
}

async function answer(running: LabEntity, { id, task, given }: ToWatched & { kind: 'task' }): Promise<void> {
  try {
    const result = await running.perform(task, given as Tasks[TaskName]['with']);
    tell({ kind: 'done', id, result });
  } catch (error) {
    tell({ kind: 'failed', id, message: messageOf(error) });
  }
}

const entity = ENTITIES.find((each) => each === positionals[0]);
if (entity === undefined) throw new Error('which entity?');
const running = await start(entity, values.config);
const end = (): void => void running.stop().then(() => process.exit(0));
process.once('SIGTERM', end);
process.on('SIGINT', () => undefined);
process.once('disconnect', () => process.exit(1));
process.on('message', (message: ToWatched) => {
  if (message.kind === 'sync') tell({ kind: 'done', id: message.id, result: null });
  else void answer(running, message);
});
process.stdout.write(JSON.stringify({ entity }) + '\n');

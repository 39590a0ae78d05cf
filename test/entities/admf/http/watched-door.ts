/** An ADMF that looks for people at two entities: at itself, the one that runs, and at one that is down. */
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { AdmfExtras } from '../../../../src/entities/admf/start.ts';
import { AdminListener } from '../../../../src/host/admin.ts';
import { EntityStatus } from '../../../../src/host/entity-status.ts';
import { systemClock } from '../../../../src/host/runtime.ts';
import { silent } from '../../../support/silent.ts';
import { OfficersDoor } from './knocking.ts';

export const ADMF = 'admf.home1.example';
export const DOWN = 'kms.home1.example';

export interface WatchedDoor {
  readonly door: OfficersDoor;
  close(): Promise<void>;
}

export async function openWatchedDoor(extras: AdmfExtras = {}): Promise<WatchedDoor> {
  let admin: AdminListener | null = null;
  // The ADMF is told where it is before it is there.
  const way = createServer((socket) => {
    const on = connect(admin?.at.port ?? 9, '127.0.0.1');
    socket.pipe(on).pipe(socket);
    for (const end of [socket, on]) end.once('error', () => [socket, on].forEach((each) => each.destroy()));
  });
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve));
  const { port } = way.address() as AddressInfo;
  const door = await OfficersDoor.open(extras, {
    entities: [
      { kind: 'admf', url: `https://${ADMF}:9464` },
      { kind: 'kms', url: `https://${DOWN}:9464` },
    ],
    hosts: { [`${ADMF}:9464`]: `127.0.0.1:${port}`, [`${DOWN}:9464`]: '127.0.0.1:9' },
  });
  const status = new EntityStatus(door.home.admf.operation, systemClock());
  const opened = await AdminListener.open({ address: '127.0.0.1', port: 0, peers: [ADMF] }, status, silent);
  admin = opened;
  const close = async (): Promise<void> => {
    await opened.stop();
    await door.close();
    way.close();
  };
  return { door, close };
}

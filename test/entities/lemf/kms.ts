/** The KMS of a vector's initiator, on a socket, that a LEMF may ask. */
import type { FastifyInstance } from 'fastify';
import { defaultEngine } from '../../../src/ibe/default-engine.ts';
import { EngineGenerator } from '../../../src/entities/kms/generator.ts';
import { GetKeys } from '../../../src/entities/kms/get-keys/get-keys.ts';
import { xkServer } from '../../../src/entities/kms/http/xk.ts';
import { KmsRecords } from '../../../src/entities/kms/records.ts';
import { XkService } from '../../../src/entities/kms/xk.ts';
import { listen } from '../../../src/net/https.ts';
import { loadTls } from '../../../src/net/tls.ts';
import type { TlsFiles } from '../../../src/net/tls.ts';
import { lemfTaskXid } from '../../../src/wire/xk/lemf-task.ts';
import { silent } from '../../support/silent.ts';
import { errorOf, request } from '../kms/support/client.ts';
import { exampleFile } from '../../support/shared.ts';
import { home, psk } from '../kms/support/home.ts';
import type { MemoryAudit, VectorHome } from '../kms/support/home.ts';

interface PartySet {
  readonly time: { readonly unix: number };
  readonly kms: Readonly<
    Record<string, Omit<VectorHome, 'user'> & { user?: VectorHome['user']; users?: VectorHome['user'][] }>
  >;
}

export interface AskableKms {
  readonly url: string;
  /** `HOST:PORT` as `hosts` of a configuration maps it. */
  readonly hosts: Readonly<Record<string, string>>;
  readonly audit: MemoryAudit;
  /** The ADMF provisions a task for a LEMF. @param from seconds after the exchange of the vector, a minute before now; default: before it */
  allow(lemf: string, liid: string, from?: number): Promise<void>;
  close(): Promise<void>;
}

/** The KMS of the initiator, or of another party. */
export async function askableKms(
  files: TlsFiles,
  lemfs: readonly string[],
  { set = 'exchange-1.json', party = 'initiator' } = {},
): Promise<AskableKms> {
  const { kms: homes, time } = exampleFile(set) as PartySet;
  const own = homes[party];
  const user = own?.user ?? own?.users?.[0];
  if (own === undefined || user === undefined) throw new Error(`no ${party} in ${set}`);
  const kms = await home(time.unix, { ...own, user });
  const device = user.uri;
  const [address = ''] = device.split(';');
  const devices = [{ credential: 'target-1', psk: psk(1), identity: device }];
  await kms.enrol({ id: 'target', publicIdentities: [address], aliases: [], devices });
  const { district, roots, store, audit, clock, requestKey } = kms;
  // The seed is on record as issued once the device has asked for it.
  const asked = { psk: psk(1).expose(), uris: [device], district: district.name, credential: 'target-1' };
  const error = errorOf(await requestKey.answer(request({ ...asked, time: clock.now() / 1000 })));
  if (error !== null) throw new Error('no key for the target');
  const getKeys = new GetKeys(new KmsRecords(district, roots, store), new EngineGenerator(defaultEngine()));
  const service = new XkService(
    { sessionMemory: 86_400, retention: 86_400 },
    { store, compute: (question) => getKeys.answer(question), audit, clock, logger: silent },
  );
  const tls = loadTls(files, Date.now());
  const server: FastifyInstance = xkServer({
    ...{ admission: { roles: ['df'], names: [] }, lemfs, tls, service, logger: silent },
  });
  const port = await listen(server, '127.0.0.1', 0);
  return {
    url: 'https://kms.home1.example:8443',
    hosts: { 'kms.home1.example:8443': `127.0.0.1:${port}` },
    audit,
    allow: (name, liid, from = -60) => {
      kms.clock.advance(Math.max(0, from + 60) * 1000);
      const [start, end] = [time.unix + from, time.unix + 86_400];
      const periods = [{ targets: [address], lemf: { name, liid }, start, end }];
      return store.putWarrant({ xid: lemfTaskXid(liid), periods });
    },
    close: () => server.close(),
  };
}

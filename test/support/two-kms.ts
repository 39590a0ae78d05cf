/** Two homes' KMSs on real sockets, with alice at home1 and bob at home2, for tests of endpoints. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Runtime } from '../../src/host/runtime.ts';
import { kmsConfig } from '../../src/entities/kms/config.ts';
import { startKms } from '../../src/entities/kms/start.ts';
import type { RunningKms } from '../../src/entities/kms/start.ts';
import { LabPki } from '../../src/lab/network/pki.ts';

export const USERS = {
  alice: { home: 'home1', host: 'home1.example', psk: 'a1'.repeat(32), partner: 'home2.example' },
  bob: { home: 'home2', host: 'home2.example', psk: 'b2'.repeat(32), partner: 'home1.example' },
} as const;

export type UserName = keyof typeof USERS;

export interface TwoKms {
  readonly folder: string;
  readonly pki: LabPki;
  readonly hosts: Readonly<Record<string, string>>;
  readonly kms: Readonly<Record<UserName, RunningKms>>;
  /** What every configuration of a user's endpoint has. */
  ueConfig(user: UserName): Record<string, unknown>;
  stop(): Promise<void>;
}

/** @param guests further users of home2, by name, with their pre-shared keys */
export async function startTwoKms(
  runtime: Runtime,
  guests: Readonly<Record<string, string>> = {},
): Promise<TwoKms> {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-kms-'));
  const pki = await LabPki.create(path.join(folder, 'pki'), runtime.clock.now());
  const start = async (user: UserName): Promise<RunningKms> => {
    const { home, host, psk } = USERS[user];
    const name = `kms.${host}`;
    return startKms(
      kmsConfig({
        name,
        tls: await pki.issue({ commonName: name, dnsNames: [name], roles: ['kms'] }),
        admf: { identifier: `admf.${host}`, url: `https://admf.${host}/X1/ADMF` },
        state: path.join(folder, name),
        interception: { workers: 0 },
        district: { name: `https://${name}/.well-known/ibe`, demoGroup: home },
        workers: 0,
        subscribers: Object.entries({ [user]: psk, ...(user === 'bob' ? guests : {}) }).map(([id, key]) => ({
          id,
          publicIdentities: [`sip:${id}@${host}`],
          devices: [{ credential: id, psk: key, identity: `sip:${id}@${host}` }],
        })),
      }),
      runtime,
    );
  };
  const kms = { alice: await start('alice'), bob: await start('bob') };
  const hosts = {
    'kms.home1.example:443': `127.0.0.1:${kms.alice.users.port}`,
    'kms.home2.example:443': `127.0.0.1:${kms.bob.users.port}`,
  };
  return {
    folder,
    pki,
    hosts,
    kms,
    ueConfig: (user) => {
      const { host, psk, partner } = USERS[user];
      return {
        identity: `sip:${user}@${host}`,
        kms: { url: `https://kms.${host}`, credential: user, psk },
        cscf: { url: `sip:cscf.${host};transport=tcp`, username: user, password: `of ${user}` },
        partners: [partner],
        authorities: pki.authorities,
        hosts,
        replays: path.join(folder, `${user}-replays.db`),
      };
    },
    stop: async () => {
      await Promise.all([kms.alice.stop(), kms.bob.stop()]);
    },
  };
}

/**
 * A home as X1 has it, for benchmarks: the KMS, DF, gateway and CSCF, of each no more than its X1 listener, store and audit
 * log, and an ADMF that provisions them over mutual TLS on loopback.
 */
import path from 'node:path';
import { admfConfig } from '../src/entities/admf/config.ts';
import { startAdmf } from '../src/entities/admf/start.ts';
import type { RunningAdmf } from '../src/entities/admf/start.ts';
import { SqliteKmsStore } from '../src/entities/kms/store/sqlite.ts';
import { WarrantKeepingStore } from '../src/entities/kms/warrants.ts';
import { configReader } from '../src/host/config.ts';
import { systemClock, systemRandom } from '../src/host/runtime.ts';
import type { LabPki } from '../src/lab/network/pki.ts';
import { HostMap } from '../src/net/hosts.ts';
import { loadTls } from '../src/net/tls.ts';
import type { TlsFiles } from '../src/net/tls.ts';
import { X1_NE_CONFIG } from '../src/x1/config.ts';
import { startX1Ne } from '../src/x1/ne.ts';
import type { RunningX1Ne } from '../src/x1/ne.ts';
import { CSCF_POLICY, DF_POLICY, GATEWAY_POLICY, KMS_POLICY } from '../src/x1/policy.ts';
import { openNeState } from '../src/x1/state.ts';
import { targetKeys } from '../src/x1/target-keys.ts';

const POLICIES = { kms: KMS_POLICY, df: DF_POLICY, gateway: GATEWAY_POLICY, cscf: CSCF_POLICY };
export const KINDS = ['cscf', 'gateway', 'df', 'kms'] as const;
export type Kind = (typeof KINDS)[number];

/** Where the DF takes X2 and X3. */
export const X2X3 = { host: 'df.home1.example', port: 7001 };

const logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (fields: object, message: string) => console.error(message, fields),
};
export const clock = systemClock();
const runtime = { clock, random: systemRandom(), logger };

const nameOf = (kind: Kind | 'admf'): string => `${kind}.home1.example`;

export function certificateOf(pki: LabPki, kind: Kind | 'admf'): Promise<TlsFiles> {
  return pki.issue({ commonName: nameOf(kind), dnsNames: [nameOf(kind)], roles: [kind] });
}

/** The file in which an element keeps its tasks. */
export function taskFileOf(folder: string, kind: Kind): string {
  return path.join(folder, `${kind}.sqlite`);
}

/** The file in which the ADMF keeps its warrants. */
export function warrantFileOf(folder: string): string {
  return path.join(folder, 'admf.sqlite');
}

export async function startElement(
  kind: Kind,
  folder: string,
  tls: TlsFiles,
): Promise<Pick<RunningX1Ne, 'table' | 'port' | 'stop'>> {
  const kmsStore = kind === 'kms' ? await SqliteKmsStore.open(path.join(folder, 'kms.db')) : null;
  const config = configReader(X1_NE_CONFIG)({
    identifier: nameOf(kind),
    listen: { port: 0 },
    admf: { identifier: nameOf('admf'), url: `https://${nameOf('admf')}/X1/ADMF` },
    store: taskFileOf(folder, kind),
  });
  const files = { store: config.store, audit: path.join(folder, `${kind}-audit.log`) };
  const state = await openNeState(files, runtime);
  const tasks =
    kmsStore === null
      ? state.tasks
      : new WarrantKeepingStore(state.tasks, kmsStore, () => clock.now() / 1000, targetKeys);
  const ne = await startX1Ne(config, {
    policy: POLICIES[kind],
    tls: loadTls(tls, clock.now()),
    hosts: new HostMap(),
    state: { tasks, audit: state.audit },
    runtime,
  });
  return {
    table: ne.table,
    port: ne.port,
    stop: async () => {
      await ne.stop();
      await state.close();
      await kmsStore?.close();
    },
  };
}

/** @param ports where the elements listen */
export async function startAdmfOf(
  folder: string,
  pki: LabPki,
  ports: ReadonlyMap<Kind, number>,
  drainMs: number,
): Promise<RunningAdmf> {
  const hosts = [...ports].map(([kind, port]) => [nameOf(kind), `127.0.0.1:${port}`] as const);
  const config = admfConfig({
    identifier: nameOf('admf'),
    tls: await certificateOf(pki, 'admf'),
    hosts: Object.fromEntries(hosts),
    store: warrantFileOf(folder),
    audit: path.join(folder, 'admf-audit.log'),
    elements: KINDS.map((kind) => ({
      identifier: nameOf(kind),
      kind,
      url: `https://${nameOf(kind)}/X1/NE`,
    })),
    x2x3: X2X3,
    drainMs,
  });
  return startAdmf(config, runtime);
}

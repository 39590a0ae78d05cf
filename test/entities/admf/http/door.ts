/** An ADMF with its door for officers and the four elements of a home, over real sockets, in one process. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { admfConfig } from '../../../../src/entities/admf/config.ts';
import { startAdmf } from '../../../../src/entities/admf/start.ts';
import type { AdmfExtras, RunningAdmf } from '../../../../src/entities/admf/start.ts';
import { verifyChain } from '../../../../src/evidence/log.ts';
import type { AuditEvent } from '../../../../src/evidence/log.ts';
import { configReader } from '../../../../src/host/config.ts';
import { systemClock, systemRandom } from '../../../../src/host/runtime.ts';
import { LabPki } from '../../../../src/lab/network/pki.ts';
import { HostMap } from '../../../../src/net/hosts.ts';
import { loadTls } from '../../../../src/net/tls.ts';
import type { Role, TlsFiles } from '../../../../src/net/tls.ts';
import { X1_NE_CONFIG } from '../../../../src/x1/config.ts';
import { startX1Ne } from '../../../../src/x1/ne.ts';
import type { RunningX1Ne } from '../../../../src/x1/ne.ts';
import { CSCF_POLICY, DF_POLICY, GATEWAY_POLICY, KMS_POLICY } from '../../../../src/x1/policy.ts';
import { openNeState } from '../../../../src/x1/state.ts';
import { silent } from '../../../support/silent.ts';

const POLICIES = { kms: KMS_POLICY, df: DF_POLICY, gateway: GATEWAY_POLICY, cscf: CSCF_POLICY };
const KINDS = ['cscf', 'gateway', 'df', 'kms'] as const;
const runtime = { clock: systemClock(), random: systemRandom(), logger: silent };

/** Who is admitted, by name; `both` could approve what it enters, but for the rule. */
export const PEOPLE: Readonly<Record<string, readonly Role[]>> = {
  anna: ['officer'],
  ben: ['approver'],
  cleo: ['auditor'],
  dora: ['operator'],
  both: ['officer', 'approver'],
};

/** What an ADMF looks at for people, and where that is. */
export interface Watched {
  readonly entities: readonly { readonly kind: string; readonly url: string }[];
  readonly hosts: Readonly<Record<string, string>>;
}

const NONE_WATCHED: Watched = { entities: [], hosts: {} };

const nameOf = (entity: string): string => `${entity}.home1.example`;

export class OfficersHome {
  readonly folder: string;
  readonly pki: LabPki;
  readonly #tls: TlsFiles;
  readonly #elements: readonly RunningX1Ne[];
  admf: RunningAdmf;
  #stops: (() => Promise<void>)[];

  private constructor(
    made: Pick<OfficersHome, 'folder' | 'pki' | 'admf'>,
    tls: TlsFiles,
    elements: readonly RunningX1Ne[],
    stops: (() => Promise<void>)[],
  ) {
    this.folder = made.folder;
    this.pki = made.pki;
    this.admf = made.admf;
    this.#tls = tls;
    this.#elements = elements;
    this.#stops = stops;
  }

  /** @param extras with the pages of the console, its door has them @param watched what it looks at for people, and where that is */
  static async start(extras: AdmfExtras = {}, watched: Watched = NONE_WATCHED): Promise<OfficersHome> {
    const folder = mkdtempSync(path.join(tmpdir(), 'claviger-officers-'));
    const pki = await LabPki.create(path.join(folder, 'pki'), runtime.clock.now());
    const tls = await pki.issue({ commonName: nameOf('admf'), dnsNames: [nameOf('admf')], roles: ['admf'] });
    const stops: (() => Promise<void>)[] = [];
    const elements: RunningX1Ne[] = [];
    for (const kind of KINDS) {
      const files = await pki.issue({ commonName: nameOf(kind), dnsNames: [nameOf(kind)], roles: [kind] });
      const at = (name: string): string => path.join(folder, `${kind}.${name}`);
      const state = await openNeState({ store: at('db'), audit: at('jsonl') }, runtime);
      const config = configReader(X1_NE_CONFIG)({
        identifier: nameOf(kind),
        listen: {},
        admf: { identifier: nameOf('admf'), url: `https://${nameOf('admf')}/X1/ADMF` },
        store: at('db'),
      });
      const element = await startX1Ne(config, {
        ...{ policy: POLICIES[kind], tls: loadTls(files, runtime.clock.now()), hosts: new HostMap() },
        ...{ state, runtime },
      });
      elements.push(element);
      stops.push(() => element.stop().then(() => state.close()));
    }
    const settings = settingsOf(folder, tls, elements);
    const isShown = extras.consolePages !== undefined;
    const officers = { peers: Object.keys(PEOPLE), console: isShown, entities: watched.entities };
    const hosts = { ...(settings['hosts'] as object), ...watched.hosts };
    const admf = await startAdmf(admfConfig({ ...settings, officers, hosts }), runtime, extras);
    return new OfficersHome({ folder, pki, admf }, tls, elements, stops);
  }

  /** As a configuration of `claviger warrant`. */
  async officer(
    name: string,
    roles: readonly Role[] = PEOPLE[name] ?? [],
    dnsNames: readonly string[] = [],
  ): Promise<{ file: string; tls: TlsFiles; hosts: Record<string, string>; url: string }> {
    const tls = await this.pki.issue({ commonName: name, dnsNames: [name, ...dnsNames], roles });
    const url = `https://${nameOf('admf')}`;
    const hosts = { [nameOf('admf')]: `127.0.0.1:${String(this.admf.officers?.port)}` };
    const file = path.join(this.folder, `${name}.json`);
    writeFileSync(file, JSON.stringify({ url, tls, hosts }));
    return { file, tls, hosts, url };
  }

  /** What the ADMF's audit log holds. */
  audit(): AuditEvent[] {
    const lines = readFileSync(path.join(this.folder, 'admf.jsonl'), 'utf8').trimEnd().split('\n');
    return [...verifyChain(lines)].map(({ event }) => event);
  }

  /** As they stand in its file. */
  settings(): Record<string, unknown> {
    return settingsOf(this.folder, this.#tls, this.#elements);
  }

  async restart(): Promise<void> {
    await this.admf.stop();
    this.admf = await startAdmf(admfConfig(this.settings()), runtime);
  }

  async stop(): Promise<void> {
    await this.admf.stop();
    for (const stop of this.#stops) await stop();
    rmSync(this.folder, { recursive: true });
  }
}

function settingsOf(
  folder: string,
  tls: TlsFiles,
  elements: readonly RunningX1Ne[],
): Record<string, unknown> {
  return {
    identifier: nameOf('admf'),
    officers: { peers: Object.keys(PEOPLE) },
    tls,
    hosts: Object.fromEntries(
      KINDS.map((kind, at) => [nameOf(kind), `127.0.0.1:${String(elements[at]?.port)}`]),
    ),
    store: path.join(folder, 'admf.db'),
    audit: path.join(folder, 'admf.jsonl'),
    elements: KINDS.map((kind) => ({ identifier: nameOf(kind), kind, url: `https://${nameOf(kind)}/X1/NE` })),
    x2x3: { host: 'df.home1.example', port: 7001 },
    drainMs: 10,
    attempts: 1,
    settleMs: 50,
  };
}

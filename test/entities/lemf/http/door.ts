/** A LEMF with its door for analysts, to which a delivery function hands over what a test has, over real sockets. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { lemfConfig } from '../../../../src/entities/lemf/config.ts';
import { startLemf } from '../../../../src/entities/lemf/start.ts';
import type { RunningLemf } from '../../../../src/entities/lemf/start.ts';
import type { LemfExtras } from '../../../../src/entities/lemf/start-analysts.ts';
import { verifyChain } from '../../../../src/evidence/log.ts';
import type { AuditEvent } from '../../../../src/evidence/log.ts';
import { systemClock, systemRandom } from '../../../../src/host/runtime.ts';
import { LabPki } from '../../../../src/lab/network/pki.ts';
import { loadTls, secureContext } from '../../../../src/net/tls.ts';
import type { Role, TlsFiles } from '../../../../src/net/tls.ts';
import { silent } from '../../../support/silent.ts';

export const LEMF = 'lemf.home1.example';
const DF = 'df.home1.example';
const runtime = { clock: systemClock(), random: systemRandom(), logger: silent };

/** Those who knock, with the roles of their certificates; the first two are named. */
const PEOPLE: Readonly<Record<string, readonly Role[]>> = {
  ada: ['analyst'],
  anna: ['officer', 'approver', 'auditor', 'operator'],
  eve: ['analyst'],
};
const NAMED = ['ada', 'anna'];

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly octets: Buffer;
}

export class AnalystsHome {
  readonly folder: string;
  readonly lemf: RunningLemf;
  readonly #files: ReadonlyMap<string, TlsFiles>;
  readonly #df: TlsFiles;
  readonly #agents = new Map<string, Agent>();
  #socket: TLSSocket | null = null;

  private constructor(folder: string, lemf: RunningLemf, files: ReadonlyMap<string, TlsFiles>, df: TlsFiles) {
    this.folder = folder;
    this.lemf = lemf;
    this.#files = files;
    this.#df = df;
  }

  static async start(extras: LemfExtras = {}): Promise<AnalystsHome> {
    const folder = mkdtempSync(path.join(tmpdir(), 'claviger-analysts-'));
    const pki = await LabPki.create(path.join(folder, 'pki'), runtime.clock.now());
    const issue = (commonName: string, roles: readonly Role[]) =>
      pki.issue({ commonName, dnsNames: [commonName], roles });
    const files = new Map<string, TlsFiles>();
    for (const [name, roles] of Object.entries(PEOPLE)) files.set(name, await issue(name, roles));
    const config = lemfConfig({
      tls: await issue(LEMF, ['lemf']),
      folder: path.join(folder, 'state'),
      recoverInto: path.join(folder, 'recovered'),
      recoverAfter: 150,
      analysts: { peers: NAMED, console: extras.consolePages !== undefined },
    });
    const df = await issue(DF, ['df']);
    return new AnalystsHome(folder, await startLemf(config, runtime, undefined, extras), files, df);
  }

  /** As a configuration of `claviger console`. */
  person(name: string): { tls: TlsFiles; hosts: Record<string, string>; url: string } {
    const tls = this.#files.get(name);
    if (tls === undefined) throw new Error(`nobody is called ${name}`);
    const hosts = { [LEMF]: `127.0.0.1:${String(this.lemf.analysts?.port)}` };
    return { tls, hosts, url: `https://${LEMF}` };
  }

  /** Hands PDUs over, as they are. */
  async hand(pdus: readonly Uint8Array[]): Promise<void> {
    if (this.#socket === null) {
      const tls = loadTls(this.#df, runtime.clock.now());
      const at = { host: '127.0.0.1', port: this.lemf.hi2.port, servername: LEMF };
      this.#socket = connect({ ...secureContext(tls, 'TLSv1.2'), ca: tls.authorities, ...at });
      this.#socket.resume();
      await once(this.#socket, 'secureConnect');
    }
    for (const pdu of pdus) this.#socket.write(pdu);
  }

  get(who: string, at: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answered> {
    const { tls } = this.person(who);
    const material = loadTls(tls, runtime.clock.now());
    const agent =
      this.#agents.get(who) ??
      new Agent({
        keepAlive: true,
        ca: material.authorities,
        cert: material.certificate,
        key: material.privateKey,
      });
    this.#agents.set(who, agent);
    return new Promise((resolve, reject) => {
      const asked = httpsRequest({
        ...{
          host: '127.0.0.1',
          port: this.lemf.analysts?.port,
          servername: LEMF,
          path: at,
          method,
          headers,
          agent,
        },
      });
      asked.once('error', reject);
      asked.once('response', (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.once('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            octets: Buffer.concat(chunks),
          }),
        );
      });
      asked.end();
    });
  }

  async json<T>(at: string, who = 'ada'): Promise<T> {
    const { status, octets } = await this.get(who, at);
    if (status !== 200) throw new Error(`${status}: ${octets.toString()}`);
    return JSON.parse(octets.toString()) as T;
  }

  audit(): AuditEvent[] {
    const lines = readFileSync(path.join(this.folder, 'state', 'audit.jsonl'), 'utf8')
      .trimEnd()
      .split('\n');
    return [...verifyChain(lines)].map(({ event }) => event);
  }

  async stop(): Promise<void> {
    this.#socket?.destroy();
    for (const agent of this.#agents.values()) agent.destroy();
    await this.lemf.stop();
    rmSync(this.folder, { recursive: true });
  }
}

/** The ADMF's door for officers, and those who knock there, each with a connection of their own. */
import type { Agent } from 'node:https';
import { expect } from 'vitest';
import { agentOf, askAdmf } from './asking.ts';
import type { Answer, Asking } from './asking.ts';
import type { AdmfExtras } from '../../../../src/entities/admf/start.ts';
import { OfficersHome, PEOPLE } from './door.ts';
import type { Watched } from './door.ts';

/** What is entered, but for the LIID. */
export const WARRANT = {
  targets: [{ name: 'sipUri', value: 'sip:alice@home1.example' }],
  delivery: 'IRI+CC',
  endTime: new Date(Date.now() + 3_600_000).toISOString(),
  lemf: { hi2: { host: '127.0.0.1', port: 8002 }, hi3: { host: '127.0.0.1', port: 8003 } },
};

export const warrantOf = (liid: string) => ({ liid, ...WARRANT });

export class OfficersDoor {
  readonly home: OfficersHome;
  readonly #agents = new Map<string, Agent>();

  private constructor(home: OfficersHome) {
    this.home = home;
  }

  /** With those who are admitted, and some who are not. */
  static async open(extras: AdmfExtras = {}, watched?: Watched): Promise<OfficersDoor> {
    const home = await OfficersHome.start(extras, watched);
    const door = new OfficersDoor(home);
    for (const name of Object.keys(PEOPLE)) door.#agents.set(name, agentOf((await home.officer(name)).tls));
    for (const [name, roles, names] of [
      ['eve', ['officer', 'approver'], []],
      ['df', ['df'], []],
      ['nobody', [], []],
      ['two', ['officer', 'approver'], ['anna', 'ben']],
      ['roleless', ['df'], ['anna']],
    ] as const)
      door.#agents.set(name, agentOf((await home.officer(name, roles, names)).tls));
    return door;
  }

  /** The connections of one of them. */
  agent(who: string): Agent | undefined {
    return this.#agents.get(who);
  }

  ask(who: string, call: string, asking?: Asking): Promise<Answer> {
    return askAdmf(this.home, this.#agents.get(who), call, asking);
  }

  /** Gives the generation. */
  async enter(liid: string, who = 'anna'): Promise<number> {
    const { status, json } = await this.ask(who, 'POST /v1/warrants', { body: { warrant: warrantOf(liid) } });
    expect([status, json]).toMatchObject([201, { liid, state: 'submitted' }]);
    return json['generation'] as number;
  }

  async stateOf(liid: string): Promise<Answer['json']> {
    return (await this.ask('cleo', `GET /v1/warrants/${liid}/state`)).json;
  }

  async close(): Promise<void> {
    for (const agent of this.#agents.values()) agent.destroy();
    await this.home.stop();
  }
}

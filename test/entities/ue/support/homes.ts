/** Phones behind the CSCFs of two homes, whose keys are agreed by MIKEY-IBAKE over an engine that costs nothing. */
import { Secret } from '../../../../src/bytes/secret.ts';
import { IbakeAgreement } from '../../../../src/endpoint/exchanges.ts';
import type { OthersPolicy } from '../../../../src/endpoint/exchanges.ts';
import type { AnswerPolicy } from '../../../../src/entities/ue/answering.ts';
import type { PhoneCall } from '../../../../src/entities/ue/call.ts';
import { UserEquipment } from '../../../../src/entities/ue/user-equipment.ts';
import type { TransfersPolicy } from '../../../../src/entities/ue/user-equipment.ts';
import { seededRandom, systemClock } from '../../../../src/host/runtime.ts';
import type { AffinePoint } from '../../../../src/ibe/curve.ts';
import { udpDatagrams } from '../../../../src/net/datagrams.ts';
import type { UserAgent } from '../../../../src/sip/agent.ts';
import type { SipRequest, SipResponse } from '../../../../src/sip/message.ts';
import { identityAt } from '../../../ibake/support/network.ts';
import { NOON, Network as Districts } from '../../../ibake/support/scenario.ts';
import { toyEngine } from '../../../ibake/support/toy-engine.ts';
import { ownPorts } from '../../../support/own-ports.ts';
import type { OwnPorts } from '../../../support/own-ports.ts';
import { silent } from '../../../support/silent.ts';
import { Network } from '../../cscf/network.ts';
import type { Home } from '../../cscf/network.ts';

const USERS = { 'home1.example': ['alice', 'dora'], 'home2.example': ['bob', 'carol', 'erik'] } as const;

export interface HomePhone {
  readonly identity: string;
  readonly ue: UserEquipment;
  readonly agent: UserAgent;
  /** SIP that it sent and received, as `> INVITE`, `< 200 INVITE`. */
  readonly trace: string[];
  readonly messages: (SipRequest | SipResponse)[];
  /** Calls that came in, in order. */
  readonly incoming: PhoneCall[];
}

export interface HomePhoneSettings {
  readonly policy?: AnswerPolicy;
  readonly transfers?: TransfersPolicy;
  readonly others?: OthersPolicy;
  /** The instance of this device, of several. */
  readonly instance?: string;
}

export class Homes {
  readonly sip = new Network();
  readonly #districts = new Districts('homes');
  readonly #points = new Map<AffinePoint, Uint8Array>();
  readonly #engine = toyEngine((key) => this.#points.get(key) ?? new Uint8Array());
  readonly #phones: HomePhone[] = [];
  readonly #ports: OwnPorts;

  private constructor(ports: OwnPorts) {
    this.#ports = ports;
  }

  static async open(forwards: Readonly<Record<string, string>> = {}): Promise<Homes> {
    const homes = new Homes(await ownPorts());
    for (const [name, users] of Object.entries(USERS))
      await homes.sip.home(name, users, { media: false, forwards });
    return homes;
  }

  home(name: keyof typeof USERS): Home {
    const home = this.sip.homes.get(name);
    if (home === undefined) throw new Error(`no ${name}`);
    return home;
  }

  /** A registered phone. */
  async phone(user: string, settings: HomePhoneSettings = {}): Promise<HomePhone> {
    const at = (USERS['home1.example'] as readonly string[]).includes(user)
      ? 'home1.example'
      : 'home2.example';
    const identity = `sip:${user}@${at}`;
    const { instance } = settings;
    const device = instance === undefined ? identity : `${identity};gr=${instance}`;
    const agent = await this.sip.phone(user, at, {
      referrals: true,
      device: String(this.#phones.length),
      ...(instance === undefined ? {} : { instance }),
    });
    const district = at === 'home1.example' ? this.#districts.home1 : this.#districts.home2;
    const endpoint = { ...this.#districts.endpoint(identity, device), engine: this.#engine };
    for (const of of [identity, device]) {
      const point = endpoint.keys.privateKey(of, NOON / 1000);
      if (point !== null) this.#points.set(point, identityAt(district, of, NOON / 1000));
    }
    const agreement = new IbakeAgreement(endpoint, { others: settings.others ?? 'accept' });
    const trace: string[] = [];
    const messages: HomePhone['messages'] = [];
    agent.layer.observe(({ direction, message }) => {
      const what = message.kind === 'request' ? message.method : `${message.status} ${message.cseq.method}`;
      trace.push(`${direction === 'sent' ? '>' : '<'} ${what}`);
      messages.push(message);
    });
    const from = this.#ports.base + 60 * this.#phones.length;
    const ue = new UserEquipment({
      username: user,
      agent,
      device,
      others: settings.others ?? 'accept',
      transfers: settings.transfers ?? 'accept',
      keys: {
        initiate: (...of) => agreement.initiate(...of),
        respond: (...of) => agreement.respond(...of),
        open: () => Promise.reject(new Error('nothing is delivered here')),
        refresh: () => Promise.resolve(),
        stop: () => undefined,
      },
      datagrams: udpDatagrams(silent),
      ports: { address: '127.0.0.1', from, to: from + 58 },
      policy: settings.policy ?? { kind: 'accept', ringMs: 5, answerMs: 5 },
      clock: systemClock(),
      random: seededRandom('homes', device),
      logger: silent,
    });
    const phone: HomePhone = { identity, ue, agent, trace, messages, incoming: [] };
    ue.onIncoming((call) => phone.incoming.push(call));
    this.#phones.push(phone);
    await ue.register();
    return phone;
  }

  /** A call that is up at both ends. */
  async call(
    from: HomePhone,
    to: HomePhone,
  ): Promise<{ readonly call: PhoneCall; readonly answered: PhoneCall }> {
    const call = await from.ue.call(to.identity);
    await call.established;
    const answered = to.incoming.at(-1);
    if (answered === undefined) throw new Error('nobody was called');
    await answered.established;
    return { call, answered };
  }

  async close(): Promise<void> {
    for (const { ue } of this.#phones) await Promise.all(ue.calls.map((call) => call.hangUp()));
    await this.sip.close();
    this.#ports.release();
  }
}

/** Somebody who has a key of his own and makes proofs with it. */
export const FOREIGN_KEY = Secret.of(new Uint8Array(32).fill(7));

/** Requests of a method, in order. */
export function requestsOf(messages: readonly (SipRequest | SipResponse)[], method: string): SipRequest[] {
  return messages.flatMap((message) =>
    message.kind === 'request' && message.method === method ? [message] : [],
  );
}

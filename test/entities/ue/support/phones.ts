/** Two phones, each the other's outbound proxy, that agree keys by MIKEY-IBAKE over an engine that costs nothing. */
import { toHex, utf8 } from '../../../../src/bytes/octets.ts';
import type { Clock } from '../../../../src/bytes/ports.ts';
import { Secret } from '../../../../src/bytes/secret.ts';
import { IbakeAgreement } from '../../../../src/endpoint/exchanges.ts';
import type { ExchangeResult } from '../../../../src/endpoint/key-exchange.ts';
import type { RekeySettings } from '../../../../src/endpoint/rekey-schedule.ts';
import type { AnswerPolicy } from '../../../../src/entities/ue/answering.ts';
import type { PhoneCall } from '../../../../src/entities/ue/call.ts';
import { UserEquipment } from '../../../../src/entities/ue/user-equipment.ts';
import { seededRandom, systemClock } from '../../../../src/host/runtime.ts';
import type { AffinePoint } from '../../../../src/ibe/curve.ts';
import type { Datagrams } from '../../../../src/media/datagrams.ts';
import { udpDatagrams } from '../../../../src/net/datagrams.ts';
import { HostMap } from '../../../../src/net/hosts.ts';
import { UserAgent } from '../../../../src/sip/agent.ts';
import { parseMessage } from '../../../../src/sip/message.ts';
import type { SipRequest, SipResponse } from '../../../../src/sip/message.ts';
import { Transport } from '../../../../src/sip/transport.ts';
import { identityAt } from '../../../ibake/support/network.ts';
import { ALICE, BOB, NOON, Network } from '../../../ibake/support/scenario.ts';
import { toyEngine } from '../../../ibake/support/toy-engine.ts';
import { silent } from '../../../support/silent.ts';

export interface TestPhone {
  readonly ue: UserEquipment;
  /** SIP that it sent. */
  readonly sent: (SipRequest | SipResponse)[];
  /** MKIs of the RTP that it sent, in order. */
  readonly mkis: string[];
  readonly transport: Transport;
  incoming: PhoneCall | null;
}

export interface PhoneSettings {
  readonly clock?: Clock;
  readonly policy?: AnswerPolicy;
  readonly rekeying?: RekeySettings;
  readonly video?: boolean;
  /** Whether the first update that it begins is altered on its way. */
  readonly spoilsUpdate?: boolean;
}

const VIDEO = { type: 96, codec: 'H264/90000' };
/** Octets of the tag of the default suite. */
const TAG = 10;

export async function twoPhones(settings: {
  readonly alice?: PhoneSettings;
  readonly bob?: PhoneSettings;
}): Promise<{ readonly alice: TestPhone; readonly bob: TestPhone; readonly stop: () => Promise<void> }> {
  const hosts = new HostMap();
  const network = new Network('phones');
  const points = new Map<AffinePoint, Uint8Array>();
  const engine = toyEngine((key) => points.get(key) ?? new Uint8Array());
  const make = async (
    name: 'alice' | 'bob',
    from: number,
    { clock = systemClock(), policy, rekeying, video = false, spoilsUpdate = false }: PhoneSettings = {},
  ): Promise<TestPhone> => {
    const [identity, home, other] =
      name === 'alice' ? [ALICE, network.home1, 'bob'] : [BOB, network.home2, 'alice'];
    const transport = new Transport({ clock, logger: silent, hosts });
    const at = await transport.listen('TCP', '127.0.0.1', 0);
    hosts.set(`${name}.example`, `127.0.0.1:${at.port}`);
    const endpoint = { ...network.endpoint(identity), engine };
    const point = endpoint.keys.privateKey(identity, NOON / 1000);
    if (point !== null) points.set(point, identityAt(home, identity, NOON / 1000));
    const agreement = new IbakeAgreement(endpoint);
    const mkis: string[] = [];
    const random = seededRandom('phones', name);
    const agent = new UserAgent({
      transport,
      clock,
      random,
      logger: silent,
      identity,
      contact: `sip:${name}@${name}.example;transport=tcp`,
      sentBy: `${name}.example`,
      outbound: { protocol: 'TCP', host: `${other}.example`, port: 5060 },
      credentials: { username: name, password: Secret.of(utf8('x')) },
    });
    const sent: TestPhone['sent'] = [];
    agent.layer.observe(({ direction, octets }) => {
      if (direction === 'sent') sent.push(parseMessage(octets));
    });
    const ue = new UserEquipment({
      username: name,
      agent,
      keys: {
        initiate: (...of) => agreement.initiate(...of),
        respond: async (...of) => {
          const exchange = await agreement.respond(...of);
          if (!spoilsUpdate) return exchange;
          const confirm = async (iMessage2: Uint8Array) => {
            const { rMessage2, result } = await exchange.confirm(iMessage2);
            return { rMessage2, result: spoiling(result) };
          };
          return { ...exchange, confirm };
        },
        open: () => Promise.reject(new Error('nothing is delivered here')),
        refresh: () => Promise.resolve(),
        stop: () => undefined,
      },
      datagrams: watched(mkis),
      ports: { address: '127.0.0.1', from, to: from + 40 },
      policy: policy ?? { kind: 'accept', ringMs: 5, answerMs: 5 },
      ...(rekeying === undefined ? {} : { rekeying }),
      ...(video ? { abilities: { mux: false, video: VIDEO } } : {}),
      clock,
      random,
      logger: silent,
    });
    const phone: TestPhone = { ue, sent, mkis, transport, incoming: null };
    ue.onIncoming((call) => (phone.incoming = call));
    return phone;
  };
  const alice = await make('alice', 64_900, settings.alice);
  const bob = await make('bob', 65_000, settings.bob);
  const stop = async (): Promise<void> => {
    for (const { ue, transport } of [alice, bob]) {
      await Promise.all(ue.calls.map((call) => call.hangUp()));
      await transport.close();
    }
  };
  return { alice, bob, stop };
}

/** The keys, of which an update's I_MESSAGE_1 is altered. */
function spoiling(result: ExchangeResult): ExchangeResult {
  const update: ExchangeResult['update'] = async (wish) => {
    const started = await result.update(wish);
    return { ...started, iMessage1: started.iMessage1.map((octet, at) => (at === 90 ? octet ^ 1 : octet)) };
  };
  return { ...result, update };
}

/** The methods of the requests that a phone sent, in order. */
export function requestsOf({ sent }: TestPhone): string[] {
  return sent.flatMap((message) => (message.kind === 'request' ? [message.method] : []));
}

function watched(mkis: string[]): Datagrams {
  const udp = udpDatagrams(silent);
  return {
    bind: async (address, port) => {
      const socket = await udp.bind(address, port);
      if (socket === null) return null;
      return {
        local: socket.local,
        onDatagram: (listener) => socket.onDatagram(listener),
        close: () => socket.close(),
        send: (octets, to) => {
          mkis.push(toHex(octets.subarray(octets.length - TAG - 8, octets.length - TAG)));
          socket.send(octets, to);
        },
      };
    },
  };
}

/** What a running CSCF says to its operator. */
import { meter, meterBy } from '../../host/meters.ts';
import type { KeptState } from '../../host/backup.ts';
import type { Operation } from '../../host/operation.ts';
import type { Alarm, EntityState } from '../../host/status.ts';
import { datagramsLost } from '../../net/udp-losses.ts';
import type { RunningPoiElement } from '../../poi/element.ts';
import { WriteProbe } from '../../storage/probe.ts';
import type { CscfConfig } from './config.ts';
import type { Cscf } from './cscf.ts';
import type { Clock } from '../../bytes/ports.ts';
import type { TransactionLayer } from '../../sip/transactions.ts';
import type { Transport } from '../../sip/transport.ts';

export interface CscfOperationParts {
  readonly element: RunningPoiElement;
  readonly cscf: Cscf;
  readonly transport: Pick<Transport, 'connections' | 'udpPorts' | 'unsent' | 'waiting'>;
  readonly layer: Pick<TransactionLayer, 'overload'>;
  readonly clock: Clock;
  /** File of what is registered. */
  readonly registrations: string;
}

export function cscfOperation(
  config: CscfConfig,
  { element, cscf, transport, layer, clock, registrations }: CscfOperationParts,
): Operation<CscfConfig> {
  const { operation, tls } = element;
  const probe = new WriteProbe(registrations);
  return {
    entity: 'cscf',
    name: config.x1.identifier,
    tls,
    audit: operation.audit,
    state: () => {
      const state = operation.state();
      const sip = { name: 'sip', to: '', entries: transport.waiting, octets: null, oldest: null };
      const alarms = [...state.alarms, ...overloadAlarms(layer.overload.last, clock.now())];
      const peers = [...state.peers, ...gatewayPeers(config, cscf)];
      return { ...state, queues: [...state.queues, sip], peers, alarms };
    },
    unready: () => [...operation.unready(), ...probe.problems()],
    meters: [
      ...operation.meters(),
      meter('calls', 'Calls that stand.', () => cscf.calls),
      meterBy('bound', 'calls_refused_total', 'Calls that exceeded a bound.', () => cscf.refused),
      meter(
        'calls_media_lost_total',
        'Sessions of media of calls that the gateway has lost; the calls were ended.',
        () => cscf.lostMedia?.count ?? 0,
      ),
      meterBy(
        'reason',
        'sip_connections_cut_total',
        'SIP connections that were closed or refused.',
        () => transport.connections.cuts,
      ),
      meter(
        'sip_datagrams_unsent_total',
        'SIP messages that were not sent over UDP because too much waited for the network.',
        () => transport.unsent,
      ),
      meter(
        'sip_datagrams_lost_total',
        'Datagrams to the SIP ports that the system had no room for until they were read, and dropped (Linux).',
        () => datagramsLost(transport.udpPorts),
      ),
      meter('sip_messages_waiting', 'SIP messages over UDP that wait to be served.', () => transport.waiting),
      meterBy(
        'why',
        'sip_overload_total',
        'SIP messages that were not served: answered with 503 since too many wait or there are too many transactions; requests dropped without an answer, which come again; ACK and responses lost.',
        () => layer.overload.counts,
      ),
      meterBy(
        'what',
        'interception_memory',
        'What is remembered so that calls are intercepted whole.',
        () => {
          const { unadmitted, sessions, octets, ongoing } = cscf.remembered;
          return { unadmitted, sessions, octets, ongoing: ongoing.sessions, ongoing_octets: ongoing.octets };
        },
      ),
      meterBy(
        'why',
        'ongoing_sessions_forgotten_total',
        'What had to be forgotten of calls that stand: interception that begins now would lack it.',
        () => {
          const { crowdedOut: room_for_others, shortened: too_many_messages } = cscf.remembered.ongoing;
          return { room_for_others, too_many_messages };
        },
      ),
      meter(
        'interception_memory_crowded_out_total',
        'What had to be forgotten of calls before they were over.',
        () => cscf.remembered.crowdedOut,
      ),
    ],
    kept: cscfKept(config, registrations),
    retakes: { subscribers: ({ subscribers }) => void cscf.replaceSubscribers(subscribers) },
    drain: (ms) => element.drain(ms),
  };
}

/** The media gateway, if there is one, as far as it says which media it has lost. */
function gatewayPeers({ iq }: CscfConfig, { lostMedia }: Cscf): EntityState['peers'] {
  if (iq === undefined || lostMedia === null) return [];
  const name = iq.url.replace(/^https:\/\//, '').replace(/\/.*$/, '');
  return [{ name, role: 'gateway', state: lostMedia.gateway }];
}

/** Milliseconds for which it is said that more came than could be served. */
const OVERLOAD_MS = 60_000;

/** @param last when a message was last put off; `null`: never */
function overloadAlarms(last: number | null, now: number): Alarm[] {
  if (last === null || now - last > OVERLOAD_MS) return [];
  const text = 'more SIP messages come than can be served: first requests are answered with 503';
  return [{ name: 'sip-overload', severity: 'warning', about: '', text, since: null }];
}

/** What it keeps on disk. @param registrations file of what is registered */
export function cscfKept({ x1, audit }: CscfConfig, registrations: string): KeptState {
  return {
    stores: { tasks: x1.store, registrations },
    audit,
    place: { entity: 'cscf', files: [x1.store, audit, registrations] },
    secret: false,
  };
}

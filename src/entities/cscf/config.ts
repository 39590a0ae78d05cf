/**
 * The settings of the CSCF: those of every element with a point of interception, and its own. They hold passwords: they
 * are for their owner's eyes.
 */
import { isIP } from 'node:net';
import Type from 'typebox';
import { bareHost, canonicalAddress, uriHost } from '../../bytes/network-address.ts';
import { utf8 } from '../../bytes/octets.ts';
import { strict, Unfit } from '../../bytes/schema.ts';
import { Secret } from '../../bytes/secret.ts';
import {
  ConfigError,
  configReader,
  count,
  listener,
  listenSettings,
  listOf,
  milliseconds,
  parsed,
  text,
} from '../../host/config.ts';
import type { ConfigOf, ConfigReader } from '../../host/config.ts';
import { filePath } from '../../host/config-paths.ts';
import { POI_SETTINGS } from '../../poi/config.ts';
import { DNS_SETTINGS } from './config-dns.ts';
import { subscriberForwarding } from './config-forwarding.ts';
import { ALGORITHMS } from '../../sip/digest.ts';
import { TCP_LIMITS } from '../../sip/tcp-connections.ts';
import { nextHopOf } from '../../sip/flow.ts';
import { MOST_WAITING } from '../../sip/udp-intake.ts';
import type { NextHop } from '../../sip/flow.ts';
import { parseUri } from '../../sip/uri.ts';
import { DEFAULT_ALGORITHMS } from './authentication.ts';
import { DEFAULT_CSCF_LIMITS } from './ports.ts';
import type { CscfLimits } from './ports.ts';
import { sharedName, unknownMailbox } from './subscribers.ts';

const lowerCase = (description: string) => Type.Decode(text(description), (name) => name.toLowerCase());

const identity = (description: string) =>
  parsed(description, 'a SIP or tel URI', (uri) => {
    if (parseUri(uri).kind === 'other') throw new Unfit('a SIP or tel URI');
    return uri;
  });

const ALGORITHM = Type.Enum([...ALGORITHMS]);

const SUBSCRIBER = Type.Decode(
  strict({
    identity: identity('SIP URI'),
    aliases: listOf(identity('SIP or tel: URI'), { description: 'SIP and tel: URIs' }),
    username: text('for digest'),
    password: Type.Decode(text('for digest'), (password) => Secret.of(utf8(password))),
    algorithms: Type.Optional(
      Type.Array(ALGORITHM, {
        description:
          "digest algorithms of this subscriber's challenges, one line each, in this order; nothing else is taken from it",
        absent: 'those of the node',
      }),
    ),
    forwardTo: Type.Optional(
      identity('SIP or tel URI that all calls of this subscriber go to instead; default: none'),
    ),
    forwardBusyTo: Type.Optional(identity('SIP or tel URI that calls go to while it is busy; default: none')),
    forwardUnansweredTo: Type.Optional(
      identity('SIP or tel URI that calls go to which it does not answer; default: none'),
    ),
    forwardUnansweredAfterMs: Type.Optional({
      ...milliseconds('that a call rings before it goes to `forwardUnansweredTo`', { min: 100 }),
      absent: '20000',
    }),
    forwardUnavailableTo: Type.Optional(
      identity(
        'SIP or tel URI that calls go to while it is not registered, or cannot be reached; default: none',
      ),
    ),
    mailbox: Type.Optional(
      identity('SIP URI of the subscriber that takes the calls of this one when it does not; default: none'),
    ),
    mailboxAfterMs: milliseconds('that a call rings before it goes to the mailbox', {
      min: 100,
      default: 20_000,
    }),
  }),
  ({ identity, aliases, username, password, algorithms = [], mailbox, mailboxAfterMs, ...forwarding }) => ({
    ...{ identity, aliases, username, password },
    ...subscriberForwarding({ identity, aliases, ...forwarding }),
    ...(algorithms.length === 0 ? {} : { algorithms }),
    ...(mailbox === undefined ? {} : { mailbox: { identity: mailbox, afterMs: mailboxAfterMs } }),
  }),
);

const PEER = strict({
  domain: lowerCase('another home'),
  cscf: parsed(
    'SIP URI of its CSCF; `transport=tls` for TLS, which alone it is then known by; without a port, SRV records are asked for what is not in `hosts`',
    'a SIP URI',
    (text): NextHop => {
      const uri = parseUri(text);
      const hop = nextHopOf(uri, 'TCP');
      if (hop === null) throw new Unfit('a SIP URI over TCP, UDP or TLS');
      const bySrv = uri.kind === 'sip' && uri.port === null && isIP(hop.host) === 0;
      return bySrv ? { ...hop, service: true } : hop;
    },
  ),
});

export const CSCF_CONFIG = strict({
  ...POI_SETTINGS,
  domain: lowerCase("the home's domain"),
  host: Type.Decode(text("the CSCF's host name in Via and Record-Route"), (host) =>
    uriHost(canonicalAddress(bareHost(host.toLowerCase()))),
  ),
  sip: listener('where SIP is listened on, TCP and UDP'),
  sipTls: Type.Optional(
    strict(
      listenSettings(
        'where SIP is listened on over TLS, with the certificate of `tls`; without `sipTls` there is no TLS, and sips: is refused',
      ),
    ),
  ),
  registrations: Type.Optional({
    ...filePath('SQLite file with what is registered, over restarts'),
    absent: '`x1.store` with `.registrations.db` at its end',
  }),
  publicPort: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65_535,
      description: 'the port in Via and Record-Route',
      absent: '5060 if `hosts` leads it here, else the one that is listened on',
    }),
  ),
  publicTlsPort: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65_535,
      description: 'the same of SIP over TLS',
      absent: '5061 if `hosts` leads it here, else the one that is listened on',
    }),
  ),
  iq: Type.Optional(
    strict({
      url: text('the media gateway; without `iq` media are not anchored, and content is not intercepted'),
    }),
  ),
  subscribers: Type.Decode(listOf(SUBSCRIBER), (subscribers) => {
    const name = sharedName(subscribers);
    if (name !== null) throw new Unfit(`${name} of one subscriber alone`);
    const lost = unknownMailbox(subscribers);
    if (lost !== null) throw new Unfit(`${lost} as a subscriber of its own, without a mailbox`);
    return subscribers;
  }),
  peers: listOf(PEER),
  dns: DNS_SETTINGS,
  numbers: Type.Record(Type.String(), Type.String(), {
    default: {},
    description: 'who serves tel: numbers, by prefix',
  }),
  algorithms: Type.Decode(
    Type.Array(ALGORITHM, {
      default: [...DEFAULT_ALGORITHMS],
      description: 'digest algorithms, a challenge line each, in this order',
    }),
    (algorithms) => (algorithms.length > 0 ? algorithms : DEFAULT_ALGORITHMS),
  ),
  maxCalls: count('calls at once; beyond, 503', { min: 1, default: 10_000 }),
  maxCallsOfOne: count('calls of one caller at once, at most half of `maxCalls`; beyond, 486', {
    min: 1,
    default: 64,
  }),
  callIdleMs: milliseconds(
    'without any message after which a call is forgotten that has no session timer (RFC 4028), or a longer one',
    { min: 1_000, default: DEFAULT_CSCF_LIMITS.callIdleMs },
  ),
  sessionMemory: strict(
    {
      sessions: count('sessions of which something is kept at most; 0: of none', {
        default: DEFAULT_CSCF_LIMITS.ongoing.items,
      }),
      octets: count('octets of their messages at most', { default: DEFAULT_CSCF_LIMITS.ongoing.octets }),
      seconds: count('without a description in the session after which what is kept of it is wiped', {
        min: 1,
        max: 2_000_000,
        default: DEFAULT_CSCF_LIMITS.ongoing.lifeMs / 1000,
      }),
    },
    {
      title: 'sessionMemory',
      default: {},
      description:
        'what is kept, in memory alone, of sessions that stand and whose media are protected, so that interception can begin in mid-call; wiped when the call ends',
    },
  ),
  maxTransactions: count('transactions at once, a fifth of them within dialogs; beyond, 503', {
    min: 1,
    default: 20_000,
  }),
  maxWaiting: count(
    'SIP messages over UDP that wait to be served, at least a quarter of them within dialogs; beyond, 503, and within dialogs dropped',
    { min: 4, default: MOST_WAITING },
  ),
  maxConnections: count('SIP connections over TCP that others make, at once; beyond, strangers go first', {
    min: 1,
    default: TCP_LIMITS.most,
  }),
  maxConnectionsPerAddress: count(
    'of them, those at one address that have not shown whose they are; beyond, the oldest goes',
    { min: 1, default: TCP_LIMITS.perAddress },
  ),
  maxTransactionOctets: count(
    'octets of messages that transactions keep, of which a subscriber has a quarter and other homes half; beyond, 503',
    { min: 1_000_000, default: 128 << 20 },
  ),
});

export type CscfConfig = ConfigOf<typeof CSCF_CONFIG>;

const read = configReader(CSCF_CONFIG);

/** @throws ConfigError */
export const cscfConfig: ConfigReader<typeof CSCF_CONFIG> = Object.assign(
  (json: unknown, file?: string): CscfConfig => {
    const config = read(json, file);
    const secured = config.peers.find(({ cscf }) => cscf.protocol === 'TLS');
    if (secured !== undefined && config.sipTls === undefined)
      throw new ConfigError(
        'configuration',
        `${file === undefined ? '' : `${file}: `}sipTls is missing: ${secured.domain} is reached over TLS, and is to reach this home so`,
      );
    return config;
  },
  { schema: CSCF_CONFIG },
);

/** The bounds that settings are for; of the others the defaults hold. */
export function limitsIn(config: CscfConfig): Partial<CscfLimits> {
  return {
    calls: config.maxCalls,
    callsOfOne: config.maxCallsOfOne,
    callIdleMs: config.callIdleMs,
    ongoing: {
      items: config.sessionMemory.sessions,
      octets: config.sessionMemory.octets,
      lifeMs: config.sessionMemory.seconds * 1000,
    },
  };
}

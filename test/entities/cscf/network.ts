/**
 * Two homes on loopback: CSCFs with real sockets, agents as phones, a media gateway that keeps what it is told, and a
 * point of interception that keeps what is reported.
 */
import { utf8 } from '../../../src/bytes/octets.ts';
import { endpointText } from '../../../src/bytes/network-address.ts';
import type { AnchoredStream, WantedSession } from '../../../src/wire/iq/sessions.ts';
import type { Logger } from '../../../src/bytes/ports.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { Cscf } from '../../../src/entities/cscf/cscf.ts';
import type {
  CscfLimits,
  CscfSettings,
  Forwards,
  MailboxSetting,
  MediaLosses,
} from '../../../src/entities/cscf/ports.ts';
import type { Match, Observation, PoiTask, TaskChange } from '../../../src/poi/poi.ts';
import { UserAgent } from '../../../src/sip/agent.ts';
import type { Body, Leg } from '../../../src/sip/agent-types.ts';
import { defaultPort, TLS_PORT } from '../../../src/sip/flow.ts';
import type { HopLocator, Protocol } from '../../../src/sip/flow.ts';
import type { SipSecurity } from '../../../src/sip/security.ts';
import { Identifiers } from '../../../src/sip/identifiers.ts';
import { identityKeys } from '../../../src/sip/identity-keys.ts';
import { formatKeyManagement } from '../../../src/sip/key-management.ts';
import { makeSdp, SDP_TYPE, SessionDescription } from '../../../src/sip/sdp.ts';
import { fromOctets } from '../../../src/sip/text.ts';
import type { TimerValues } from '../../../src/sip/timers.ts';
import { TransactionLayer } from '../../../src/sip/transactions.ts';
import type { Observed } from '../../../src/sip/transactions.ts';
import type { TcpLimits } from '../../../src/sip/tcp-connections.ts';
import { Transport } from '../../../src/sip/transport.ts';
import { addressOfRecord, parseUri } from '../../../src/sip/uri.ts';
import { HostMap } from '../../../src/net/hosts.ts';
import { testRandom } from '../../sip/support.ts';
import { silent } from '../../support/silent.ts';
import { systemClock } from '../../../src/host/runtime.ts';

const PORT = 5060;

/** A gateway that gives ports in order and remembers the wanted states. */
export class FakeGateway {
  readonly sessions = new Map<string, WantedSession>();
  readonly puts: WantedSession[] = [];
  readonly deleted: string[] = [];
  broken = false;
  delayMs = 0;
  readonly #local = new Map<string, AnchoredStream[]>();
  #port = 30_000;

  async put(id: string, session: WantedSession): Promise<readonly AnchoredStream[]> {
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (this.broken) {
      const { CscfError } = await import('../../../src/entities/cscf/errors.ts');
      throw new CscfError('media', 'no gateway');
    }
    this.sessions.set(id, session);
    this.puts.push(session);
    const known = this.#local.get(id) ?? [];
    const local = session.streams.map((stream, k) =>
      stream === null ? null : (known[k] ?? { a: this.#next(), b: this.#next() }),
    );
    this.#local.set(id, local);
    return local;
  }

  delete(id: string): Promise<void> {
    this.sessions.delete(id);
    this.deleted.push(id);
    return Promise.resolve();
  }

  #next() {
    return { address: '127.0.0.77', port: (this.#port += 2) };
  }
}

/** Tasks by address of record, and everything that was reported. */
export class FakeInterception {
  revision = 0;
  readonly reports: { readonly observation: Observation; readonly match: Match }[] = [];
  readonly #targets = new Map<string, PoiTask>();
  readonly #listeners: ((change: TaskChange) => void)[] = [];

  add(identity: string, xid = identity): void {
    this.#targets.set(identity, { xid, deliveryType: 'X2Only', dids: ['d'] });
    this.#changed(identity, xid);
  }

  remove(identity: string): void {
    const xid = this.#targets.get(identity)?.xid ?? '';
    this.#targets.delete(identity);
    this.#changed(identity, xid);
  }

  onChange(listener: (change: TaskChange) => void): void {
    this.#listeners.push(listener);
  }

  #changed(identity: string, xid: string): void {
    this.revision++;
    for (const listener of this.#listeners) listener({ xid, keys: new Set(identityKeys(identity)) });
  }

  /** A task that is met by keys of another kind. */
  matches: (keys: ReadonlySet<string>) => boolean = () => false;

  match(identities: readonly string[]): Match[] {
    const task: PoiTask = { xid: 'by key', deliveryType: 'X2Only', dids: ['d'] };
    if (this.matches(new Set(identities.flatMap(identityKeys)))) return [{ task }];
    const keys = new Set(identities.map((identity) => addressOfRecord(parseUri(identity))));
    return [...this.#targets].flatMap(([identity, task]) => (keys.has(identity) ? [{ task }] : []));
  }

  report(observation: Observation, matches: readonly Match[]): void {
    for (const match of matches) this.reports.push({ observation, match });
  }

  /** First lines with direction: `> INVITE` from the target, `< 200 INVITE` to it. */
  trace(xid?: string): string[] {
    return this.reports
      .filter(({ match }) => xid === undefined || match.task.xid === xid)
      .map(
        ({ observation }) =>
          `${observation.direction === 3 ? '>' : '<'} ${describeMessage(observation.payload)}`,
      );
  }
}

/** `INVITE`, or `200 INVITE`. */
export function describeMessage(octets: Uint8Array): string {
  const text = fromOctets(octets);
  const [first = '', second = ''] = text.split(/[ \r]/);
  return first === 'SIP/2.0' ? `${second} ${/^CSeq: \d+ (\w+)/im.exec(text)?.[1] ?? ''}` : first;
}

export interface Home {
  readonly cscf: Cscf;
  readonly transport: Transport;
  readonly layer: TransactionLayer;
  readonly gateway: FakeGateway;
  readonly interception: FakeInterception;
  readonly observed: Observed[];
  readonly ports: Readonly<Record<Protocol, number>>;
}

export class Network {
  readonly hosts = new HostMap();
  readonly homes = new Map<string, Home>();
  readonly agents: UserAgent[] = [];
  readonly transports: Transport[] = [];
  /** Of what is made from now on. */
  timers: TimerValues | undefined;
  readonly logger: Logger = silent;
  /** Where everything listens. */
  readonly address: string;
  /** Certificates of a host, where SIP is over TLS; of a phone, authorities alone. */
  security: ((host: string) => SipSecurity) | null = null;
  /** Messages over UDP that wait to be served, at most, where they do not have the default. */
  maxWaiting: number | null = null;
  /** Where other homes are, in place of `hosts`. */
  locator: HopLocator | null = null;

  constructor(timers?: TimerValues, address = '127.0.0.1') {
    this.timers = timers;
    this.address = address;
  }

  async home(
    name: string,
    users: readonly string[],
    options: {
      limits?: Partial<CscfLimits>;
      media?: boolean;
      /** Who says which media are lost. */
      losses?: MediaLosses;
      interHome?: Protocol;
      maxOctets?: number;
      connections?: Partial<TcpLimits>;
      /** Whom calls of users go to instead. */
      forwards?: Readonly<Record<string, string>>;
      /** Whom those calls go to that they do not take. */
      untaken?: Readonly<Record<string, Forwards>>;
      /** Of some, the mailbox. */
      mailboxes?: Readonly<Record<string, MailboxSetting>>;
    } = {},
  ): Promise<Home> {
    const security = this.security?.(`cscf.${name}`) ?? null;
    const interHome = options.interHome ?? (security === null ? 'TCP' : 'TLS');
    const others = ['home1.example', 'home2.example'].filter((other) => other !== name);
    const settings: CscfSettings = {
      domain: name,
      host: `cscf.${name}`,
      port: PORT,
      subscribers: users.map((user, i) => ({
        identity: `sip:${user}@${name}`,
        aliases: [`tel:+${name === 'home1.example' ? 1 : 2}555000${i + 1}`],
        username: `${user}@${name}`,
        password: Secret.of(utf8(`password-of-${user}`)),
        ...(options.forwards?.[user] === undefined ? {} : { forwardTo: options.forwards[user] }),
        ...(options.untaken?.[user] === undefined ? {} : { forwards: options.untaken[user] }),
        ...(options.mailboxes?.[user] === undefined ? {} : { mailbox: options.mailboxes[user] }),
      })),
      peers: others.map((domain) => ({
        domain,
        cscf: { protocol: interHome, host: `cscf.${domain}`, port: defaultPort(interHome) },
      })),
      ...(security === null ? {} : { tlsPort: TLS_PORT }),
      numbers: { '+1': 'home1.example', '+2': 'home2.example' },
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    };
    const { transport, tcp, udp } = await this.onePort(() =>
      this.transport(options.connections, security, this.locator),
    );
    this.hosts.set(`cscf.${name}:${PORT}`, endpointText(tcp));
    const tls = security === null ? null : await transport.listen('TLS', this.address, 0);
    if (tls !== null) this.hosts.set(`cscf.${name}:${TLS_PORT}`, endpointText(tls));
    const random = testRandom(name);
    const layer = new TransactionLayer({
      transport,
      clock: systemClock(),
      logger: this.logger,
      identifiers: new Identifiers(random),
      sentBy: (protocol) => `cscf.${name}:${defaultPort(protocol)}`,
      ...(options.maxOctets === undefined ? {} : { maxOctets: options.maxOctets }),
      ...(this.timers === undefined ? {} : { timers: this.timers }),
    });
    const [gateway, interception] = [new FakeGateway(), new FakeInterception()];
    const cscf = new Cscf({
      settings,
      layer,
      listening: [tcp],
      hosts: this.hosts,
      clock: systemClock(),
      random,
      logger: this.logger,
      anchor: options.media === false ? null : gateway,
      losses: options.losses ?? null,
      tasks: interception,
      poi: interception,
    });
    const observed: Observed[] = [];
    layer.observe((each) => observed.push(each));
    const home = {
      cscf,
      transport,
      layer,
      gateway,
      interception,
      observed,
      ports: { TCP: tcp.port, UDP: udp.port, TLS: tls?.port ?? 0 },
    };
    this.homes.set(name, home);
    return home;
  }

  /** A phone; `device` tells several of one user apart. */
  async phone(
    user: string,
    home: string,
    options: {
      protocol?: Protocol;
      device?: string;
      password?: string;
      identity?: string;
      contact?: string;
      /** Whether it names itself by its address, not by a name. */
      numeric?: boolean;
      /** Whether it takes part in calls by sips:. */
      sips?: boolean;
      /** The URN of the device. */
      instance?: string;
      /** Whether its calls can be transferred. */
      referrals?: boolean;
    } = {},
  ) {
    const { protocol = 'TCP', device = '1' } = options;
    const host = `${user}-${device}.${home}`;
    const transport = this.transport({}, this.security?.(host) ?? null);
    const bound =
      protocol === 'TLS'
        ? { address: this.address, port: TLS_PORT }
        : await transport.listen(protocol, this.address, 0);
    this.hosts.set(`${host}:${PORT}`, endpointText(bound));
    const own = options.numeric === true ? endpointText(bound) : host;
    const agent = new UserAgent({
      transport,
      clock: systemClock(),
      random: testRandom(host),
      logger: this.logger,
      identity: options.identity ?? `sip:${user}@${home}`,
      contact: options.contact ?? `sip:${user}@${own};transport=${protocol.toLowerCase()}`,
      sentBy: options.numeric === true ? own : `${host}:${PORT}`,
      ...(options.instance === undefined ? {} : { instance: options.instance }),
      referrals: options.referrals === true,
      ...(options.sips === true ? { secureContact: `sips:${user}@${host}` } : {}),
      outbound: { protocol, host: `cscf.${home}`, port: defaultPort(protocol) },
      credentials: {
        username: `${user}@${home}`,
        password: Secret.of(utf8(options.password ?? `password-of-${user}`)),
      },
      ...(this.timers === undefined ? {} : { timers: this.timers }),
    });
    this.agents.push(agent);
    return agent;
  }

  async close(): Promise<void> {
    for (const agent of this.agents) agent.layer.abandon();
    for (const { cscf } of this.homes.values()) cscf.close();
    await Promise.all(this.transports.map((transport) => transport.close()));
  }

  /** A transport with TCP and UDP on one port: where the system has one for TCP, somebody else may have it for UDP. */
  private async onePort(open: () => Transport) {
    for (let tries = 1; ; tries++) {
      const transport = open();
      const tcp = await transport.listen('TCP', this.address, 0);
      try {
        return { transport, tcp, udp: await transport.listen('UDP', this.address, tcp.port) };
      } catch (error) {
        if (tries === 10) throw error;
      }
    }
  }

  transport(
    connections: Partial<TcpLimits> = {},
    security: SipSecurity | null = null,
    locator: HopLocator | null = null,
  ): Transport {
    const { hosts, logger } = this;
    const transport = new Transport({
      ...{ clock: systemClock(), logger, hosts, connections },
      ...(security === null ? {} : { security }),
      ...(locator === null ? {} : { locator }),
      ...(this.maxWaiting === null ? {} : { maxWaiting: this.maxWaiting }),
    });
    this.transports.push(transport);
    return transport;
  }
}

/** An SDP body with audio on this port; `key` as MIKEY, a text or a message. */
export function sdpBody(port: number, key?: string | Uint8Array | readonly Uint8Array[]): Body {
  const sdp = makeSdp({
    username: 'x',
    sessionId: String(port),
    version: 1,
    connection: { addressType: 'IP4', address: '127.0.0.1' },
    media: [{ line: { media: 'audio', port, protocol: 'RTP/SAVP', formats: ['0'] }, attributes: [] }],
    attributes: Array.isArray(key)
      ? (key as readonly Uint8Array[]).map((data) => formatKeyManagement({ protocol: 'mikey', data }))
      : [],
  });
  if (typeof key === 'string' || key instanceof Uint8Array)
    sdp.setMikey(typeof key === 'string' ? utf8(key) : key);
  return { type: SDP_TYPE, octets: sdp.serialise() };
}

/** Port and MIKEY text of a body. */
export function readSdp(octets: Uint8Array): { port: number; key: string; address: string } {
  const sdp = SessionDescription.parse(octets);
  const [medium] = sdp.media;
  return {
    port: medium?.port ?? -1,
    address: medium?.connection?.address ?? '',
    key: sdp.mikey === null ? '' : fromOctets(sdp.mikey),
  };
}

/** Calls; resolves with the leg, accepted and acknowledged, or rejects with how the call was refused. */
export function dial(caller: UserAgent, uri: string): Promise<Leg> {
  return new Promise((resolve, reject) => {
    const accepted = (leg: Leg): void => {
      leg.ack();
      resolve(leg);
    };
    caller.invite(uri, { body: sdpBody(4000) }, { accepted, failed: reject });
  });
}

/**
 * The configurations of a home's entities and phones: those that `claviger ENTITY run` takes, so that a test can move any
 * of them into a process of its own.
 */
import path from 'node:path';
import { endpointText } from '../../bytes/network-address.ts';
import { districtOfHost } from '../../ibake/identity.ts';
import type { Role, TlsFiles } from '../../net/tls.ts';
import { makeFolder } from '../../storage/files.ts';
import { X1_ADMF_PATH, X1_NE_PATH } from '../../wire/x1/names.ts';
import { agencyHostOf, hostOf, identityOf, MAILBOX_USER, phoneName, SIP_TLS } from './home.ts';
import type { DemoDevice, DemoSubscriber, Entity, HomePlan, Plan } from './home.ts';
import type { Subject } from '../pki/authority.ts';
import type { LabPki } from './pki.ts';

/** What an ADMF provisions. */
const PROVISIONED: readonly Entity[] = ['kms', 'df', 'gateway', 'cscf'];

/** Who sends over HI1, who answers, and the LEMF, by the identifiers that ETSI's examples have. */
export const HI1_PARTIES = {
  agency: { country: 'XX', identifier: 'ACTOR01' },
  operator: { country: 'XX', identifier: 'ACTOR02' },
  lemf: { country: 'XX', identifier: 'LEMF01' },
} as const;

/** The configurations of everything in one home, by entity; phones by user. */
export interface HomeConfigs {
  readonly entities: Readonly<Record<Entity, Record<string, unknown>>>;
  readonly phones: Readonly<Record<string, Record<string, unknown>>>;
  /** Of the user who is a mailbox, and no phone; `null`: there is none. */
  readonly mailbox: Record<string, unknown> | null;
  /** Of the law enforcement agency, as `claviger hi1 send` takes it. */
  readonly agency: Record<string, unknown>;
}

/** Writes certificates and makes the configurations of a home. */
export async function configureHome(plan: Plan, home: HomePlan, pki: LabPki): Promise<HomeConfigs> {
  const hosts = hostEntries(plan);
  const folder = path.join(plan.state, home.name);
  makeFolder(folder, 0o700);
  const file = (name: string): string => path.join(folder, name);
  const tls = async (entity: Entity): Promise<object> =>
    pki.issue({
      commonName: hostOf(entity, home),
      dnsNames: [hostOf(entity, home)],
      roles: [entity satisfies Role],
    });
  const at = (listener: string): object => ({ address: home.address, port: home.ports[listener] });
  const admf = { identifier: hostOf('admf', home), url: `https://${hostOf('admf', home)}${X1_ADMF_PATH}` };
  const x1 = (entity: Entity): object => ({
    identifier: hostOf(entity, home),
    listen: at(`${entity}.x1`),
    admf,
    store: file(`${entity}-tasks.db`),
  });
  const element = async (entity: Entity): Promise<Record<string, unknown>> => ({
    tls: await tls(entity),
    hosts,
    x1: x1(entity),
    audit: file(`${entity}-audit.jsonl`),
  });
  const transport = home.ports[SIP_TLS] === undefined ? 'tcp' : 'tls';
  const peers = Object.values(plan.homes).filter((other) => other !== home);
  const keying = await keyingOf(plan, home, pki);
  const mailboxes = Object.values<HomePlan>(plan.homes).filter(hasMailbox).map(mailboxIn);
  const endpoints: HomeConfigs['phones'] = Object.fromEntries(
    home.subscribers.flatMap(phonesOf).map(({ name, subscriber, phone, device }) => [
      name,
      {
        identity: identityOf(home, subscriber.user),
        ...(device === null ? {} : { device: deviceIdentity(home, subscriber, device) }),
        kms: { url: `https://${hostOf('kms', home)}`, ...keying.proofOf(name, phone.psk) },
        cscf: {
          url:
            transport === 'tls'
              ? `sips:${hostOf('cscf', home)}`
              : `sip:${hostOf('cscf', home)};transport=tcp`,
          username: subscriber.user,
          password: subscriber.password,
        },
        partners: peers.map(({ domain }) => domain),
        ...(mailboxes.length === 0 || subscriber.user === MAILBOX_USER ? {} : { mailboxes }),
        authorities: pki.authorities,
        ...pki.lists,
        hosts,
        sip: { address: home.address, port: phone.sip },
        media: phone.media,
        replays: file(`${name}-replays.db`),
      },
    ]),
  );
  const { [MAILBOX_USER]: box, ...phones } = endpoints;
  const mailboxOf = async (): Promise<Record<string, unknown> | null> => {
    if (box === undefined) return null;
    const { authorities: _, revocationLists: __, ...config } = box;
    const commonName = `${MAILBOX_USER}.${home.domain}`;
    const certificate = await pki.issue({ commonName, dnsNames: [commonName], roles: ['mailbox'] });
    return { ...config, tls: certificate, folder: file(MAILBOX_USER) };
  };
  return {
    entities: {
      kms: {
        name: hostOf('kms', home),
        tls: await tls('kms'),
        hosts,
        admf,
        x1: at('kms.x1'),
        xk: { ...at('kms.xk'), ...(plan.lemfsAsk === true ? { lemfs: [hostOf('lemf', home)] } : {}) },
        users: at('kms.users'),
        state: file('kms'),
        district: { name: districtOfHost(home.domain), keyLifetime: 86_400, demoGroup: home.group },
        ...keying.certificates,
        subscribers: home.subscribers.map((subscriber) => keyedSubscriber(plan, home, subscriber)),
        nextPeriods: 1,
        // Phones and signalling share the demo's process: a KMS's pairing must not hold them up. One worker is enough.
        workers: 1,
        interception: { workers: 1 },
        revealSecrets: plan.revealSecrets,
      },
      cscf: {
        ...(await element('cscf')),
        domain: home.domain,
        host: hostOf('cscf', home),
        sip: at('cscf.sip'),
        ...(home.ports[SIP_TLS] === undefined ? {} : { sipTls: at(SIP_TLS) }),
        iq: { url: `https://${hostOf('gateway', home)}/` },
        algorithms: ['MD5', 'SHA-256'],
        subscribers: home.subscribers.map(({ user, tel, password }) => ({
          identity: identityOf(home, user),
          aliases: [tel],
          username: user,
          password,
          ...(hasMailbox(home) && user !== MAILBOX_USER ? { mailbox: mailboxIn(home) } : {}),
        })),
        peers: peers.map((peer) => ({
          domain: peer.domain,
          cscf: `sip:${hostOf('cscf', peer)};transport=${transport}`,
        })),
      },
      gateway: { ...(await element('gateway')), control: at('gateway.control'), media: home.media },
      df: {
        ...(await element('df')),
        x2x3: at('df.x2x3'),
        store: file('df.db'),
        name: { countryCode: 'XX', operator: home.name, element: `df.${home.name}` },
        xk: { url: `https://${hostOf('kms', home)}:8443` },
        ...(plan.out === null ? {} : { recordInto: path.join(plan.out, home.name) }),
        revealSecrets: plan.revealSecrets,
      },
      admf: {
        identifier: hostOf('admf', home),
        tls: await tls('admf'),
        hosts,
        listen: at('admf.x1'),
        store: file('admf.db'),
        audit: file('admf-audit.jsonl'),
        approval: 'one',
        elements: PROVISIONED.map((entity) => ({
          identifier: hostOf(entity, home),
          kind: entity,
          url: `https://${hostOf(entity, home)}:9443${X1_NE_PATH}`,
        })),
        x2x3: { host: hostOf('df', home), port: 6514 },
        drainMs: 500,
        hi1: hi1Door(home),
        ...(plan.out === null ? {} : { recordInto: path.join(plan.out, home.name, 'x1') }),
      },
      lemf: {
        tls: await tls('lemf'),
        hi2: at('lemf.hi2'),
        hi3: at('lemf.hi3'),
        folder: file('lemf'),
        ...(plan.lemfsAsk === true ? { xk: { url: `https://${hostOf('kms', home)}:8443`, hosts } } : {}),
      },
    },
    phones,
    mailbox: await mailboxOf(),
    agency: {
      url: `https://${hostOf('admf', home)}:${HI1_PORT}`,
      tls: await pki.issue({ commonName: agencyHostOf(home), dnsNames: [], roles: [] }),
      hosts: {
        [`${hostOf('admf', home)}:${HI1_PORT}`]: endpointText({
          address: home.address,
          port: home.ports['admf.hi1'] ?? 0,
        }),
      },
      sender: HI1_PARTIES.agency,
      receiver: HI1_PARTIES.operator,
    },
  };
}

const HI1_PORT = 8500;
/** Where a LEMF takes HI2 and HI3, for whoever knows no more than its name. */
const LEMF_PORTS = { hi2: 7512, hi3: 7513 };

/** The home's agency, and its LEMF, which requests name by its end point or by its host name. */
function hi1Door(home: HomePlan): object {
  const lemf = hostOf('lemf', home);
  return {
    listen: { address: home.address, port: home.ports['admf.hi1'] },
    endpoint: HI1_PARTIES.operator,
    agencies: [
      {
        name: agencyHostOf(home),
        certificate: { name: agencyHostOf(home) },
        endpoints: [HI1_PARTIES.agency],
      },
    ],
    delivery: {
      endpoints: [
        {
          ...HI1_PARTIES.lemf,
          hi2: { host: lemf, port: LEMF_PORTS.hi2 },
          hi3: { host: lemf, port: LEMF_PORTS.hi3 },
        },
      ],
      ports: LEMF_PORTS,
    },
  };
}

/** Which name and port is found where: real names in districts, certificates and SIP, ephemeral ports on loopback. */
function hostEntries(plan: Plan): Record<string, string> {
  const entries: Record<string, string> = {};
  for (const home of Object.values(plan.homes)) {
    const put = (entity: Entity, nominal: number, listener: string): void => {
      const port = home.ports[`${entity}.${listener}`] ?? 0;
      entries[`${hostOf(entity, home)}:${nominal}`] = endpointText({ address: home.address, port });
    };
    put('kms', 443, 'users');
    put('kms', 8443, 'xk');
    put('kms', 9443, 'x1');
    put('cscf', 5060, 'sip');
    if (home.ports[SIP_TLS] !== undefined) put('cscf', 5061, 'sipTls');
    // A CSCF wants the addresses of its peers whatever the port, and DNS does not know them.
    entries[hostOf('cscf', home)] = home.address;
    put('cscf', 9443, 'x1');
    put('gateway', 443, 'control');
    put('gateway', 9443, 'x1');
    put('df', 6514, 'x2x3');
    put('df', 9443, 'x1');
    put('admf', 443, 'x1');
    put('admf', 8443, 'officers');
    put('lemf', LEMF_PORTS.hi2, 'hi2');
    put('lemf', LEMF_PORTS.hi3, 'hi3');
  }
  return entries;
}

function isCertified({ certified = [] }: Plan, phone: string): boolean {
  return certified === 'all' || certified.includes(phone);
}

/** By what phones prove themselves: what the KMS has of it, and each phone. */
interface Keying {
  readonly certificates: { readonly certificates?: object };
  proofOf(phone: string, psk: string): object;
}

/** Certificates for the phones of a home that have such, and the key of its KMS that they encrypt to. */
async function keyingOf(plan: Plan, home: HomePlan, pki: LabPki): Promise<Keying> {
  const phones = home.subscribers.flatMap(phonesOf).filter(({ name }) => isCertified(plan, name));
  if (phones.length === 0) return { certificates: {}, proofOf: (credential, psk) => ({ credential, psk }) };
  const pair = async (subject: Subject): Promise<Pick<TlsFiles, 'certificate' | 'privateKey'>> => {
    const { certificate, privateKey } = await pki.issue(subject);
    return { certificate, privateKey };
  };
  const commonName = hostOf('kms', home);
  const kms = await pair({ commonName, dnsNames: [commonName], roles: [], use: 'encryption' });
  const pairs = new Map<string, object>();
  for (const { name, subscriber, device } of phones) {
    const identity =
      device === null ? identityOf(home, subscriber.user) : deviceIdentity(home, subscriber, device);
    const subject = { commonName: `${name}.${home.domain}`, dnsNames: [], roles: [], uris: [identity] };
    pairs.set(name, await pair({ ...subject, use: 'signing' }));
  }
  return {
    certificates: { certificates: { keys: [kms] } },
    proofOf: (credential, psk) => {
      const own = pairs.get(credential);
      return own === undefined
        ? { credential, psk }
        : { certificate: { ...own, kmsCertificate: kms.certificate } };
    },
  };
}

function keyedSubscriber(plan: Plan, home: HomePlan, subscriber: HomePlan['subscribers'][number]): object {
  const { user, tel } = subscriber;
  const identity = identityOf(home, user);
  return {
    id: user,
    publicIdentities: [identity],
    aliases: [tel],
    devices: phonesOf(subscriber).map(({ name, phone, device }) => ({
      credential: name,
      ...(isCertified(plan, name) ? { certified: true } : { psk: phone.psk }),
      identity: device === null ? identity : deviceIdentity(home, subscriber, device),
    })),
  };
}

interface PlannedPhone {
  readonly name: string;
  readonly subscriber: HomePlan['subscribers'][number];
  readonly phone: Pick<DemoDevice, 'psk' | 'sip' | 'media'>;
  /** `null`: the only one of its user. */
  readonly device: DemoDevice | null;
}

/** The phones of a user, each with what is its own. */
function phonesOf(subscriber: HomePlan['subscribers'][number]): PlannedPhone[] {
  const { user, devices } = subscriber;
  if (devices.length === 0) return [{ name: user, subscriber, phone: subscriber, device: null }];
  return devices.map((device) => ({ name: phoneName(user, device.name), subscriber, phone: device, device }));
}

function hasMailbox({ subscribers }: HomePlan): boolean {
  return subscribers.some(({ user }) => user === MAILBOX_USER);
}

function mailboxIn(home: HomePlan): string {
  return identityOf(home, MAILBOX_USER);
}

/** RFC 5627: the public GRUU that the registrar makes of the instance, which is the device identity of MIKEY too. */
function deviceIdentity(home: HomePlan, { user }: DemoSubscriber, { instance }: DemoDevice): string {
  return `${identityOf(home, user)};gr=${instance}`;
}

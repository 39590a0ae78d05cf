/** One operator's home in the laboratory: its name, its entities and subscribers, and the ports of each. */
import { toHex } from '../../bytes/octets.ts';
import type { Random } from '../../bytes/ports.ts';
import type { DemoHome } from '../../ibe/demo-groups.ts';
import type { PortRange } from './ports.ts';

export type HomeName = 'home1' | 'home2';
export const HOMES: readonly HomeName[] = ['home1', 'home2'];

/** The entities that listen, with the ports that each needs. */
const LISTENERS = {
  kms: ['users', 'xk', 'x1'],
  cscf: ['sip', 'x1'],
  gateway: ['control', 'x1'],
  df: ['x2x3', 'x1'],
  admf: ['x1', 'officers', 'hi1'],
  lemf: ['hi2', 'hi3'],
} as const satisfies Record<string, readonly string[]>;

/** The CSCF's port of SIP over TLS, in a plan that has one. */
export const SIP_TLS = 'cscf.sipTls';

export type Entity = keyof typeof LISTENERS;
export const ENTITIES = Object.keys(LISTENERS) as readonly Entity[];

/** LEMFs before DFs before elements that report; the ADMF last, since it asks them all. */
export const START_ORDER: readonly Entity[] = ['kms', 'lemf', 'df', 'gateway', 'cscf', 'admf'];

/** What runs as a process of its own in a laboratory: the entities, and a home's mailbox, which is a subscriber too. */
export type Service = Entity | 'mailbox';
export const SERVICES: readonly Service[] = [...ENTITIES, 'mailbox'];

/** The mailbox last: nobody waits for it, and when all end it takes its registration away while its CSCF is there. */
export const SERVICE_ORDER: readonly Service[] = [...START_ORDER, 'mailbox'];

/** Who of a home's users is its mailbox. */
export const MAILBOX_USER = 'mailbox';

/** RTP and RTCP of one call on either side of a gateway, and room for more. */
const GATEWAY_PORTS = 64;
const PHONE_PORTS = 32;

export interface DemoSubscriber {
  readonly user: string;
  readonly tel: string;
  /** Hex. */
  readonly psk: string;
  readonly password: string;
  /** Several phones of one user; none: there is one, whose device identity is the address of record. */
  readonly devices: readonly DemoDevice[];
}

/** Where a phone is reached. */
interface PhonePlaces {
  readonly sip: number;
  readonly media: { readonly address: string; readonly from: number; readonly to: number };
}

/** One phone of several that a user has. */
export interface DemoDevice extends PhonePlaces {
  readonly name: string;
  /** What both its SIP GRUU and its device identity of MIKEY are made from. */
  readonly instance: string;
  /** Hex. */
  readonly psk: string;
}

/** Names of phones; `all` of them. */
export type CertifiedPhones = 'all' | readonly string[];

/** What the network is laid out from. */
export interface Plan<N extends string = string> {
  /** Where entities keep their state. */
  readonly state: string;
  /** Where the laboratory's record goes; `null`: nowhere. */
  readonly out: string | null;
  readonly revealSecrets: boolean;
  /** Phones that prove themselves to their KMS by certificates instead of pre-shared keys; absent: none. */
  readonly certified?: CertifiedPhones;
  /** Whether LEMFs may ask the KMS of their home themselves; absent: they may not. */
  readonly lemfsAsk?: boolean;
  readonly homes: Readonly<Record<N, HomePlan<N>>>;
}

export interface HomePlan<N extends string = string> {
  readonly name: N;
  readonly domain: string;
  /** Whose identity-based parameters it has; its master secret is its own. */
  readonly group: DemoHome;
  /** Where everything listens. */
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly media: { readonly address: string; readonly from: number; readonly to: number };
  readonly subscribers: readonly (DemoSubscriber & PhonePlaces)[];
}

/**
 * Lays out a home: its ports, and subscribers with secrets of their own.
 * @param at its number, from 0 on
 * @param sipTls whether SIP is over TLS between phones, CSCF and other homes
 * @param devices names of the phones of users who have several
 */
export function planHome<N extends string>(
  name: N,
  users: readonly string[],
  block: PortRange,
  random: Random,
  at = name === 'home2' ? 1 : 0,
  sipTls = false,
  devices: Readonly<Record<string, readonly string[]>> = {},
): HomePlan<N> {
  const ports: Record<string, number> = {};
  for (const entity of ENTITIES) {
    for (const listener of LISTENERS[entity]) ports[`${entity}.${listener}`] = block.tcp();
  }
  if (sipTls) ports[SIP_TLS] = block.tcp();
  return {
    name,
    domain: `${name}.example`,
    group: at % 2 === 0 ? 'home1' : 'home2',
    address: block.address,
    ports,
    media: block.media(GATEWAY_PORTS),
    subscribers: users.map((user, nth) => ({
      user,
      tel: `tel:+1555${at + 1}00${nth + 1}`,
      psk: toHex(random.bytes(32)),
      password: toHex(random.bytes(16)),
      sip: block.tcp(),
      media: block.media(PHONE_PORTS),
      devices: (devices[user] ?? []).map((name) => ({
        name,
        instance: `urn:uuid:${uuidFrom(random.bytes(16))}`,
        psk: toHex(random.bytes(32)),
        sip: block.tcp(),
        media: block.media(PHONE_PORTS),
      })),
    })),
  };
}

/** RFC 9562 version 4, of random octets. */
function uuidFrom(octets: Uint8Array): string {
  const hex = toHex(octets);
  const variant = ((parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join('-');
}

/** Host name of an entity: `kms.home1.example`. */
export function hostOf(entity: Entity, home: Pick<HomePlan, 'domain'>): string {
  return `${entity}.${home.domain}`;
}

/** Host name of the law enforcement agency that is bound at a home's ADMF. */
export function agencyHostOf(home: Pick<HomePlan, 'domain'>): string {
  return `agency.${home.domain}`;
}

/** What a phone is called in the laboratory: its user, or `bob.desk` of a user with several. */
export function phoneName(user: string, device: string): string {
  return `${user}.${device}`;
}

export function identityOf(home: Pick<HomePlan, 'domain'>, user: string): string {
  return `sip:${user}@${home.domain}`;
}

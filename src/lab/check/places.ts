/** Where configurations say that something listens, what is used twice, and who is to be found at an address. */
import path from 'node:path';
import { sameHost } from '../../bytes/network-address.ts';
import { mapPaths } from '../../host/config-paths.ts';
import { schemaOf } from './configurations.ts';
import type { Checked, ConfigFinding } from './configurations.ts';

/** A range of ports, of one for a listener. */
export interface ListeningPlace {
  readonly checked: Checked;
  /** `x1.listen`, `media` */
  readonly setting: string;
  readonly protocols: readonly ('tcp' | 'udp')[];
  readonly address: string;
  readonly from: number;
  readonly to: number;
}

/** All places of a configuration; those with port 0, which takes a free one, are not among them. */
export function placesOf(checked: Checked): ListeningPlace[] {
  const { config } = checked;
  const all = Object.entries({
    ...listenersOf(checked),
    admin: 'admin' in config ? config.admin : undefined,
  });
  return all.flatMap(([setting, at]): ListeningPlace[] => {
    if (at === undefined) return [];
    const { from, to } = 'port' in at ? { from: at.port, to: at.port } : at;
    const protocols = protocolsOf(checked, setting);
    return from === 0 ? [] : [{ checked, setting, protocols, address: at.address, from, to }];
  });
}

type Listens = { readonly address: string } & (
  { readonly port: number } | { readonly from: number; readonly to: number }
);

/** Who listens where, by setting. */
function listenersOf({ kind, config }: Checked): Readonly<Record<string, Listens | undefined>> {
  switch (kind) {
    case 'kms':
      return { x1: config.x1, xk: config.xk, users: config.users };
    case 'cscf':
      return { 'x1.listen': config.x1.listen, sip: config.sip, sipTls: config.sipTls };
    case 'gateway':
      return { 'x1.listen': config.x1.listen, control: config.control, media: config.media };
    case 'df':
      return { 'x1.listen': config.x1.listen, x2x3: config.x2x3 };
    case 'admf':
      return { listen: config.listen, officers: config.officers, 'hi1.listen': config.hi1?.listen };
    case 'lemf':
      return { hi2: config.hi2, hi3: config.hi3, analysts: config.analysts };
    case 'mailbox':
    case 'ue':
      return { ...(config.cscf.url.protocol === 'TLS' ? {} : { sip: config.sip }), media: config.media };
    case 'officer':
    case 'analyst':
    case 'agency':
      return {};
  }
}

function protocolsOf({ kind, config }: Checked, setting: string): ListeningPlace['protocols'] {
  if (setting === 'media') return ['udp'];
  if (setting !== 'sip') return ['tcp'];
  if (kind === 'cscf') return ['tcp', 'udp'];
  return (kind === 'ue' || kind === 'mailbox') && config.cscf.url.protocol === 'UDP' ? ['udp'] : ['tcp'];
}

/** Ports that two places have. */
export function portFindings(places: readonly ListeningPlace[]): ConfigFinding[] {
  return pairs(places).flatMap(([one, other]) => {
    const both = one.protocols.filter((protocol) => other.protocols.includes(protocol));
    if (both.length === 0 || one.from > other.to || other.from > one.to || !overlap(one, other)) return [];
    const from = Math.max(one.from, other.from);
    const to = Math.min(one.to, other.to);
    const ports = from === to ? `port ${from}` : `ports ${from} to ${to}`;
    return [
      error(
        other,
        `${ports} (${both.join(', ')}) of ${one.address}: so has ${one.setting} of ${one.checked.file}`,
      ),
    ];
  });
}

/** What is a folder that an entity makes. */
const FOLDERS = ['state', 'folder', 'recordInto', 'recoverInto'];
/** What is only read. */
const READ =
  /^(?:tls\.|authorities$|revocationLists\[|kms\.certificate\.|certificates\.|database\.|streams\.|district\.files|(?:x1\.)?schema$)/;

/** State that two entities would share, and that an entity could not make. */
export function stateFindings(all: readonly Checked[], isFolder: (name: string) => boolean): ConfigFinding[] {
  const found: ConfigFinding[] = [];
  const users = new Map<string, string>();
  for (const { kind, file, json } of all) {
    const folder = path.dirname(path.resolve(file));
    mapPaths(schemaOf(kind), json, (name, place) => {
      if (READ.test(place) || name === ':memory:') return name;
      const full = path.resolve(folder, name);
      const user = users.get(full);
      users.set(full, `${place} of ${file}`);
      if (user !== undefined)
        found.push({ severity: 'error', file, text: `${place}: ${full} is also ${user}` });
      if (!FOLDERS.includes(place) && !isFolder(path.dirname(full)))
        found.push({ severity: 'error', file, text: `${place}: there is no folder ${path.dirname(full)}` });
      return name;
    });
  }
  return found;
}

/** Whoever listens where an address leads. */
export function placeAt(
  places: readonly ListeningPlace[],
  { address, port }: { readonly address: string; readonly port: number },
  protocol: 'tcp' | 'udp',
): ListeningPlace | null {
  return (
    places.find(
      (place) =>
        place.from === port &&
        place.to === port &&
        place.protocols.includes(protocol) &&
        overlap(place, { address }),
    ) ?? null
  );
}

function overlap(one: { readonly address: string }, other: { readonly address: string }): boolean {
  const isAny = ({ address }: { readonly address: string }): boolean =>
    address === '0.0.0.0' || address === '::';
  return sameHost(one.address, other.address) || isAny(one) || isAny(other);
}

function error({ checked, setting }: ListeningPlace, text: string): ConfigFinding {
  return { severity: 'error', file: checked.file, text: `${setting}: ${text}` };
}

function pairs<T>(all: readonly T[]): [T, T][] {
  return all.flatMap((one, at) => all.slice(at + 1).map((other): [T, T] => [one, other]));
}

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
  const listening = (
    setting: string,
    { address, port }: { readonly address: string; readonly port: number },
    protocols: ListeningPlace['protocols'] = ['tcp'],
  ): ListeningPlace => ({ checked, setting, protocols, address, from: port, to: port });
  const media = (range: Pick<ListeningPlace, 'address' | 'from' | 'to'>): ListeningPlace => ({
    ...{ checked, setting: 'media', protocols: ['udp'] },
    ...{ address: range.address, from: range.from, to: range.to },
  });
  const own = ((): ListeningPlace[] => {
    switch (checked.kind) {
      case 'kms': {
        const { x1, xk, users } = checked.config;
        return [listening('x1', x1), listening('xk', xk), listening('users', users)];
      }
      case 'cscf': {
        const { x1, sip, sipTls } = checked.config;
        const secured = sipTls === undefined ? [] : [listening('sipTls', sipTls)];
        return [listening('x1.listen', x1.listen), listening('sip', sip, ['tcp', 'udp']), ...secured];
      }
      case 'gateway': {
        const { x1, control, media: ports } = checked.config;
        return [listening('x1.listen', x1.listen), listening('control', control), media(ports)];
      }
      case 'df': {
        const { x1, x2x3 } = checked.config;
        return [listening('x1.listen', x1.listen), listening('x2x3', x2x3)];
      }
      case 'admf': {
        const { listen, officers, hi1 } = checked.config;
        const doors = [
          ...(officers === undefined ? [] : [listening('officers', officers)]),
          ...(hi1 === undefined ? [] : [listening('hi1.listen', hi1.listen)]),
        ];
        return [listening('listen', listen), ...doors];
      }
      case 'lemf': {
        const { hi2, hi3 } = checked.config;
        return [listening('hi2', hi2), listening('hi3', hi3)];
      }
      case 'ue': {
        const { sip, cscf, media: ports } = checked.config;
        if (cscf.url.protocol === 'TLS') return [media(ports)];
        return [listening('sip', sip, [cscf.url.protocol === 'UDP' ? 'udp' : 'tcp']), media(ports)];
      }
      case 'officer':
      case 'agency':
        return [];
    }
  })();
  const admin = 'admin' in checked.config ? checked.config.admin : undefined;
  const all = admin === undefined ? own : [...own, listening('admin', admin)];
  return all.filter(({ from }) => from !== 0);
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
const READ = /^(?:tls\.|authorities$|revocationLists\[|district\.files|(?:x1\.)?schema$)/;

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

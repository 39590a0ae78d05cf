/**
 * Who may watch entities and can see none, since their configuration names none, or since none admits them: laboratories of
 * earlier versions are so, and nothing else tells. It is said what to add.
 */
import type { OwnCertificate } from './certificates.ts';
import type { Checked, CheckedOf, ConfigFinding } from './configurations.ts';
import { endpointText } from '../../bytes/network-address.ts';

/** The port that a URL of an admin listener names; `hosts` leads to the real one. */
const ADMIN_PORT = 9464;
const WATCHERS = ['auditor', 'operator'] as const;

type Certificates = ReadonlyMap<Checked, OwnCertificate>;
type Watched = Exclude<Checked, CheckedOf<'ue' | 'officer' | 'analyst' | 'agency'>>;

/** @param all all configurations that there are */
export function watchingFindings(all: readonly Checked[], certificates: Certificates): ConfigFinding[] {
  const watchers = all.filter(
    (each): each is CheckedOf<'officer'> =>
      each.kind === 'officer' && isWatcher(certificates.get(each)?.peer.roles ?? []),
  );
  const entities = all.filter(isWatched);
  const near = (one: Checked, other: Checked): boolean =>
    domainOf(one, certificates) === domainOf(other, certificates);
  // What the ADMF of a home looks at it shows to all of that home.
  const looking = all.filter(
    (each) => each.kind === 'admf' && (each.config.officers?.entities ?? []).length > 0,
  );
  const blind = watchers.filter(
    (each) => each.config.entities === undefined && !looking.some((admf) => near(admf, each)),
  );
  return [
    ...blind.flatMap((watcher) => {
      const own = entities.filter((entity) => near(entity, watcher));
      return own.length === 0 ? [] : [warning(watcher, nobodyNamed(own, certificates))];
    }),
    ...entities.flatMap((entity) => {
      const own = watchers
        .filter((watcher) => near(entity, watcher))
        .map((each) => nameOf(each, certificates));
      const isOpen = entity.config.admin?.peers !== undefined;
      if (own.length === 0 || isOpen) return [];
      return [
        warning(
          entity,
          `admin.peers: nobody is admitted who could be shown it; add ${JSON.stringify(own)} (it asks Prometheus for a certificate, too, then)`,
        ),
      ];
    }),
  ];
}

/* ---------------------------------------------------------------- helpers */

function nobodyNamed(entities: readonly Watched[], certificates: Certificates): string {
  const places = entities.map((entity) => ({
    kind: entity.kind,
    host: `${nameOf(entity, certificates)}:${ADMIN_PORT}`,
    at: endpointText(entity.config.admin ?? { address: '', port: 0 }),
  }));
  const added = {
    entities: places.map(({ kind, host }) => ({ kind, url: `https://${host}` })),
    hosts: Object.fromEntries(places.map(({ host, at }) => [host, at])),
  };
  return `entities: none is named, so that the console has none to show; add ${JSON.stringify(added)}`;
}

/** Whether it has an admin listener. */
function isWatched(checked: Checked): checked is Watched {
  const { kind } = checked;
  if (kind === 'ue' || kind === 'officer' || kind === 'analyst' || kind === 'agency') return false;
  return checked.config.admin !== undefined;
}

function isWatcher(roles: readonly string[]): boolean {
  return WATCHERS.some((role) => roles.includes(role));
}

function nameOf(checked: Checked, certificates: Certificates): string {
  return certificates.get(checked)?.peer.commonName ?? '';
}

/** `home1.example` of `kms.home1.example`. */
function domainOf(checked: Checked, certificates: Certificates): string {
  return nameOf(checked, certificates).split('.').slice(1).join('.');
}

function warning({ file }: Checked, text: string): ConfigFinding {
  return { severity: 'warning', file, text };
}

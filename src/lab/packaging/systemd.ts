/**
 * systemd units of the entities, one template each: `claviger-kms@home1.service` is the KMS of home1. What the package
 * installs and what `claviger init` writes differ in where things are, and in nothing else.
 *
 * What an entity may do is what it needs: its state, the network, and no privilege at all. It may make memory
 * executable (no MemoryDenyWriteExecute), since Node.js compiles as it runs. Nothing of it is swapped or dumped, since
 * it holds keys.
 */
import { SERVICES } from '../network/home.ts';
import type { Service } from '../network/home.ts';

/** Where an entity's program, configuration and state are. `%i` in a path is the home. */
export interface UnitPlace {
  /** The program, and what comes before the entity's name. */
  readonly command: readonly string[];
  /** `/etc/claviger/%i/kms.json` */
  readonly config: (entity: Service) => string;
  readonly user: (entity: Service) => string;
  /** Lines that say what of the file system it sees and may write. */
  readonly files: (entity: Service) => readonly string[];
}

export interface Unit {
  /** `claviger-kms@.service` */
  readonly name: string;
  readonly text: string;
}

const WHAT: Readonly<Record<Service, string>> = {
  kms: 'key management service',
  cscf: 'call session control function',
  gateway: 'media gateway',
  df: 'delivery function',
  admf: 'administration function',
  lemf: 'law enforcement monitoring facility',
  mailbox: 'mailbox',
};

/** Those that an entity has work for, of its own home, before it itself. */
const AFTER: Readonly<Partial<Record<Service, readonly Service[]>>> = {
  df: ['kms', 'lemf'],
  gateway: ['df'],
  cscf: ['df', 'gateway'],
  admf: ['kms', 'df', 'gateway', 'cscf'],
  mailbox: ['kms', 'cscf'],
};

/** Where the Debian package puts things. */
export const PACKAGED: UnitPlace = {
  command: ['/usr/bin/claviger'],
  config: (entity) => `/etc/claviger/%i/${entity}.json`,
  user: (entity) => `claviger-${entity}`,
  files: (entity) => [
    'EnvironmentFile=-/etc/default/claviger',
    `StateDirectory=claviger/%i/${entity}`,
    'StateDirectoryMode=0700',
    'ProtectHome=yes',
    'PrivateTmp=yes',
  ],
};

/** A laboratory in a folder, wherever that is. */
export function laboratoryPlace(at: {
  /** Absolute. */
  readonly folder: string;
  readonly user: string;
  /** Node.js and the script, absolute; the package's own folder. */
  readonly node: string;
  readonly script: string;
  readonly root: string;
}): UnitPlace {
  return {
    command: [word(at.node), word(at.script)],
    config: (entity) => word(at.folder, `/%i/${entity}.json`),
    user: () => at.user,
    files: () => [
      // Whatever lies in these places, it sees its own alone.
      'ProtectHome=tmpfs',
      'PrivateTmp=yes',
      ...[at.node, at.root].map((file) => `BindReadOnlyPaths=${word(file)}`),
      `BindReadOnlyPaths=${word(at.folder)}`,
      `BindPaths=${word(`${at.folder}/state`)}`,
    ],
  };
}

export function systemdUnits(place: UnitPlace): Unit[] {
  return SERVICES.map((entity) => ({ name: `${unitOf(entity)}.service`, text: unitText(entity, place) }));
}

function unitOf(entity: Service): string {
  return `claviger-${entity}@`;
}

function unitText(entity: Service, { command, config, user, files }: UnitPlace): string {
  const program = command.join(' ');
  const after = (AFTER[entity] ?? []).map((other) => `${unitOf(other)}%i.service`);
  return `[Unit]
Description=Claviger: ${WHAT[entity]} of %i
Documentation=man:claviger-${entity}-run(1)
Wants=network-online.target
After=${['network-online.target', ...after].join(' ')}
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=exec
ExecStart=${program} ${entity} run --config ${config(entity)}
ExecReload=${program} reload --config ${config(entity)}
Restart=on-failure
RestartSec=2
# It ends by itself within nine seconds.
TimeoutStopSec=15
KillMode=mixed
User=${user(entity)}
${files(entity).join('\n')}

UMask=0077
LimitNOFILE=65536
LimitCORE=0
MemorySwapMax=0
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
PrivateDevices=yes
DevicePolicy=closed
PrivateUsers=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
RemoveIPC=yes
KeyringMode=private
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged

[Install]
WantedBy=multi-user.target
`;
}

/** A word of a unit file: in `text`, `%` and `$` stand for themselves; what has blanks or quotes is quoted. */
function word(text: string, specified = ''): string {
  const plain = text.replaceAll('%', '%%').replaceAll('$', '$$$$') + specified;
  return /^[\w./%$@+-]+$/.test(plain) ? plain : `"${plain.replace(/["\\]/g, '\\$&')}"`;
}

/** The users that units run as, for systemd-sysusers. */
export function systemUsers({ user }: UnitPlace): string {
  return SERVICES.map((entity) => `u ${user(entity)} - "Claviger ${WHAT[entity]}" -\n`).join('');
}

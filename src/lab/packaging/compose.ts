/**
 * A laboratory as containers: one a service, each with an image of the program and the laboratory's folder, which it
 * may read, but for the state, which it may write. They share the host's network, since the laboratory's addresses
 * are on loopback, and have no capability.
 */
import { stringify } from 'yaml';
import { SERVICE_ORDER } from '../network/home.ts';
import type { Service } from '../network/home.ts';

export interface ComposeOptions {
  readonly homes: readonly string[];
  readonly image: string;
  /** `1000:1000`, whose files these are. */
  readonly user: string;
}

/** Where the laboratory's folder is in the containers. */
const INSIDE = '/lab';

/** Gives the text of a `compose.yaml` that lies in the laboratory's folder. */
export function composeFile({ homes, image, user }: ComposeOptions): string {
  const services = homes.flatMap((home) =>
    SERVICE_ORDER.map((entity) => [`${entity}-${home}`, service(entity, home, { image, user })] as const),
  );
  return stringify(
    { services: Object.fromEntries(services) },
    { aliasDuplicateObjects: false, lineWidth: 100 },
  );
}

function service(entity: Service, home: string, { image, user }: Omit<ComposeOptions, 'homes'>): object {
  const config = `${INSIDE}/${home}/${entity}.json`;
  const before = SERVICE_ORDER.slice(0, SERVICE_ORDER.indexOf(entity)).at(-1);
  return {
    image,
    user,
    command: [entity, 'run', '--config', config],
    network_mode: 'host',
    ...(before === undefined
      ? {}
      : { depends_on: { [`${before}-${home}`]: { condition: 'service_healthy' } } }),
    volumes: [
      { type: 'bind', source: '.', target: INSIDE, read_only: true },
      { type: 'bind', source: './state', target: `${INSIDE}/state` },
    ],
    tmpfs: ['/tmp'],
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    ulimits: { core: 0, nofile: 65_536 },
    healthcheck: {
      test: ['CMD', 'claviger', 'status', '--config', config],
      interval: '10s',
      timeout: '5s',
      start_period: '60s',
    },
    restart: 'unless-stopped',
    stop_grace_period: '15s',
  };
}

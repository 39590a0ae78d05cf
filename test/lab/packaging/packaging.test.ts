/** Units, containers and monitoring as `claviger init` and the packages have them; `scripts/try-deb.sh` tries them. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { systemRandom } from '../../../src/host/runtime.ts';
import { initLab } from '../../../src/lab/folder/init.ts';
import { SERVICES, SERVICE_ORDER } from '../../../src/lab/network/home.ts';
import { laboratoryPlace, PACKAGED, systemdUnits, systemUsers } from '../../../src/lab/packaging/systemd.ts';
import { missingTool } from '../../support/shared.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const parent = mkdtempSync(path.join(tmpdir(), 'claviger-packaging-'));
afterAll(() => rmSync(parent, { recursive: true }));
const folder = path.join(parent, 'a lab');
const homes = ['north'];
const program = { node: '/usr/bin/node', script: '/opt/claviger/dist/cli/main.js', root: '/opt/claviger' };

beforeAll(() =>
  initLab({
    folder,
    homes,
    portBase: 20_000,
    force: false,
    now: Date.now(),
    random: systemRandom(),
    program,
  }),
);

const inLab = (...names: string[]): string => readFileSync(path.join(folder, ...names), 'utf8');

/** Settings of a unit by name; of one that stands twice, all. */
function settingsOf(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [, name = '', value = ''] of text.matchAll(/^(\w+)=(.*)$/gm))
    found.set(name, [...(found.get(name) ?? []), value]);
  return found;
}

describe('systemd units', () => {
  const places = {
    package: PACKAGED,
    laboratory: laboratoryPlace({ ...program, folder: '/srv/lab', user: 'somebody' }),
  };

  it.each(Object.entries(places))('R-96: of a %s give no entity more than it needs', (_, place) => {
    const units = systemdUnits(place);
    expect(units.map(({ name }) => name)).toEqual(SERVICES.map((entity) => `claviger-${entity}@.service`));
    for (const { text } of units) {
      const settings = settingsOf(text);
      for (const [name, value] of Object.entries({
        ...{ NoNewPrivileges: 'yes', CapabilityBoundingSet: '', AmbientCapabilities: '', UMask: '0077' },
        ...{ ProtectSystem: 'strict', PrivateTmp: 'yes', PrivateDevices: 'yes', RestrictNamespaces: 'yes' },
        ...{ ProtectProc: 'invisible', RestrictSUIDSGID: 'yes', SystemCallArchitectures: 'native' },
        ...{ LimitCORE: '0', MemorySwapMax: '0' },
      }))
        expect(settings.get(name), name).toEqual([value]);
      expect(settings.get('SystemCallFilter')).toEqual(['@system-service', '~@privileged']);
      expect(settings.has('MemoryDenyWriteExecute')).toBe(false);
    }
  });

  it('R-96: of the package have users of their own, each its own state', () => {
    const users = systemUsers(PACKAGED);
    const states = systemdUnits(PACKAGED).map(({ text }) => {
      const settings = settingsOf(text);
      const [user = ''] = settings.get('User') ?? [];
      expect(users).toContain(`u ${user} - `);
      return settings.get('StateDirectory')?.[0];
    });
    expect(new Set(states).size).toBe(SERVICES.length);
    expect(states).toContain('claviger/%i/kms');
  });

  it('R-96: of a laboratory name its folder whatever it is called, and who made it', () => {
    const text = inLab('systemd', 'claviger-df@.service');
    const settings = settingsOf(text);
    const config = `"${folder}/%i/df.json"`;
    expect(settings.get('ExecStart')).toEqual([
      `${program.node} ${program.script} df run --config ${config}`,
    ]);
    expect(settings.get('BindPaths')).toEqual([`"${folder}/state"`]);
    expect(settings.get('User')).toEqual([userInfo().username]);
    const odd = laboratoryPlace({ ...program, folder: '/srv/100% "lab" $HOME\\', user: 'somebody' });
    expect(odd.config('kms')).toBe('"/srv/100%% \\"lab\\" $$HOME\\\\/%i/kms.json"');
  });
});

describe('compose.yaml', () => {
  interface Service {
    readonly image: string;
    readonly user: string;
    readonly command: string[];
    readonly depends_on?: Record<string, { readonly condition: string }>;
    readonly volumes: { readonly source: string; readonly target: string; readonly read_only?: true }[];
    readonly [setting: string]: unknown;
  }

  it('R-96: has a service for each entity, of the configurations that are there, without privileges', () => {
    const { services } = parse(inLab('compose.yaml')) as { services: Record<string, Service> };
    expect(Object.keys(services)).toEqual(
      homes.flatMap((home) => SERVICE_ORDER.map((entity) => `${entity}-${home}`)),
    );
    for (const [name, service] of Object.entries(services)) {
      const [entity = '', home = ''] = name.split('-');
      expect(service.command).toEqual([entity, 'run', '--config', `/lab/${home}/${entity}.json`]);
      expect(existsSync(path.join(folder, home, `${entity}.json`))).toBe(true);
      expect(service).toMatchObject({
        ...{ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] },
        ...{ user: `${userInfo().uid}:${userInfo().gid}`, network_mode: 'host' },
      });
      const writable = service.volumes.filter(({ read_only }) => read_only !== true);
      expect(writable.map(({ target }) => target)).toEqual(['/lab/state']);
      for (const { source } of service.volumes) expect(existsSync(path.join(folder, source))).toBe(true);
      for (const other of Object.keys(service.depends_on ?? {})) expect(services).toHaveProperty(other);
    }
  });
});

describe('prometheus.yml', () => {
  it('R-92: asks each entity where its configuration says that it answers', () => {
    interface Config {
      readonly rule_files: string[];
      readonly scrape_configs: {
        scheme: string;
        tls_config: Record<string, string>;
        static_configs: { targets: string[]; labels: Record<string, string> }[];
      }[];
    }
    const { scrape_configs: jobs, rule_files: rules } = parse(
      inLab('prometheus', 'prometheus.yml'),
    ) as Config;
    const asked = jobs.flatMap(({ static_configs: all }) => all);
    expect(asked).toHaveLength(homes.length * SERVICES.length);
    for (const { targets, labels } of asked) {
      const { admin } = JSON.parse(inLab(labels['home'] ?? '', `${labels['element'] ?? ''}.json`)) as {
        admin: { address: string; port: number; peers: string[] };
      };
      expect(targets).toEqual([`${admin.address}:${admin.port}`]);
      expect(admin.peers).toContain(`operator.${labels['home'] ?? ''}.example`);
      expect(labels['job']).toBe('claviger');
    }
    for (const { scheme, tls_config: tls, static_configs: all } of jobs) {
      const { element, home } = all[0]?.labels ?? {};
      expect([scheme, tls['server_name']]).toEqual(['https', `${String(element)}.${String(home)}.example`]);
      expect(tls['cert_file']).toBe(`../pki/operator.${String(home)}.example.pem`);
      for (const file of ['ca_file', 'cert_file', 'key_file'])
        expect(existsSync(path.join(folder, 'prometheus', tls[file] ?? '')), file).toBe(true);
    }
    expect(new Set(asked.flatMap(({ targets }) => targets)).size).toBe(asked.length);
    expect(inLab('prometheus', rules[0] ?? '')).toBe(
      readFileSync(path.join(root, 'assets/prometheus/alerts.yaml'), 'utf8'),
    );
  });

  it.skipIf(missingTool('promtool'))('R-92: promtool takes it, with its rules', () => {
    const file = path.join(folder, 'prometheus', 'prometheus.yml');
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'config', file], { encoding: 'utf8' });
    expect(stderr + stdout).toMatch(/SUCCESS/);
    expect(status).toBe(0);
  });
});

describe('Containerfile', () => {
  const text = readFileSync(path.join(root, 'Containerfile'), 'utf8');
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    readonly bin: Readonly<Record<string, string>>;
    readonly scripts: Readonly<Record<string, string>>;
    readonly engines: { readonly node: string };
  };
  /** Instructions of each stage, in their order. */
  const stages = text
    .split(/^FROM /m)
    .slice(1)
    .map((stage) => {
      const lines = stage.replaceAll('\\\n', ' ').split('\n');
      const of = (name: string): string[] =>
        lines.flatMap((line) => (line.startsWith(`${name} `) ? [line.slice(name.length + 1).trim()] : []));
      const copied = of('COPY').map((line) => {
        const words = line.split(/ +/);
        const from = words[0]?.startsWith('--from=') === true ? words.shift()?.slice(7) : undefined;
        const to = words.pop() ?? '';
        return { from, to, sources: words };
      });
      return { image: lines[0] ?? '', of, copied };
    });
  const [build, final] = stages;
  /** What is at a place in the image, relative to the program's folder. */
  const inImage = (final?.copied ?? []).flatMap(({ from, to, sources }) =>
    sources.map((source) => {
      const name = from === undefined ? source : path.posix.relative('/opt/claviger', source);
      return to === './' ? name : path.posix.normalize(to);
    }),
  );

  it('R-96: takes in what there is', () => {
    const sources = stages.flatMap(({ copied }) =>
      copied.flatMap((copy) => (copy.from === undefined ? copy.sources : [])),
    );
    expect(sources.length).toBeGreaterThan(4);
    const ignored = readFileSync(path.join(root, '.dockerignore'), 'utf8').split('\n');
    for (const source of sources) {
      expect(existsSync(path.join(root, source)), source).toBe(true);
      expect(ignored).toContain(`!${source}`);
    }
    expect(ignored.filter((line) => line !== '').sort()).toEqual(
      ['*', ...new Set(sources.map((source) => `!${source}`))].sort(),
    );
  });

  it('R-96: builds from all that the build reads, by a Node.js that the package admits', () => {
    const copied = (build?.copied ?? []).flatMap(({ sources }) => sources);
    // `npm ci` runs `prepare`, that `build`, and that tsc with a configuration that stands upon another, and then vite.
    expect(manifest.scripts['prepare']).toMatch(/run .*build$/);
    const [, project = ''] = /^tsc -p (\S+) && vite build$/.exec(manifest.scripts['build'] ?? '') ?? [];
    const { extends: base, include } = JSON.parse(readFileSync(path.join(root, project), 'utf8')) as {
      extends: string;
      include: string[];
    };
    const configurations = [project, path.normalize(base), 'vite.config.ts'];
    for (const needed of ['package.json', 'package-lock.json', ...configurations, ...include])
      expect(copied).toContain(needed);
    const major = Number(/node:(\d+)-/.exec(build?.image ?? '')?.[1]);
    expect(major).toBeGreaterThanOrEqual(Number(/\d+/.exec(manifest.engines.node)?.[0]));
    expect(final?.image).toContain(`node:${major}-`);
    for (const { of } of stages) expect(of('WORKDIR')[0]).toBe('/opt/claviger');
  });

  it('R-96: has all that the program reads of its own, where it looks', () => {
    const read = new Set(
      sourcesBelow(path.join(root, 'src')).flatMap((file) =>
        [...readFileSync(file, 'utf8').matchAll(/new URL\(\s*[`']((?:\.\.\/)+[^`'$]*)/g)].map(([, at = '']) =>
          path.relative(root, path.resolve(path.dirname(file), at)),
        ),
      ),
    );
    const own = [...read].filter((name) => !name.startsWith('src'));
    expect(own).toContain('package.json');
    expect(own.length).toBeGreaterThan(3);
    const isThere = (name: string): boolean => inImage.some((at) => name === at || name.startsWith(`${at}/`));
    expect(own.filter((name) => !isThere(name))).toEqual([]);
    // `dist` stands for `src`, one beside the other.
    expect(inImage).toEqual(expect.arrayContaining(['dist', 'node_modules', 'LICENSE']));
  });

  it('R-96: runs the command of the package, as somebody without rights', () => {
    const [name = '', script = ''] = Object.entries(manifest.bin)[0] ?? [];
    const run = final?.of('RUN').join('\n') ?? '';
    expect(run).toContain(`chmod 755 ${script}`);
    expect(run).toContain(`ln -s /opt/claviger/${script} /usr/local/bin/${name}`);
    expect(final?.of('ENTRYPOINT')).toEqual([JSON.stringify([name])]);
    expect(final?.of('USER')).toEqual(['node']);
    expect(
      readFileSync(path.join(root, script.replace('dist', 'src').replace('.js', '.ts')), 'utf8'),
    ).toMatch(/^#!\/usr\/bin\/env node\n/);
  });
});

function sourcesBelow(at: string): string[] {
  return readdirSync(at, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() && entry.name.endsWith('.ts') ? [path.join(entry.parentPath, entry.name)] : [],
  );
}

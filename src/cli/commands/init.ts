/** `claviger init`: a laboratory in a folder, of processes that `claviger up` starts. */
import { Command, InvalidArgumentError } from 'commander';
import { systemClock, systemRandom } from '../../host/runtime.ts';
import type { MadeLab } from '../../lab/folder/init.ts';

export interface InitFlags {
  readonly homes: readonly string[];
  readonly portBase?: number;
  readonly ipv6?: true;
  readonly force?: true;
  readonly intermediate?: true;
  readonly revocation?: true;
  readonly phoneCertificates?: true;
  readonly lemfXk?: true;
  readonly scale?: true;
  readonly json?: true;
}

/** Where none are named. */
export const USUAL_HOMES: string[] = ['home1', 'home2'];

export function initCommand(): Command {
  return new Command('init')
    .description('make a laboratory: homes, certificates, configurations, phones, officers')
    .argument('<folder>', 'where it goes; empty, or not there yet')
    .option('--homes <names>', 'names of its homes, with commas', names, USUAL_HOMES)
    .option('--port-base <port>', 'first of its ports on loopback (default: a block that is free now)', whole)
    .option('--ipv6', 'on ::1 instead of 127.0.0.1')
    .option('--force', 'make a laboratory that is there anew; its keys and all it has received are lost')
    .option('--intermediate', 'have certificates issued by an authority under the one that all know')
    .option('--revocation', 'have entities look at revocation lists, pki/crl.pem (see claviger pki revoke)')
    .option('--phone-certificates', 'have phones ask for keys with certificates instead of pre-shared keys')
    .option('--lemf-xk', 'let LEMFs ask the KMS for keys themselves, where a warrant says so too')
    .option('--scale', 'let KMS and DF be several processes each, with PostgreSQL and NATS between them')
    .option('--json', 'print what was made as JSON')
    .addHelpText('after', EXAMPLES)
    .action(init);
}

const EXAMPLES = `
Each home NAME has the domain NAME.example, a KMS, CSCF, media gateway, ADMF, DF and LEMF, a
mailbox that takes the calls of its subscribers (sip:mailbox@NAME.example), two phones, at its ADMF
two officers who also approve, an auditor and an operator, at its LEMF an analyst, and a law
enforcement agency that sends it HI1 (NAME/agency.json, requests in NAME/hi1). Names lead to
ports on 127.0.0.1, or with --ipv6 on ::1, by the configurations' hosts. Relative paths in them are
taken from the folder of the file, so that the laboratory works from anywhere and may be moved
while it does not run.

Beside claviger up, it can be run by systemd (systemd/, a unit for each entity, for the user who
made it, with the paths of now) or as containers (compose.yaml, on the host's network; the image is
made from the package's Containerfile). Each entity answers on a port for Prometheus, which
prometheus/ has the settings and rules for.

With --scale (docs/scale.md) a KMS is two processes on one database, and a DF two that take X2 and
X3 in and three that mediate, with streams between them; claviger up starts both engines with the
rest, from the machine's own postgres, initdb and nats-server. One or two homes; only claviger up
runs it.

It is for laboratories: the authority's key lies beside the certificates (pki/ca.key), and the
KMSs use groups that come with the package, each with a master secret of its own that it makes
when it is first started. Secrets are in files of mode 0600.

Examples:
  $ claviger init lab && claviger up lab --detach
  $ claviger init lab --homes north,south --port-base 20000
  $ claviger init lab --phone-certificates --revocation
  $ claviger init lab --scale`;

async function init(folder: string, flags: InitFlags): Promise<void> {
  const isScaled = flags.scale === true;
  const { made, address } = await makeLaboratory(folder, flags);
  process.stdout.write(
    flags.json === true
      ? JSON.stringify({ folder, ...made }, null, 2) + '\n'
      : text(folder, made, address, isScaled),
  );
}

/** @throws LabError; then nothing was changed */
export async function makeLaboratory(
  folder: string,
  flags: InitFlags,
): Promise<{ readonly made: MadeLab; readonly address: string }> {
  const { initLab } = await import('../../lab/folder/init.ts');
  const { checkBase, findPorts, LOOPBACK_ADDRESS } = await import('../../lab/network/ports.ts');
  let { portBase } = flags;
  const address = flags.ipv6 === true ? LOOPBACK_ADDRESS.ipv6 : LOOPBACK_ADDRESS.ipv4;
  if (portBase === undefined) {
    const block = await findPorts(null, address);
    block.release();
    portBase = block.base;
  } else checkBase(portBase);
  const made = await initLab({
    ...{ folder, homes: flags.homes, portBase, address, force: flags.force === true },
    ...{ intermediate: flags.intermediate === true, revocation: flags.revocation === true },
    phoneCertificates: flags.phoneCertificates === true,
    ...{ lemfsAsk: flags.lemfXk === true, scaled: flags.scale === true },
    ...{ now: systemClock().now(), random: systemRandom() },
  });
  return { made, address };
}

function text(folder: string, { homes, people, ports }: MadeLab, address: string, isScaled: boolean): string {
  const lines = homes.map(
    ({ name, users }) =>
      `  ${folder}/${name}  ${name}.example: six entities, a mailbox, phones of ${users.join(' and ')}`,
  );
  return [
    `made the laboratory ${folder}, ports ${ports.from} to ${ports.to} on ${address}`,
    ...lines,
    `  ${folder}/${homes[0]?.name ?? ''}/hi1  requests of an agency, for claviger hi1 send`,
    `  ${folder}/pki  authority, certificates and keys; of people in each home: ${people.join(', ')}`,
    ...(isScaled
      ? [`  ${folder}/engines  PostgreSQL and NATS between several processes of each KMS and DF`]
      : []),
    'For laboratories: the key of the authority lies there in the clear, and the KMSs use groups of the package.',
    `Next: claviger config check ${folder}, claviger up ${folder} --detach`,
    '',
  ].join('\n');
}

function names(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}

function whole(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('a whole number is expected');
  return Number(text);
}

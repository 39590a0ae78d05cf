/** `claviger pki`: a laboratory's certificate authority, what it issues, and what certificates say. */
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../../host/runtime.ts';
import { canonicalIdentity } from '../../ibake/identity.ts';
import type { ShownCertificate } from '../../lab/pki/authority.ts';
import { ENTITY_ROLES, PERSON_ROLES } from '../../net/tls.ts';
import type { Role } from '../../net/tls.ts';
import { tellDone } from '../as-json.ts';
import type { JsonFlag } from '../as-json.ts';
import { CliError } from '../failure.ts';
import { readInput } from '../input.ts';

const ROLES: readonly Role[] = [...ENTITY_ROLES, ...PERSON_ROLES];
/** A certificate that ends sooner is pointed out. */
const SOON_DAYS = 30;
const LIST_DAYS = 30;

const WROTE_JSON = 'print what was written as JSON';

const LAB_GRADE = `
It is for laboratories: the authority's key lies in the clear in its folder (mode 0600). An
operator takes certificates from an authority of its own, with the same names and roles
(docs/configuration.md, tls).
`;

export function pkiCommand(): Command {
  return new Command('pki')
    .description("a laboratory's certificates: make an authority, issue, renew, revoke, show")
    .addCommand(initCommand())
    .addCommand(issueCommand())
    .addCommand(renewCommand())
    .addCommand(revokeCommand())
    .addCommand(showCommand());
}

function initCommand(): Command {
  return new Command('init')
    .description('make an authority: ca.pem, and ca.key (secret, mode 0600)')
    .requiredOption('--out <folder>', 'where it goes')
    .option('--name <name>', 'its common name', commonName, 'Claviger laboratory')
    .option('--days <number>', 'how long it is in force', days, 3650)
    .option('--intermediate', 'with one under it that issues: intermediate.pem, intermediate.key')
    .option('--json', WROTE_JSON)
    .addHelpText(
      'after',
      `${LAB_GRADE}
Examples:
  $ claviger pki init --out pki
  $ claviger pki init --out pki --intermediate`,
    )
    .action(init);
}

function issueCommand(): Command {
  return new Command('issue')
    .description('issue a certificate with names and roles, and a key of its own (secret, mode 0600)')
    .requiredOption('--authority <folder>', 'folder of `pki init`, or the pki of `claviger init`')
    .requiredOption('--name <name>', "its common name: an entity's host name, or a person's name", commonName)
    .option('--dns <names...>', "DNS names (default for an entity's certificate: the common name)")
    .addOption(new Option('--role <roles...>', 'what it may do; not needed with --use').choices(ROLES))
    .addOption(
      new Option(
        '--use <use>',
        'for REQUEST_KEY (RSA): a phone signs with it, or phones encrypt to a KMS by it',
      ).choices(['signing', 'encryption']),
    )
    .option('--identity <uris...>', 'identities that it bears, of the phone: sip:alice@home1.example')
    .option('--days <number>', 'how long it is in force', days, 365)
    .option(
      '--out <folder>',
      "where NAME.pem and NAME.key go, with --use NAME.USE.pem and .key (default: the authority's folder)",
    )
    .option('--json', WROTE_JSON)
    .addHelpText(
      'after',
      `${LAB_GRADE}
Examples:
  $ claviger pki issue --authority lab/pki --name df.home3.example --role df
  $ claviger pki issue --authority lab/pki --name officer-3.home1.example --role officer approver --out mine
  $ claviger pki issue --authority lab/pki --name alice.home1.example --use signing \\
      --identity sip:alice@home1.example --out phone
  $ claviger pki issue --authority lab/pki --name kms.home1.example --use encryption`,
    )
    .action(issue);
}

function renewCommand(): Command {
  return new Command('renew')
    .description('issue a certificate anew in its place, with the same names, roles and key')
    .argument('<file>', 'the certificate, NAME.pem')
    .requiredOption('--authority <folder>', 'the authority that issued it')
    .option('--days <number>', 'how long it is in force', days, 365)
    .option('--new-key', 'with a new key, in NAME.key beside it')
    .option('--json', WROTE_JSON)
    .addHelpText(
      'after',
      `
The entity takes it up by claviger reload, or SIGHUP, or when it is started again.

Example:
  $ claviger pki renew --authority lab/pki lab/pki/df.home1.example.pem`,
    )
    .action(renew);
}

function revokeCommand(): Command {
  return new Command('revoke')
    .description('put certificates on the revocation lists of their authority, crl.pem, which are made anew')
    .argument('[files...]', 'certificates, NAME.pem; none: the same lists, for another time')
    .requiredOption('--authority <folder>', 'the authority that issued them')
    .option('--days <number>', 'how long the lists are in force', days, LIST_DAYS)
    .option('--json', WROTE_JSON)
    .addHelpText(
      'after',
      `
Entities look at the lists where tls.revocationLists names crl.pem (claviger init --revocation), and
take new ones by SIGHUP or claviger reload: then whoever is on them is cut off and refused. When the
lists have ended all peers are refused: make them anew in time.

Examples:
  $ claviger pki revoke --authority lab/pki lab/pki/df.home1.example.pem
  $ claviger pki revoke --authority lab/pki --days 60
  $ claviger reload --state lab/state`,
    )
    .action(revoke);
}

function showCommand(): Command {
  return new Command('show')
    .description('what the certificates of a file say: names, roles, how long')
    .argument('<file>', 'PEM file of certificates')
    .option('--json', 'print it as JSON')
    .addHelpText('after', '\nExample:\n  $ claviger pki show lab/pki/df.home1.example.pem')
    .action(show);
}

interface InitOptions extends JsonFlag {
  readonly out: string;
  readonly name: string;
  readonly days: number;
  readonly intermediate?: true;
}

async function init({ out, name, days: most, intermediate, ...flags }: InitOptions): Promise<void> {
  const { createAuthority } = await import('../../lab/pki/folder.ts');
  const hasTwo = intermediate === true;
  await createAuthority(out, { name, days: most, intermediate: hasTwo, now: systemClock().now() });
  const files = ['ca.pem', 'ca.key', ...(hasTwo ? ['intermediate.pem', 'intermediate.key'] : [])];
  wrote({ files: files.map((file) => path.join(out, file)) }, flags);
}

interface IssueOptions extends JsonFlag {
  readonly authority: string;
  readonly name: string;
  readonly dns?: readonly string[];
  readonly role?: readonly Role[];
  readonly use?: 'signing' | 'encryption';
  readonly identity?: readonly string[];
  readonly days: number;
  readonly out?: string;
}

async function issue(options: IssueOptions): Promise<void> {
  const { openAuthority, issueInto, validityFrom } = await import('../../lab/pki/folder.ts');
  const { name, role = [], use, identity = [], out = options.authority } = options;
  checkUse(options);
  const isEntity = role.some((each) => (ENTITY_ROLES as readonly string[]).includes(each));
  const dnsNames = options.dns ?? (isEntity || use === 'encryption' ? [name] : []);
  const wrong = dnsNames.find((each) => !isHostName(each));
  if (wrong !== undefined) throw new CliError('usage', `${wrong} is not a DNS name`, 'Give it by --dns.');
  const roles = [...new Set(role)];
  const authority = await openAuthority(options.authority);
  const validity = validityFrom(systemClock().now(), options.days, authority);
  const subject = {
    commonName: name,
    dnsNames,
    roles,
    uris: identity,
    ...(use === undefined ? {} : { use }),
  };
  const files = await issueInto(out, authority, subject, validity);
  wrote({ files: Object.values(files), until: validity.to }, options);
}

/** Each of the options belongs to one kind of certificate. */
function checkUse({ use, role = [], identity = [] }: IssueOptions): void {
  const usage = (why: string, hint: string): CliError => new CliError('usage', why, hint);
  if (use === undefined && role.length === 0)
    throw usage('a certificate is for TLS, or for REQUEST_KEY', 'Say which: --role, or --use.');
  if (use !== undefined && role.length > 0)
    throw usage('--role is of a certificate for TLS, --use of one for REQUEST_KEY', 'Issue two.');
  if (use === 'signing' && identity.length === 0)
    throw usage('the KMS knows a phone by the identity that its certificate bears', 'Name it: --identity.');
  if (use !== 'signing' && identity.length > 0)
    throw usage('--identity is of the certificate of a phone', 'Give --use signing with it.');
  const wrong = identity.find((uri) => !isIdentity(uri));
  if (wrong !== undefined)
    throw usage(`${wrong} is not an identity in canonical form`, 'An example: sip:alice@home1.example');
}

interface RenewOptions extends JsonFlag {
  readonly authority: string;
  readonly days: number;
  readonly newKey?: true;
}

async function renew(file: string, options: RenewOptions): Promise<void> {
  const { openAuthority, renewInPlace, validityFrom } = await import('../../lab/pki/folder.ts');
  const authority = await openAuthority(options.authority);
  const validity = validityFrom(systemClock().now(), options.days, authority);
  const newKey = options.newKey === true;
  const { certificate, privateKey } = await renewInPlace(file, authority, validity, newKey);
  wrote({ files: newKey ? [certificate, privateKey] : [certificate], until: validity.to }, options);
}

async function revoke(
  files: readonly string[],
  { authority, days: most, ...flags }: JsonFlag & { readonly authority: string; readonly days: number },
): Promise<void> {
  const { revokeIn } = await import('../../lab/pki/folder.ts');
  const now = systemClock().now();
  const { file: lists, to } = await revokeIn(authority, files, { days: most, now });
  wrote({ revoked: files, files: [lists], until: to }, flags);
}

async function show(file: string, flags: JsonFlag): Promise<void> {
  const { showCertificates } = await import('../../lab/pki/authority.ts');
  const pem = Buffer.from(readInput(file)).toString('latin1');
  const shown = showCertificates(pem, systemClock().now());
  if (shown === null)
    throw new CliError('input', `${file} holds no certificate`, 'Give a PEM file of certificates.');
  tellDone(shown, shown.map(shownText).join('\n'), flags);
}

function shownText(shown: ShownCertificate): string {
  const { subject, issuer, dnsNames, roles, uris, from, to, daysLeft, isAuthority, fingerprint } = shown;
  const left = daysLeft < 0 ? 'EXPIRED' : `${daysLeft} days left${daysLeft < SOON_DAYS ? ': renew it' : ''}`;
  const rows = [
    ['subject', subject],
    ['issuer', issuer],
    ['serial', shown.serial],
    ['names', dnsNames.join(', ')],
    ['roles', isAuthority ? 'an authority' : roles.join(', ')],
    ...(uris.length === 0 ? [] : [['identity', uris.join(', ')]]),
    ['in force', `${from} to ${to} (${left})`],
    ['SHA-256', fingerprint],
  ];
  const lines = rows.map(([name = '', value = '']) => `${name.padEnd(9)} ${value === '' ? 'none' : value}\n`);
  return lines.join('').replace(/[^\P{Cc}\n]|\p{Cf}/gu, '\ufffd');
}

interface Written {
  readonly revoked?: readonly string[];
  readonly files: readonly string[];
  /** Unix milliseconds. */
  readonly until?: number;
}

function wrote({ revoked, files, until }: Written, flags: JsonFlag): void {
  const end = until === undefined ? {} : { until: new Date(until).toISOString() };
  const done = { ...(revoked === undefined ? {} : { revoked }), files, ...end };
  const lines = [
    ...(revoked ?? []).map((file) => `revoked ${file}\n`),
    ...files.map((file) => `wrote ${file}\n`),
    ...(end.until === undefined ? [] : [`in force until ${end.until}\n`]),
  ];
  tellDone(done, lines.join(''), flags);
}

/** It is also the name of files. */
function commonName(text: string): string {
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9])?$/.test(text))
    throw new InvalidArgumentError('1 to 64 letters, digits, dots, hyphens and spaces are expected');
  return text;
}

/** As KMSs have it: profile, section 1. */
function isIdentity(uri: string): boolean {
  try {
    return canonicalIdentity(uri).uri === uri;
  } catch {
    return false;
  }
}

/** RFC 1123 section 2.1. */
function isHostName(text: string): boolean {
  return (
    text.length <= 253 &&
    text.split('.').every((label) => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label))
  );
}

function days(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > 36_500)
    throw new InvalidArgumentError('a whole number from 1 to 36500 is expected');
  return number;
}

/** How a command ends when it cannot do what it was asked. */
import { CommanderError } from 'commander';
import { ClavigerError, messageOf } from '../bytes/errors.ts';
import { isSystemError, whyOf } from '../bytes/system-errors.ts';
import { FileError } from '../storage/files.ts';

export type CliErrorCode =
  /** The options contradict each other, or a value cannot be used. */
  | 'usage'
  /** What was given to read cannot be read, or what was to be written is there already. */
  | 'input'
  /** The command did its work, and the outcome is not what was hoped for. */
  | 'failed';

/** An error with a hint of what to do. */
export class CliError extends ClavigerError<CliErrorCode> {
  readonly hint: string | undefined;

  constructor(code: CliErrorCode, message: string, hint?: string, options?: ErrorOptions) {
    super(code, message, options);
    this.hint = hint;
  }
}

/** What to do about errors that come from below, by class and code. */
const HINTS: Readonly<Record<string, string>> = {
  'ConfigError configuration': 'Each command takes --help; docs/configuration.md lists every setting.',
  'TlsError tls-configuration': 'Nothing was started: there is no fallback to an unprotected connection.',
  'CapacityError parameter': 'claviger capacity --help has every parameter, with its default.',
  'IbakeError identity': 'Give a SIP URI with a user and a host name, e.g. sip:alice@home1.example.',
  'BytesError truncated': 'The input ends too early: is the file complete?',
  'BytesError trailing': 'The input goes on after its end: is it one single object?',
  'BytesError encoding': 'Is it the right file, in the right encoding?',
  'EvidenceError broken-chain':
    'The log is not what was written; before that record it is unbroken. Put back a copy, or cut it there, on record: claviger audit repair --store STORE LOG.',
  'EvidenceError malformed':
    'Is it an audit log? If it is, it was changed, or cut off within its last line: put back a copy, or cut it there, on record: claviger audit repair --store STORE LOG.',
  'EvidenceError cut-off':
    'Put the log back, or take it up as it is, on record: claviger audit repair --store STORE LOG.',
  'EvidenceError not-written':
    'Nothing is done that cannot be put on record: make room for the audit log, or put its file back.',
  'X1SchemaError unusable-schema':
    'The setting names the operator’s copy of the X1 schema; it may be left out.',
  'EndpointError kms':
    'Is the KMS up? Are url, credential, psk, hosts and authorities those that it goes by?',
  'RequestKeyError refused':
    'Are credential and psk, or certificate, and url those that the KMS goes by, and the clocks together?',
  'RequestKeyError untimely': 'Is the clock set, and is this the only phone with these credentials?',
  'RequestKeyError unverified': 'Is psk the one that the KMS has for this credential?',
  'EndpointError clock': 'Set the clock, or have it set: by NTP, say.',
  'EndpointError not-registered': 'Is the CSCF up? Are username and password those that it knows?',
  'EndpointError no-key': 'Is the host of the other end among partners, and its KMS up?',
  'StorageError locked': 'Stop that process, or give this one state of its own.',
  'StorageError newer': 'Nothing was changed.',
  'StorageError unavailable': 'Is the database up, and is it where the setting database says?',
  'StorageError refused': 'Do user, password and rights on the database fit? Its own log says more.',
  'StorageError damaged': 'Put back a copy; nothing was changed.',
  'FileError no-space': 'Make room there, or name another place, and do it again.',
  'FileError denied': 'Name another place, or run it as somebody who may write there.',
  'FileError in-the-way': 'Name another place, or move what is there.',
  'FileError missing': 'Name a place where folders and files can be made.',
  'FileError system': 'The system’s log may say more; name another place meanwhile.',
  'BackupError recipient-missing':
    'Make a key by age-keygen, keep it apart, and name its public part: --recipient age1…',
  'BackupError recipient-unfit': 'age-keygen prints it, beginning with age1.',
  'BackupError in-the-way': 'Nothing was changed.',
  'BackupError unfit-copy': 'Nothing was changed.',
  'ControlError path-too-long': 'The setting controlSocket names another place for it.',
  'ControlError in-the-way': 'The setting controlSocket names another place for it; each entity has its own.',
  'ConsoleError not-built': 'npm run build makes it.',
  'LabError ports': 'Another program has them: choose another --port-base, or leave it out.',
  'LabError pki':
    'Is it the folder of `claviger pki init`, and the certificate one of its own? Nothing was changed.',
  'LabError folder': 'claviger init makes a laboratory in a folder that is empty, or not there yet.',
  'LabError running': 'claviger down stops it; claviger up --status says how it is.',
  'LabError process': 'The log says more.',
  'LabError call': 'Run it again with --log info to see what the entities say.',
};

/** What to do about an error that another process tells of. @param kind class and code */
export function hintFor(kind: string): string | undefined {
  return Object.hasOwn(HINTS, kind) ? HINTS[kind] : undefined;
}

/** What to do about errors of the system, by code. */
const SYSTEM_HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Another program listens there: choose another port.',
  EADDRNOTAVAIL: 'This machine has no such address.',
  EACCES: 'Run it as somebody who may, or have its owner permit it.',
  EPERM: 'Run it as somebody who may.',
  EROFS: 'Name a place on another file system.',
  ENOENT: 'Is the path right, and is its folder there?',
  EISDIR: 'Name a file in it.',
  ENOTDIR: 'Is the path right?',
  EEXIST: 'Name another place, or move what is there.',
  ENOSPC: 'Make room there, and do it again.',
  EDQUOT: 'Make room there, and do it again.',
  EMFILE: 'Raise the limit of open files (ulimit -n) of whoever runs it.',
  ENFILE: 'End what has so many files open.',
  ECONNREFUSED: 'Does the other end run, and is the port the one that it has?',
  ECONNRESET:
    'Does the other end run, and does it take this certificate? Its log says why it cut the connection.',
  EHOSTUNREACH: 'Is the address right, and the network up?',
  ENETUNREACH: 'Is the address right, and the network up?',
  ETIMEDOUT: 'Is the address right, and does the other end run?',
  ENOTFOUND: 'Is the name right? The setting hosts says where a name is that no name server has.',
  EAI_AGAIN: 'Is the network up? The setting hosts says where a name is without a name server.',
};

/** What to do about stores that SQLite cannot use, by the beginning of its code. */
const STORE_HINTS: Readonly<Record<string, string>> = {
  SQLITE_FULL: 'The disk is full: make room there, and start again.',
  SQLITE_IOERR: 'Is the disk full, or broken?',
  SQLITE_READONLY: 'Who runs this may not write there.',
  SQLITE_CANTOPEN: 'Is the path right, is its folder there, and may it be written?',
  SQLITE_BUSY: 'Another process works with it.',
  SQLITE_NOTADB: 'Is it the right file?',
};

/** Errors of which the system's reason says better what to do, where there is one. */
const GENERAL: readonly string[] = ['ConfigError configuration', 'TlsError tls-configuration'];

/** Errors for which the command line is to blame. */
const USAGE: readonly string[] = ['CliError usage', 'LabError options', 'CapacityError parameter'];

/** The message with those of the causes that are our own or the system's: those of others may quote what they read. */
function withCauses(error: Error): string {
  let text = error.message;
  // A FileError says itself why, in words that fit what was tried.
  for (let at: unknown = error; at instanceof Error && !(at instanceof FileError); at = at.cause) {
    const { cause } = at;
    if (!(cause instanceof ClavigerError || isSystemError(cause))) break;
    const why = isSystemError(cause) ? whyOf(cause) : cause.message;
    // Each once: who throws may have said it already.
    if (!text.includes(why)) text += `: ${why}`;
  }
  return text;
}

function systemHint(error: unknown): string | undefined {
  return isSystemError(error) ? SYSTEM_HINTS[error.code] : undefined;
}

/** Prints `error` for people; a stack only for what nobody foresaw. Returns the exit code. */
export function reportFailure(error: unknown, to: NodeJS.WritableStream): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const tell = (message: string, hint: string | undefined): void => {
    to.write(`claviger: ${message}\n`);
    if (hint !== undefined) to.write(`  hint: ${hint}\n`);
  };
  if (error instanceof ClavigerError) {
    const kind = `${error.name} ${String(error.code)}`;
    const ofKind = error instanceof CliError ? error.hint : HINTS[kind];
    const ofSystem = systemHint(error.cause);
    tell(withCauses(error), GENERAL.includes(kind) ? (ofSystem ?? ofKind) : (ofKind ?? ofSystem));
    return USAGE.includes(kind) ? 2 : 1;
  }
  if (error instanceof Error && 'code' in error && /^SQLITE_/.test(String(error.code))) {
    const kind = Object.keys(STORE_HINTS).find((code) => String(error.code).startsWith(code));
    tell(`a store cannot be used: ${error.message}`, kind === undefined ? undefined : STORE_HINTS[kind]);
    return 1;
  }
  if (isSystemError(error)) {
    if (error.code !== 'EPIPE') tell(messageOf(error), systemHint(error));
    return 1;
  }
  to.write(
    `claviger: unexpected failure\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return 70;
}

/** `claviger keylog`: the keys that opened packets of calls, in the forms that other programs take. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command, Option } from 'commander';
import type { ObservedKey } from '../../entities/lemf/group.ts';
import type { CallReport, RecoveryObserver } from '../../entities/lemf/recover.ts';
import { writeWhole } from '../../storage/files.ts';
import type { JsonFlag } from '../as-json.ts';
import { CliError } from '../failure.ts';
import { harmless } from '../terminal.ts';
import { KEY_FORMATS, keyLines, printedKey } from '../workbench/key-lines.ts';
import type { KeyFormat, PrintedKey } from '../workbench/key-lines.ts';

interface KeylogFlags extends JsonFlag {
  readonly hi2: string;
  readonly hi3: string;
  readonly format: KeyFormat;
  readonly out?: string;
  readonly partial?: boolean;
}

export function keylogCommand(): Command {
  return new Command('keylog')
    .description('print the keys that open the packets of calls, for libsrtp, Wireshark and what takes SDES')
    .requiredOption('--hi2 <file>', 'PS-PDUs received on HI2')
    .requiredOption('--hi3 <file>', 'PS-PDUs received on HI3')
    .addOption(new Option('--format <format>', 'of the lines').choices(KEY_FORMATS).makeOptionMandatory())
    .option('--out <file>', 'write them there, mode 0600, and not to standard output')
    .option('--partial', 'also of a call of which another stream does not verify')
    .option('--json', 'print JSON, a key a line, with its line in the format')
    .addHelpText('after', EXAMPLES)
    .action(keylog);
}

const EXAMPLES = `
Whoever has these lines can listen to the calls. A key is printed if it opened packets, below
a comment that says whose:
  sdes       a=crypto as in SDP (RFC 4568)
  libsrtp    the command that opens a capture by libsrtp's rtp_decoder
  wireshark  what tools/wireshark/claviger-srtp.lua reads; Wireshark itself takes no keys of SRTP

Examples:
  $ claviger keylog --hi2 hi2.ber --hi3 hi3.ber --format wireshark --out keys.txt
  $ tshark -X lua_script:tools/wireshark/claviger-srtp.lua \\
      -o claviger_srtp.keylog:keys.txt -r call.pcap -Y claviger_srtp
  $ claviger keylog --hi2 hi2.ber --hi3 hi3.ber --format libsrtp`;

async function keylog({ hi2, hi3, format, out, partial = false, json }: KeylogFlags): Promise<void> {
  const { recoverEach } = await import('../../entities/lemf/store/recovery.ts');
  const keys = new KeyLog(format, json === true);
  const work = mkdtempSync(path.join(tmpdir(), 'claviger-keylog-'));
  try {
    recoverEach({ hi2, hi3 }, work, { partial, observer: keys, audio: false }, () => undefined);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  if (keys.count === 0)
    throw new CliError(
      'failed',
      `no key of the files opens a packet of them${keys.withheld === 0 ? '' : `; ${keys.withheld} calls are withheld`}`,
      'claviger lemf recover says why.',
    );
  if (out === undefined) process.stdout.write(keys.text);
  else writeWhole(out, keys.text, { mode: 0o600 });
  if (keys.withheld > 0)
    throw new CliError(
      'failed',
      `${keys.withheld} calls are withheld, and their keys`,
      'claviger lemf recover says why; --partial has what verifies.',
    );
}

/** Gathers the lines; whether a call is withheld is known at its end. */
class KeyLog implements RecoveryObserver {
  readonly #format: KeyFormat;
  readonly #isJson: boolean;
  #ofCall: PrintedKey[] = [];
  #text = '';
  #count = 0;
  #withheld = 0;

  constructor(format: KeyFormat, isJson: boolean) {
    this.#format = format;
    this.#isJson = isJson;
  }

  get text(): string {
    return this.#text;
  }

  /** Keys in the text. */
  get count(): number {
    return this.#count;
  }

  /** Calls of which there is nothing. */
  get withheld(): number {
    return this.#withheld;
  }

  begins(): void {
    this.#ofCall = [];
  }

  packet(): void {
    // The keys alone count.
  }

  key(key: ObservedKey): void {
    this.#ofCall.push(printedKey(this.#format, key, this.#count + this.#ofCall.length + 1));
  }

  ends({ liid, cin, streams }: CallReport): void {
    if (streams.some(({ reason }) => reason === 'withheld')) {
      this.#withheld++;
      return;
    }
    if (this.#ofCall.length === 0) return;
    const lines = this.#isJson
      ? this.#ofCall.map((key) => `${harmless(JSON.stringify({ liid, cin, ...key }))}\n`)
      : [`${harmless(`# LIID ${liid}, CIN ${cin}`)}\n`, ...this.#ofCall.map(keyLines)];
    this.#text += lines.join('');
    this.#count += this.#ofCall.length;
  }
}

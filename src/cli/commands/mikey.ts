/** `claviger mikey decode`: MIKEY messages for people, or as JSON, and with keys what their containers hold. */
import { Command } from 'commander';
import { describeMessage, renderMessage } from '../../mikey/describe.ts';
import type { DescribedMessage } from '../../mikey/describe.ts';
import { CliError } from '../failure.ts';
import { readInput } from '../input.ts';
import { withContainers } from '../workbench/describe-container.ts';
import { decodedMikey, isSipWithoutMikey, mikeyMessagesIn } from '../workbench/mikey-messages.ts';
import { readPrivateKeys } from '../workbench/private-key-file.ts';
import type { PrivateKey } from '../workbench/private-key-file.ts';
import { escaped } from '../../wire/shown/shown.ts';

interface DecodeFlags {
  readonly json?: true;
  readonly key: readonly string[];
}

export function mikeyCommand(): Command {
  return new Command('mikey').description('MIKEY messages (RFC 3830, 4563, 6043, 6267, 6509)').addCommand(
    new Command('decode')
      .description('print every field of MIKEY messages')
      .argument(
        '[files...]',
        'files with a message, or SIP messages or SDP that carry some; - for standard input',
        ['-'],
      )
      .option('--json', 'print JSON, one object a line')
      .option(
        '--key <file>',
        'private key of a test user: what the containers for this user hold; may be given again',
        (file: string, files: readonly string[]) => [...files, file],
        [],
      )
      .addHelpText('after', EXAMPLES)
      .action(decode),
  );
}

const EXAMPLES = `
The input may be the message's octets, its base64, its hex, or text with lines "a=key-mgmt:mikey …".
Of several files, SIP messages without MIKEY are passed over. claviger ibe extract writes the private
key of a test user, in a district whose secrets are revealed.

Examples:
  $ claviger mikey decode invite.sip
  $ echo "$BASE64" | claviger mikey decode
  $ claviger mikey decode --json message.bin | jq .header
  $ claviger mikey decode --key bob.key.json demo-out/signalling/*.sip`;

function decode(files: readonly string[], { json, key }: DecodeFlags): void {
  const keys = readPrivateKeys(key);
  const many = files.length > 1;
  let found = 0;
  for (const file of files) {
    const input = readInput(file);
    const messages = many && isSipWithoutMikey(input) ? [] : messagesOf(input, file, many);
    messages.forEach((octets, at) => {
      const described = describedMessage(octets, placeOf(at, messages.length, many ? file : null), keys);
      found++;
      if (json === true) {
        process.stdout.write(`${JSON.stringify(many ? { file, ...described } : described)}\n`);
        return;
      }
      process.stdout.write(`${many ? `${escaped(file)}: ` : ''}${renderMessage(described)}`);
    });
  }
  if (found === 0)
    throw new CliError(
      'input',
      'none of the files has a MIKEY message',
      'Offers and answers of calls carry them.',
    );
}

function describedMessage(octets: Uint8Array, place: string, keys: readonly PrivateKey[]): DescribedMessage {
  const message = decodedMikey(octets, place);
  return withContainers(describeMessage(message, octets.length), message, octets, keys);
}

function messagesOf(input: Uint8Array, file: string, many: boolean): Uint8Array[] {
  try {
    return mikeyMessagesIn(input);
  } catch (error) {
    if (!many || !(error instanceof CliError)) throw error;
    throw new CliError(error.code, `${escaped(file)}: ${error.message}`, error.hint, { cause: error });
  }
}

function placeOf(at: number, of: number, file: string | null): string {
  const place = of === 1 ? 'the message' : `message ${at + 1} of ${of}`;
  return file === null ? place : `${place} in ${escaped(file)}`;
}

/** `claviger mikey decode`: a MIKEY message for people, or as JSON. */
import { Command } from 'commander';
import { fromBase64 } from '../../bytes/octets.ts';
import { decodeMessage } from '../../mikey/message.ts';
import { describeMessage, renderMessage } from '../../mikey/describe.ts';
import { CliError } from '../failure.ts';
import { readInput } from '../input.ts';

export function mikeyCommand(): Command {
  return new Command('mikey').description('MIKEY messages (RFC 3830, 4563, 6043, 6267)').addCommand(
    new Command('decode')
      .description('print every field of MIKEY messages')
      .argument(
        '[file]',
        'file with a message, or a SIP message or SDP that carries some; - for standard input',
        '-',
      )
      .option('--json', 'print JSON, one object a line')
      .addHelpText('after', EXAMPLES)
      .action((file: string, options: { json?: true }) => {
        for (const octets of messagesIn(readInput(file))) {
          const described = describeMessage(decodeMessage(octets), octets.length);
          process.stdout.write(
            options.json === true ? JSON.stringify(described) + '\n' : renderMessage(described),
          );
        }
      }),
  );
}

const EXAMPLES = `
The input may be the message's octets, its base64, its hex, or text with lines "a=key-mgmt:mikey …".

Examples:
  $ claviger mikey decode invite.sip
  $ echo "$BASE64" | claviger mikey decode
  $ claviger mikey decode --json message.bin | jq .header`;

/** Finds the messages in whatever a person is likely to paste. */
export function messagesIn(input: Uint8Array): Uint8Array[] {
  const text = Buffer.from(input).toString('latin1');
  const attributes = [...text.matchAll(/^a=key-mgmt:mikey[ \t]+([A-Za-z0-9+/=]+)[ \t]*\r?$/gim)];
  if (attributes.length > 0) return attributes.map((match) => fromBase64(match[1] ?? ''));
  const packed = text.replace(/\s+/g, '');
  if (packed === '') throw new CliError('input', 'the input is empty', 'Give a file, or pipe a message in.');
  if (/^(?:[0-9a-f]{2})+$/i.test(packed)) return [new Uint8Array(Buffer.from(packed, 'hex'))];
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(packed)) return [fromBase64(packed.replace(/^mikey/, ''))];
  if (input[0] === 0x01) return [input];
  throw new CliError(
    'input',
    'no MIKEY message found',
    'Give octets, base64, hex, or SDP with a=key-mgmt:mikey.',
  );
}

/** `claviger hi1 decode`: a message of HI1 for people, or as JSON. */
import { Command } from 'commander';
import { decodeHi1Message } from '../../wire/hi1/messages.ts';
import type { Hi1Message } from '../../wire/hi1/messages.ts';
import { renderHi1Message } from '../../wire/hi1/describe.ts';
import { XmlDocumentError } from '../../wire/xml/errors.ts';
import { CliError } from '../failure.ts';
import { readInput } from '../input.ts';

export function hi1Command(): Command {
  return new Command('hi1').description('messages of HI1 (TS 103 120)').addCommand(
    new Command('decode')
      .description('print every member of a message')
      .argument('[file]', 'file with a message in XML; - for standard input', '-')
      .option('--json', 'print JSON, one object in one line')
      .addHelpText('after', EXAMPLES)
      .action((file: string, options: { json?: true }) => {
        const message = decoded(readInput(file));
        process.stdout.write(
          options.json === true ? `${JSON.stringify(message)}\n` : renderHi1Message(message),
        );
      }),
  );
}

const EXAMPLES = `
Examples:
  $ claviger hi1 decode request.xml
  $ claviger hi1 decode --json answer.xml | jq .payload.actions`;

/** @throws CliError `input` */
function decoded(octets: Uint8Array): Hi1Message {
  try {
    return decodeHi1Message(octets);
  } catch (cause) {
    if (!(cause instanceof XmlDocumentError)) throw cause;
    throw new CliError(
      'input',
      `this is not a message of HI1: ${cause.message}`,
      'Is it complete, in UTF-8, and an HI1Message of TS 103 120?',
      { cause },
    );
  }
}

/** The MIKEY messages in what a person has at hand: octets, base64, hex, SDP, SIP. */
import { fromBase64 } from '../../bytes/octets.ts';
import { MikeyError } from '../../mikey/errors.ts';
import { decodeMessage, type MikeyMessage } from '../../mikey/message.ts';
import { MIKEY_VERSION } from '../../mikey/registry.ts';
import { keyManagementOf, parseKeyManagement } from '../../sip/key-management.ts';
import { CliError } from '../failure.ts';

/** Finds the messages in whatever a person is likely to paste. @throws CliError `input` if there are none */
export function mikeyMessagesIn(input: Uint8Array): Uint8Array[] {
  const text = Buffer.from(input).toString('latin1');
  const attributes = keyManagementOf(text);
  if (attributes.length > 0) return attributes.map(messageOf);
  // Octets first: a message begins with its version, which is not a printable character.
  if (input[0] === MIKEY_VERSION) return [input];
  const packed = text.replace(/\s+/g, '');
  if (packed === '') throw new CliError('input', 'the input is empty', 'Give a file, or pipe a message in.');
  const hex = packed.replace(/^0x/i, '').replaceAll(':', '');
  if (hex.length % 2 === 0 && /^[0-9a-f]+$/i.test(hex)) return [new Uint8Array(Buffer.from(hex, 'hex'))];
  const base64 = packed.replace(/^mikey/, '');
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return [base64Message(base64)];
  throw new CliError(
    'input',
    'no MIKEY message found',
    'Give octets, base64, hex, or SDP with a=key-mgmt:mikey.',
  );
}

function messageOf(value: string): Uint8Array {
  try {
    return parseKeyManagement(value).data;
  } catch (cause) {
    throw notWhole(value, cause);
  }
}

function base64Message(text: string): Uint8Array {
  try {
    return fromBase64(text);
  } catch (cause) {
    throw notWhole(text, cause);
  }
}

function notWhole(text: string, cause: unknown): CliError {
  return new CliError(
    'input',
    `a message is not whole base64: ${text.slice(0, 24)}…`,
    'Give all of it, with its padding, in one line of SDP.',
    { cause },
  );
}

/** @param place what an error calls it. @throws CliError `input` */
export function decodedMikey(octets: Uint8Array, place: string): MikeyMessage {
  const [version] = octets;
  if (version !== MIKEY_VERSION) {
    throw new CliError(
      'input',
      `${place} is not MIKEY: it begins with version ${String(version)}`,
      'MIKEY has version 1 alone: is it another protocol, or text that only looks like hex or base64?',
    );
  }
  try {
    return decodeMessage(octets);
  } catch (cause) {
    if (!(cause instanceof MikeyError)) throw cause;
    throw new CliError(
      'input',
      `${place} cannot be decoded: ${cause.message}`,
      'Is it complete, and nothing after it? Offsets count from the first octet of the message.',
      { cause },
    );
  }
}

/** A SIP message that has nothing to do with MIKEY is nothing to complain of among many. */
export function isSipWithoutMikey(input: Uint8Array): boolean {
  const isSip = /^(?:SIP\/2\.0 |[A-Z]+ sips?:)/.test(Buffer.from(input.subarray(0, 40)).toString('latin1'));
  return isSip && keyManagementOf(Buffer.from(input).toString('latin1')).length === 0;
}

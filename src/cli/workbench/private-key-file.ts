/**
 * The private key of a test user for one period, as JSON (mode 0600):
 *
 *     { "identity":   base64 of the DER of IBEIdentityInfo (RFC 5408 section 3),
 *       "parameters": base64 of the DER of IBESysParams (RFC 5408 section 4),
 *       "privateKey": base64 of the DER of BFPrivateKeyBlock (RFC 5091 section 8) }
 */
import Type from 'typebox';
import { ClavigerError } from '../../bytes/errors.ts';
import { fromBase64, toBase64 } from '../../bytes/octets.ts';
import { faultText, Form, strict } from '../../bytes/schema.ts';
import { parseConfig } from '../../host/config.ts';
import { decodeBfPrivateKeyBlock, encodeBfPrivateKeyBlock } from '../../ibe/blocks.ts';
import type { AffinePoint } from '../../ibe/curve.ts';
import { decodeIbeIdentityInfo } from '../../ibe/identity.ts';
import { requireOrderQ, validateBfParameters } from '../../ibe/parameters.ts';
import type { BfParameters } from '../../ibe/parameters.ts';
import { decodeIbeSysParams, districtParameters } from '../../ibe/system-parameters.ts';
import { CliError } from '../failure.ts';
import { readInput } from '../input.ts';

export interface PrivateKey {
  /** DER of IBEIdentityInfo. */
  readonly identity: Uint8Array;
  readonly bf: BfParameters;
  readonly privateKey: AffinePoint;
}

const OCTETS = Type.String({ errorMessage: 'base64' });
const KEY_FILE = new Form(strict({ identity: OCTETS, parameters: OCTETS, privateKey: OCTETS }), {
  all: true,
});

/** @param parameters DER of IBESysParams */
export function privateKeyFile(
  identity: Uint8Array,
  parameters: Uint8Array,
  privateKey: AffinePoint,
): string {
  const octets = { identity, parameters, privateKey: encodeBfPrivateKeyBlock(privateKey) };
  const file = Object.fromEntries(Object.entries(octets).map(([name, each]) => [name, toBase64(each)]));
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** @throws CliError `input` */
export function readPrivateKeys(files: readonly string[]): PrivateKey[] {
  return files.map((file) => {
    try {
      return decodeKeyFile(Buffer.from(readInput(file)).toString('utf8'), file);
    } catch (cause) {
      if (!(cause instanceof ClavigerError) || (cause instanceof CliError && cause.hint !== undefined))
        throw cause;
      const why = cause.message.startsWith(file) ? cause.message : `${file}: ${cause.message}`;
      throw new CliError('input', why, 'claviger ibe extract writes such files.', { cause });
    }
  });
}

function decodeKeyFile(text: string, file: string): PrivateKey {
  const form = KEY_FILE.readOr(parseConfig(text, file), (faults) => {
    const told = faults.map((fault) => faultText(fault, 'all of it', 'field'));
    return new CliError('input', `${file} is not the private key of a user: ${told.join('; ')}`);
  });
  const identity = fromBase64(form.identity);
  decodeIbeIdentityInfo(identity);
  const { bf } = districtParameters(decodeIbeSysParams(fromBase64(form.parameters)));
  validateBfParameters(bf);
  const privateKey = decodeBfPrivateKeyBlock(fromBase64(form.privateKey));
  requireOrderQ(privateKey, bf, 'privateKey');
  return { identity, bf, privateKey };
}

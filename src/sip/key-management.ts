/**
 * Key management in session descriptions (RFC 4567 section 3.1.1).
 *
 *     key-mgmt-attribute = "key-mgmt" ":" [SP] prtcl-id SP keymgmt-data        prtcl-id = 1*(ALPHA / DIGIT)
 *     keymgmt-data       = base64
 *
 * Read alike by phone, CSCF, DF, LEMF and command line. Protocol identifiers are compared without case, and blanks may
 * be several and tabs, as phones do that agree upon keys nevertheless; what is written is as the grammar has it. Data
 * that are not base64 are an error: who can tell what another reader would make of them?
 */
import { BytesError } from '../bytes/errors.ts';
import { fromBase64, toBase64 } from '../bytes/octets.ts';
import { attributeValues, parseAttribute } from './attributes.ts';
import { SipError } from './errors.ts';

export const KEY_MANAGEMENT = 'key-mgmt';

export interface KeyManagement {
  /** In lower case: `mikey`. */
  readonly protocol: string;
  readonly data: Uint8Array;
}

/** An attribute's value, what stands after `key-mgmt:`. @throws SipError `syntax` */
export function parseKeyManagement(value: string): KeyManagement {
  const [, protocol = '', base64 = ''] = /^[ \t]*([A-Za-z0-9]+)[ \t]+(\S+)[ \t]*$/.exec(value) ?? [];
  try {
    if (base64 === '') throw new SipError('syntax', 'SDP: key-mgmt is not a protocol and its data');
    return {
      protocol: protocol.toLowerCase(),
      data: fromBase64(base64),
    };
  } catch (cause) {
    if (cause instanceof BytesError) throw new SipError('syntax', 'SDP: key-mgmt is not base64', { cause });
    throw cause;
  }
}

/** The attribute, without `a=`. */
export function formatKeyManagement({ protocol, data }: KeyManagement): string {
  return `${KEY_MANAGEMENT}:${protocol} ${toBase64(data)}`;
}

/** The key management among attributes, in order. @throws SipError `syntax` at the first that is malformed */
export function keyManagementIn(attributes: readonly string[]): KeyManagement[] {
  return attributeValues(attributes, KEY_MANAGEMENT).map(parseKeyManagement);
}

/** Whether an attribute is key management by MIKEY, readable or not. */
export function isMikey(attribute: string): boolean {
  const { name, value } = parseAttribute(attribute);
  return name === KEY_MANAGEMENT && /^mikey(?:[ \t]|$)/i.test(value ?? '');
}

/** The key management of MIKEY in text: lines of SDP, or what stands after their `a=`. */
export function keyManagementOf(text: string): string[] {
  const attributes = text.split(/[\r\n]+/).map((line) => line.trim().replace(/^a=/i, ''));
  return attributeValues(attributes.filter(isMikey), KEY_MANAGEMENT);
}

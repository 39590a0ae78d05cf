/**
 * What a session description says of how its media are protected, medium by medium. Read alike by the delivery function,
 * which tells of calls whose keys it does not see, and the LEMF, which must not take encrypted content for speech.
 *
 *     m=audio … RTP/SAVP                   protected (also UDP/TLS/RTP/SAVPF, TCP/TLS/MSRP, UDP/TLS/UDPTL, …)
 *     a=key-mgmt:mikey  a=crypto           keys in signalling (RFC 4567, 4568), in RTP/AVP too (RFC 8643)
 *     a=fingerprint  a=zrtp-hash           keys agreed upon on the media's own way (RFC 5763, 6189)
 *     a=tcap:1 RTP/SAVP  a=acap:1 crypto:… the same, offered as capabilities (RFC 5939)
 */
import { attributeValues, parseAttribute } from './attributes.ts';
import { SipError } from './errors.ts';
import { isMikey } from './key-management.ts';
import type { SessionDescription } from './sdp.ts';
import { parseCryptoAttribute } from './sdes.ts';
import type { CryptoAttribute } from './sdes.ts';

export type Keying = 'mikey' | 'sdes' | 'dtls' | 'zrtp';

export interface MediumProtection {
  /** By the protocol of its m= line. */
  readonly secured: boolean;
  /** … or by one that is offered instead. */
  readonly securable: boolean;
  /** Ways to agree upon keys, those of the session included; `sdes` also where a=crypto cannot be read. */
  readonly keying: ReadonlySet<Keying>;
  /** The a=crypto lines that can be read. */
  readonly crypto: readonly CryptoAttribute[];
}

/** a=crypto lines that are read of one medium; the parties' own offers have a handful. */
const MAX_CRYPTO = 16;

/** In the order of the m= lines. */
export function mediaProtection(description: SessionDescription): MediumProtection[] {
  const session = withCapabilities(description.attributes);
  return description.media.map(({ protocol, attributes }) => {
    const own = withCapabilities(attributes);
    const offered = attributeValues([...description.attributes, ...attributes], 'tcap');
    return {
      secured: isSecured(protocol),
      securable: [protocol, ...offered].some(isSecured),
      keying: new Set([...session, ...own].flatMap(keyingOf)),
      crypto: own.flatMap((attribute) => cryptoOf(attribute) ?? []).slice(0, MAX_CRYPTO),
    };
  });
}

/** RTP/SAVP and its kin, and whatever goes over TLS or DTLS. */
function isSecured(protocol: string): boolean {
  return /SAVP|TLS/i.test(protocol);
}

const KEYING: ReadonlyMap<string, Keying> = new Map<string, Keying>([
  ['mikey', 'mikey'],
  ['fingerprint', 'dtls'],
  ['zrtp-hash', 'zrtp'],
  ['crypto', 'sdes'],
]);

function keyingOf(attribute: string): Keying[] {
  const name = isMikey(attribute) ? 'mikey' : parseAttribute(attribute).name;
  const keying = KEYING.get(name);
  return keying === undefined ? [] : [keying];
}

/** With the attributes that are offered as capabilities: `acap:1 crypto:…` is `crypto:…`, too. */
function withCapabilities(attributes: readonly string[]): string[] {
  const offered = attributeValues(attributes, 'acap').flatMap(
    (value) => /^\d+[ \t]+(\S.*)$/.exec(value)?.[1] ?? [],
  );
  return [...attributes, ...offered];
}

function cryptoOf(attribute: string): CryptoAttribute | null {
  try {
    return parseCryptoAttribute(attribute);
  } catch (error) {
    if (error instanceof SipError) return null;
    throw error;
  }
}

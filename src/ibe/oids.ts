/**
 * Object identifiers of identity-based encryption.
 *
 *     identicrypt   2.16.840.1.114334
 *     ibcs          identicrypt.1           RFC 5091 section 8
 *     ibcs1         ibcs.1                  RFC 5091 section 8
 *     ARC           2.25.164985462316910257001782158127321009248, the profile's own arc (from a UUID)
 */
const IDENTICRYPT = '2.16.840.1.114334';

/** The profile's arc. ARC.1 is its identity type, ARC.2, ARC.4 and ARC.5 bind its container, ARC.3 is below. */
export const ARC = '2.25.164985462316910257001782158127321009248';

export const OID = {
  /** type1curve, y² = x³ + 1 (RFC 5091 section 8). */
  type1Curve: `${IDENTICRYPT}.1.1.1.1`,
  /** bf, Boneh–Franklin (RFC 5091 section 8). */
  bf: `${IDENTICRYPT}.1.1.2.1`,
  /** bb1, Boneh–Boyen (RFC 5091 section 8). */
  bb1: `${IDENTICRYPT}.1.1.2.2`,
  /** pkgURI, an extension of IBESysParams (RFC 5408 section 4.2). */
  pkgUri: `${IDENTICRYPT}.1.3.2.1`,
  /** uriPPSOID, parameters fetched from a URI (RFC 5408 section 4). */
  uriPps: `${IDENTICRYPT}.3.1.1.1`,
  /** ARC.1: identity data is the profile's SipIdentityData. */
  sipIdentity: `${ARC}.1`,
  /** ARC.3: key lifetime in seconds, an extension of IBESysParams. */
  keyLifetime: `${ARC}.3`,
} as const;

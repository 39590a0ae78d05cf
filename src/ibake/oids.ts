/** Object identifiers of the container: CMS, its algorithms, RFC 5409, and the profile's own bindings. */
import { ARC } from '../ibe/oids.ts';

export const CMS_OID = {
  /** id-data (RFC 5652 section 4). */
  data: '1.2.840.113549.1.7.1',
  /** id-contentType (RFC 5652 section 11.1). */
  contentType: '1.2.840.113549.1.9.3',
  /** id-ct-authEnvelopedData (RFC 5083 section 2). */
  authEnvelopedData: '1.2.840.113549.1.9.16.1.23',
  /** id-aes128-GCM (RFC 5084 section 3.2). */
  aes128Gcm: '2.16.840.1.101.3.4.1.6',
  /** id-aes256-GCM (RFC 5084 section 3.2). */
  aes256Gcm: '2.16.840.1.101.3.4.1.46',
  /** ibeORIType (RFC 5409 section 2.2). */
  ibeOri: '2.16.840.1.114334.1.4.1.1',
} as const;

export const BINDING_OID = {
  /** ARC.2: SHA-256 of the prefix, the MIKEY message up to its IBAKE payload. */
  prefix: `${ARC}.2`,
  /** ARC.4: SHA-256 of the ESK payload that follows. */
  esk: `${ARC}.4`,
  /** ARC.5: SHA-256 of the messages before this one. */
  transcript: `${ARC}.5`,
} as const;

/** REQUEST_KEY over HTTP: both messages are the bodies of one POST (RFC 6267 section 4.2.1). */

/** Media type of a MIKEY message (RFC 3830 section 10.1). */
export const MIKEY_MEDIA_TYPE = 'application/mikey';

/** Where a KMS takes REQUEST_KEY messages. */
export const REQUEST_KEY_PATH = '/mikey';

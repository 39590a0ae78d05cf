/**
 * Key derivations on top of the PRF. Each label is constant ‖ cs_id ‖ csb_id ‖ RAND; the constants are chunks of the
 * decimal digits of e.
 */
import { concat } from '../bytes/octets.ts';
import type { Secret } from '../bytes/secret.ts';
import { Writer } from '../bytes/writer.ts';
import { mikeyPrf, prfHashOctets } from './prf.ts';

/** RFC 3830 table 4.1.3: keys of a crypto session from a TGK. */
const FROM_TGK = { tek: 0x2ad01c64, auth: 0x1b5c7973, encr: 0x15798cef, salt: 0x39a2c14b } as const;

/** RFC 3830 table 4.1.4: keys that protect MIKEY messages, from a pre-shared key, envelope key or MPK. */
const FOR_MESSAGES = { encr: 0x150533e1, auth: 0x2d22ac75, salt: 0x29b88916 } as const;

/** RFC 6267 table 1: MPK and TGK from K_SESSION. */
const FROM_SESSION = { mpk: 0x220e99a2, tgk: 0x1f4d675b } as const;

export type SessionKeyKind = keyof typeof FROM_TGK;
export type MessageKeyKind = keyof typeof FOR_MESSAGES;

/** A TEK, salt, authentication or encryption key of crypto session `csId` (RFC 3830 4.1.3). */
export function deriveSessionKey(
  kind: SessionKeyKind,
  tgk: Secret,
  context: {
    readonly prfFunc: number;
    readonly csId: number;
    readonly csbId: number;
    readonly rand: Uint8Array;
  },
  octets: number,
): Secret {
  const label = labelOf(FROM_TGK[kind], context.csId, context.csbId, context.rand);
  return mikeyPrf(context.prfFunc, tgk, label, octets);
}

/** An encryption, authentication or salt key for a MIKEY message (RFC 3830 4.1.4; RFC 6267 5.2 with the MPK). */
export function deriveMessageKey(
  kind: MessageKeyKind,
  key: Secret,
  context: { readonly prfFunc: number; readonly csbId: number; readonly rand: Uint8Array },
  octets: number,
): Secret {
  return mikeyPrf(
    context.prfFunc,
    key,
    labelOf(FOR_MESSAGES[kind], 0xff, context.csbId, context.rand),
    octets,
  );
}

/** MPK or TGK from K_SESSION (RFC 6267 5.1), as long as the hash of the PRF func. */
export function deriveFromSession(
  kind: keyof typeof FROM_SESSION,
  kSession: Secret,
  prfFunc: number,
  rand: Uint8Array,
): Secret {
  return mikeyPrf(
    prfFunc,
    kSession,
    labelOf(FROM_SESSION[kind], 0xff, 0xffffffff, rand),
    prfHashOctets(prfFunc),
  );
}

function labelOf(constant: number, csId: number, csbId: number, rand: Uint8Array): Uint8Array {
  return concat(new Writer(9).u32(constant).u8(csId).u32(csbId).finish(), rand);
}

/**
 * What the containers hold: chains of sub-payloads whose first is IDR (profile, section 3; RFC 6267 sections 4.2.2.1 to
 * 4.2.2.7). The inner identities are those in the clear, or the container was moved from another message.
 *
 *     I_MESSAGE_1   IDRi ECCPTi IDRr                (an update's alike)
 *     R_MESSAGE_1   IDRi {ECCPTi} IDRr ECCPTr       (an update's alike)
 *     I_MESSAGE_2   IDRi {ECCPTi} IDRr ECCPTr
 *     R_MESSAGE_2   IDRi ECCPTi
 *     ESK           IDRi SK
 */
import { equalOctets } from '../bytes/octets.ts';
import type { Secret } from '../bytes/secret.ts';
import { decodeChain, encodeChain } from '../mikey/chain.ts';
import { MikeyError } from '../mikey/errors.ts';
import type { LocatedPayload, Payload } from '../mikey/payload.ts';
import type { IdrPayload } from '../mikey/payloads/idr.ts';
import { ID_ROLE, ID_TYPE, PAYLOAD_TYPE, SK_TYPE } from '../mikey/registry.ts';
import { checkEccpt, payloadOf, type Eccpt } from './eccpt.ts';
import { IbakeError } from './errors.ts';

const SK_OCTETS = 32;

/** ID data of initiator and responder. */
export interface Identities {
  readonly idri: Uint8Array;
  readonly idrr: Uint8Array;
}

/** Those of a message, or of a session. */
export function identitiesOf(parties: {
  readonly idri: { readonly data: Uint8Array };
  readonly idrr: { readonly data: Uint8Array };
}): Identities {
  return { idri: parties.idri.data, idrr: parties.idrr.data };
}

/** Points by their owners. */
export interface PointPair {
  readonly eccpti: Eccpt | null;
  readonly eccptr: Eccpt | null;
}

export type PlaintextForm = 'I_MESSAGE_1' | 'R_MESSAGE_1' | 'I_MESSAGE_2' | 'R_MESSAGE_2';

/** Which items a form has, in order; `eccpti?` may be absent. */
const FORMS: Readonly<Record<PlaintextForm, readonly ('idri' | 'idrr' | 'eccpti' | 'eccpti?' | 'eccptr')[]>> =
  {
    I_MESSAGE_1: ['idri', 'eccpti', 'idrr'],
    R_MESSAGE_1: ['idri', 'eccpti?', 'idrr', 'eccptr'],
    I_MESSAGE_2: ['idri', 'eccpti?', 'idrr', 'eccptr'],
    R_MESSAGE_2: ['idri', 'eccpti'],
  };

/** The IDR payload of a role. */
export function idrPayload(role: number, data: Uint8Array): IdrPayload {
  return { kind: 'idr', role, type: ID_TYPE.URI, data };
}

/** Plaintext of an IBAKE container. */
export function encodePoints(form: PlaintextForm, identities: Identities, points: PointPair): Uint8Array {
  return encodeChain(
    FORMS[form].flatMap((item): Payload[] => {
      if (item === 'idri') return [idrPayload(ID_ROLE.IDRi, identities.idri)];
      if (item === 'idrr') return [idrPayload(ID_ROLE.IDRr, identities.idrr)];
      const point = item === 'eccptr' ? points.eccptr : points.eccpti;
      if (point === null && item !== 'eccpti?') throw new IbakeError('state', 'a point is missing');
      return point === null ? [] : [payloadOf(point)];
    }),
  );
}

/** The points of an IBAKE plaintext. @throws IbakeError `rejected` for all that is wrong */
export function decodePoints(form: PlaintextForm, plaintext: Uint8Array, identities: Identities): PointPair {
  const chain = new ChainCursor(plaintext);
  let points: PointPair = { eccpti: null, eccptr: null };
  for (const item of FORMS[form]) {
    if (item === 'idri') chain.identity(ID_ROLE.IDRi, identities.idri);
    else if (item === 'idrr') chain.identity(ID_ROLE.IDRr, identities.idrr);
    else if (item === 'eccptr') points = { ...points, eccptr: chain.point() };
    else if (item === 'eccpti' || chain.nextIsPoint) points = { ...points, eccpti: chain.point() };
  }
  chain.end();
  return points;
}

/** Plaintext of an ESK container. */
export function encodeSecretKey(idri: Uint8Array, sk: Secret): Uint8Array {
  const key = { kind: 'sk' as const, type: SK_TYPE.SK, key: sk, kv: { kind: 'null' as const } };
  return encodeChain([idrPayload(ID_ROLE.IDRi, idri), key]);
}

/** The SK of an ESK plaintext, which is wiped. @throws IbakeError `rejected` for all that is wrong */
export function decodeSecretKey(plaintext: Uint8Array, idri: Uint8Array): Secret {
  try {
    const chain = new ChainCursor(plaintext);
    chain.identity(ID_ROLE.IDRi, idri);
    const sk = chain.secretKey();
    chain.end();
    return sk;
  } finally {
    plaintext.fill(0);
  }
}

/** Walks a chain from its start; whatever is not as expected is `rejected`. */
class ChainCursor {
  readonly #plaintext: Uint8Array;
  readonly #payloads: readonly LocatedPayload[];
  #at = 0;

  constructor(plaintext: Uint8Array) {
    this.#plaintext = plaintext;
    this.#payloads = decoded(plaintext);
  }

  get nextIsPoint(): boolean {
    return this.#payloads[this.#at]?.kind === 'eccpt';
  }

  identity(role: number, data: Uint8Array): void {
    const payload = this.#payloads[this.#at++];
    const isSame =
      payload?.kind === 'idr' &&
      payload.role === role &&
      payload.type === ID_TYPE.URI &&
      equalOctets(payload.data, data);
    if (!isSame) throw rejected();
  }

  point(): Eccpt {
    const payload = this.#payloads[this.#at++];
    if (payload?.kind !== 'eccpt') throw rejected();
    const { offset, length } = payload;
    const checked = checkEccpt(payload, this.#plaintext.slice(offset + 1, offset + length));
    if (checked === null) throw rejected();
    return checked;
  }

  secretKey(): Secret {
    const payload = this.#payloads[this.#at++];
    const isSk =
      payload?.kind === 'sk' &&
      payload.type === SK_TYPE.SK &&
      payload.kv.kind === 'null' &&
      payload.key.length === SK_OCTETS;
    if (!isSk) throw rejected();
    return payload.key;
  }

  end(): void {
    if (this.#at !== this.#payloads.length) throw rejected();
  }
}

function decoded(plaintext: Uint8Array): LocatedPayload[] {
  try {
    return decodeChain(PAYLOAD_TYPE.IDR, plaintext);
  } catch (error) {
    if (error instanceof MikeyError) throw rejected();
    throw error;
  }
}

function rejected(): IbakeError {
  return new IbakeError('rejected', 'the plaintext is not what its place in the exchange asks for');
}

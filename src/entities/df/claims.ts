/**
 * Calls that nobody has proven. Whoever sends requests in a target's name, under ever new Call-IDs, has each
 * reported on X2 though it is refused; what the DF keeps of such calls is bounded, that of others is not.
 *
 *     open ──provisional answer, 2xx, content──► proven      outside every bound, until it expires
 *      │ ▲
 *      ▼ └─ another request                                   with credentials, say
 *     refused (300 to 699)
 *
 * The element answers so only once it knows who has sent the request; it sends 100 to an INVITE before it looks where to.
 * X2 has no response that answers nothing. To OPTIONS and CANCEL it may answer 200 whoever asks: that proves nothing.
 * Where there are too many, the address that has most loses first, what was refused before what is open, the longest
 * unheard first.
 */
import { ClavigerError } from '../../bytes/errors.ts';
import { ATTRIBUTE } from '../../wire/x2x3/attributes.ts';
import type { Pdu } from '../../wire/x2x3/pdu.ts';
import { PDU_TYPE, textAttribute } from '../../wire/x2x3/pdu.ts';
import { parseOnce } from './parsed-sip.ts';
import type { CallStanding, Communication } from './ports.ts';

export interface ClaimLimits {
  /** Calls of one LIID. */
  readonly ofWarrant: number;
  /** Of all together. */
  readonly inAll: number;
}

export const CLAIM_LIMITS: ClaimLimits = { ofWarrant: 1_000, inAll: 20_000 };

/** What a PDU says of its call; `null`: nothing. */
export function standingSaid(pdu: Pdu): CallStanding | null {
  if (pdu.type !== PDU_TYPE.x2) return 'proven';
  try {
    const message = parseOnce(pdu.payload);
    const { method } = message.cseq;
    if (method === 'ACK' || method === 'CANCEL') return null;
    if (message.kind === 'request') return 'open';
    if (message.status < 300 && method === 'OPTIONS') return null;
    return message.status < 300 ? 'proven' : 'refused';
  } catch (error) {
    if (error instanceof ClavigerError) return null;
    throw error;
  }
}

/** The address that a PDU's packet came from. */
export function sourceSaid(pdu: Pdu): string {
  return textAttribute(pdu, ATTRIBUTE.sourceIpv4) ?? textAttribute(pdu, ATTRIBUTE.sourceIpv6) ?? '';
}

/** Those that are not proven, by LIID and source. */
export class Claims {
  readonly #limits: ClaimLimits;
  readonly #warrants = new Map<string, Warrant>();
  #size = 0;

  constructor(limits: ClaimLimits) {
    this.#limits = limits;
  }

  /** The latest heard of. */
  add(call: Communication): void {
    const { liid, source, correlation } = call;
    const warrant = this.#warrants.get(liid) ?? { size: 0, sources: new Map<string, Source>() };
    const calls = warrant.sources.get(source) ?? new Map<string, Communication>();
    calls.set(correlation, call);
    warrant.sources.set(source, calls);
    warrant.size++;
    this.#warrants.set(liid, warrant);
    this.#size++;
  }

  remove({ liid, source, correlation }: Communication): void {
    const warrant = this.#warrants.get(liid);
    const calls = warrant?.sources.get(source);
    if (warrant === undefined || calls?.delete(correlation) !== true) return;
    if (calls.size === 0) warrant.sources.delete(source);
    warrant.size--;
    if (warrant.size === 0) this.#warrants.delete(liid);
    this.#size--;
  }

  /** Who is to go, now that one of that LIID is new; `null` if there is room. */
  victim(liid: string): Communication | null {
    const own = this.#warrants.get(liid);
    if (own !== undefined && own.size > this.#limits.ofWarrant) return firstToGo(own);
    if (this.#size <= this.#limits.inAll) return null;
    const [most] = [...this.#warrants.values()].toSorted((one, other) => other.size - one.size);
    return most === undefined ? null : firstToGo(most);
  }
}

/** Calls by correlation, the longest unheard first. */
type Source = Map<string, Communication>;

interface Warrant {
  size: number;
  readonly sources: Map<string, Source>;
}

function firstToGo({ sources }: Warrant): Communication | null {
  let victim: Communication | null = null;
  let most = 0;
  for (const calls of sources.values()) {
    const least = victim?.standing === 'refused' ? most + 1 : most;
    if (calls.size < least) continue;
    const [oldest] = calls.values();
    const candidate = [...calls.values()].find(({ standing }) => standing === 'refused') ?? oldest;
    if (candidate === undefined || !(calls.size > most || candidate.standing === 'refused')) continue;
    [victim, most] = [candidate, calls.size];
  }
  return victim;
}

/**
 * Which updates of a CSB nobody needs who takes up the call now (RFC 6267 section 5.3): those before the last with new
 * points, since R_MESSAGE_1's V proves the new keys by itself, and its map has all that earlier updates added (profile,
 * section 6.2). Of the last ones the one before stays, too: whoever began an update and could not use the answer goes on
 * from the keys before.
 */
import { ClavigerError } from '../bytes/errors.ts';
import { mikeyIn } from '../sip/offer-answer.ts';
import type { KeptDescription, OfferAnswer } from '../sip/offer-answer.ts';
import { readUpdateIMessage1, readUpdateRMessage1 } from './messages.ts';
import type { VerifiedMessage } from './messages.ts';

/** Updates with new points that stay. */
const LATEST = 2;

/** MIKEY messages of an offer and of its answer. */
export interface CarriedExchange {
  readonly offer: readonly Uint8Array[];
  readonly answer: readonly Uint8Array[];
}

/** What came after offer and answer of a session and is needed with them, in order. */
export function neededFurther<T extends KeptDescription>({ further, exchanges }: OfferAnswer<T>): T[] {
  const carried = exchanges.map(({ offered, answered }) => ({
    ...{ offered, answered },
    offer: mikeyIn(offered.sip),
    answer: mikeyIn(answered.sip),
  }));
  const gone = new Set(
    [...supersededUpdates(carried)].flatMap(({ offered, answered }) => [offered, answered]),
  );
  return further.filter((one) => !gone.has(one));
}

/** @param exchanges in whatever order; those that are no updates are never among what is given back */
export function supersededUpdates<T extends CarriedExchange>(exchanges: readonly T[]): ReadonlySet<T> {
  const updates = exchanges.flatMap((exchange) => updateIn(exchange) ?? []);
  const gone = new Set<T>();
  for (const csbId of new Set(updates.map((update) => update.csbId))) {
    const own = updates.filter((update) => update.csbId === csbId);
    const keyed = own
      .filter(({ isKeyed }) => isKeyed)
      .map(({ order }) => order)
      .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const first = keyed.at(-LATEST);
    for (const { order, exchange } of own) if (first !== undefined && order < first) gone.add(exchange);
  }
  return gone;
}

/* ---------------------------------------------------------------- helpers */

interface Update<T> {
  readonly exchange: T;
  readonly csbId: number;
  /** By T. */
  readonly order: bigint;
  readonly isKeyed: boolean;
}

/** `null` for anything but an offer with the first message of an update alone, and its answer with the second alone. */
function updateIn<T extends CarriedExchange>(exchange: T): Update<T> | null {
  const { offer, answer } = exchange;
  const [first, second] = [only(offer, readUpdateIMessage1), only(answer, readUpdateRMessage1)];
  if (first === null || second === null) return null;
  const { csbId } = first.header;
  if (second.header.csbId !== csbId || second.t.order !== first.t.order) return null;
  return { exchange, csbId, order: first.t.order, isKeyed: first.ibake !== null && second.ibake !== null };
}

function only(
  messages: readonly Uint8Array[],
  read: (octets: Uint8Array) => VerifiedMessage,
): VerifiedMessage | null {
  const [octets, ...others] = messages;
  if (octets === undefined || others.length > 0) return null;
  try {
    return read(octets);
  } catch (error) {
    if (error instanceof ClavigerError) return null;
    throw error;
  }
}

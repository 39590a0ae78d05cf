/**
 * Entities whose admin listeners (`admin.ts`) are looked at for a person: by `claviger console` with the certificate of the
 * person, by an ADMF with its own for those at its door.
 *
 *     look      at the entity          what comes back
 *     status    GET /status            JSON (`status.ts`)
 *     metrics   GET /metrics           as Prometheus reads them
 *     audit     GET /audit?from=N&most=M     JSON lines (`audit-look.ts`)
 *
 * What an entity answers is taken for text of the type that the look has, whatever the answer says: no entity gives a
 * browser a page.
 */
import Type from 'typebox';
import { ClavigerError } from '../bytes/errors.ts';
import { fromUtf8 } from '../bytes/octets.ts';
import { strict } from '../bytes/schema.ts';
import { HttpsError } from '../net/https.ts';
import type { HttpsClient } from '../net/https.ts';
import { ENTITY_ROLES } from '../net/tls.ts';
import { doorUrl } from './config.ts';

export type WatchErrorCode =
  /** No entity of this name is watched. */
  | 'not-watched'
  /** It has nothing of what is asked for: it keeps no audit log. */
  | 'absent'
  /** The query is not one that it takes. */
  | 'bad-look'
  /** It does not admit whoever asks. */
  | 'not-shown'
  /** It does not answer, or not as an admin listener does. */
  | 'unreachable';

/** A look at an entity that shows nothing. */
export class WatchError extends ClavigerError<WatchErrorCode> {}

/** Entities that have an admin listener. */
const WATCHED_KINDS = ENTITY_ROLES.filter((role) => role !== 'ue');
const MOST_ENTITIES = 256;

/** The setting that names them. */
export function watchedEntities(description: string) {
  return Type.Optional(
    Type.Array(
      strict({
        kind: Type.Enum([...WATCHED_KINDS], { description: 'what it is' }),
        url: doorUrl('its admin listener (its setting `admin`)', 'https://kms.home1.example:9464'),
      }),
      { maxItems: MOST_ENTITIES, description, absent: 'none' },
    ),
  );
}

/** An entity that may be watched. */
export interface WatchedEntityName {
  /** As its certificate has it: `kms.home1.example`. */
  readonly name: string;
  /** `kms`, `df`, … */
  readonly kind: string;
}

/** What of an admin listener is looked at, and what it is. */
const LOOK_TYPES = {
  status: 'application/json',
  metrics: 'text/plain; charset=utf-8',
  audit: 'application/jsonl',
} as const;

export type Look = keyof typeof LOOK_TYPES;

export const LOOKS = Object.keys(LOOK_TYPES) as readonly Look[];

/** What an entity shows. */
export interface LookedAt {
  /** For Content-Type. */
  readonly type: string;
  readonly octets: Uint8Array;
}

export class WatchedEntities {
  /** Origins of admin listeners, by name. */
  readonly #urls: ReadonlyMap<string, string>;
  readonly #client: Pick<HttpsClient, 'request'>;
  readonly names: readonly WatchedEntityName[];

  constructor(
    entities: readonly { readonly kind: string; readonly url: string }[],
    client: Pick<HttpsClient, 'request'>,
  ) {
    const named = entities.map(({ kind, url }) => ({ name: new URL(url).hostname, kind, url }));
    this.#urls = new Map(named.map(({ name, url }) => [name, url]));
    this.names = named.map(({ name, kind }) => ({ name, kind }));
    this.#client = client;
  }

  /** @param query without `?`; empty: none @throws WatchError */
  async look(name: string, look: Look, query = ''): Promise<LookedAt> {
    const origin = this.#urls.get(name);
    if (origin === undefined) throw new WatchError('not-watched', 'no such entity is watched');
    const { status, body } = await this.#client
      .request('GET', `${origin}/${look}${query === '' ? '' : `?${query}`}`)
      .catch((error: unknown) => {
        if (!(error instanceof HttpsError)) throw error;
        throw new WatchError('unreachable', `${name} does not answer`, { cause: error });
      });
    if (status === 200) return { type: LOOK_TYPES[look], octets: body };
    const why = detailOf(body);
    throw new WatchError(
      CODES[status] ?? 'unreachable',
      `${name}: ${why ?? `it answers with status ${status}`}`,
    );
  }
}

/** By HTTP status. */
const CODES: Readonly<Record<number, WatchErrorCode>> = { 400: 'bad-look', 403: 'not-shown', 404: 'absent' };

/** Characters of another's words. */
const LONGEST_DETAIL = 512;

/** What problem details (RFC 9457) say. */
function detailOf(body: Uint8Array): string | null {
  try {
    const problem: unknown = JSON.parse(fromUtf8(body));
    if (typeof problem !== 'object' || problem === null || !('detail' in problem)) return null;
    return typeof problem.detail === 'string' ? problem.detail.slice(0, LONGEST_DETAIL) : null;
  } catch {
    return null;
  }
}

/** What a route of the officers' interface is: who may call it, what it changes, and what it answers. */
import type { Readable } from 'node:stream';
import type { PersonRole } from '../../../net/tls.ts';
import { present } from '../../../bytes/present.ts';
import { ClavigerError } from '../../../bytes/errors.ts';
import type { Act } from '../acts.ts';
import type { Person } from './persons.ts';

export type OfficerRefusalCode =
  /** The certificate is not that of one person who is admitted. */
  | 'not-admitted'
  /** A page of another site has a browser ask. */
  | 'cross-site'
  /** The person does not have the role that the call needs. */
  | 'role'
  /** The person has as many streams of events as they may have, or nobody may have more. */
  | 'too-many-streams'
  /** The call must say of which generation of the warrant it speaks. */
  | 'generation-required'
  /** If-Match is not one entity tag, or is of another generation than the body. */
  | 'if-match';

/** A call of the officers' interface that is refused by who makes it, or how. */
export class OfficerRefusal extends ClavigerError<OfficerRefusalCode> {}

export interface OfficerCall {
  readonly person: Person;
  /** Of the path. */
  readonly liid: string;
  readonly query: unknown;
  readonly body: unknown;
  /** By If-Match; `null`: it says nothing. */
  readonly generation: number | null;
}

export interface OfficerAnswer {
  /** Default: 200. */
  readonly status?: number;
  /** What goes out as JSON. */
  readonly body: object;
  /** For ETag. */
  readonly generation?: number;
  /** Where what was made is. */
  readonly location?: string;
}

export interface OfficerRoute {
  readonly method: 'GET' | 'POST';
  /** As fastify has it. */
  readonly path: string;
  /** One of these is needed. */
  readonly roles: readonly PersonRole[];
  readonly answer: (call: OfficerCall) => OfficerAnswer | Promise<OfficerAnswer>;
}

/** A route that is answered with events, until they end. */
export interface OfficerStreamRoute extends Pick<OfficerRoute, 'path' | 'roles'> {
  readonly method: 'GET';
  /** Content-Type. */
  readonly type: string;
  /** @throws OfficerRefusal */
  readonly stream: (call: Pick<OfficerCall, 'person' | 'query'>) => Readable;
}

/** Who may see whom a warrant is about. */
export const READERS: readonly PersonRole[] = ['officer', 'approver', 'auditor'];
/** Who may see how the system is. */
export const WATCHERS: readonly PersonRole[] = [...READERS, 'operator'];

/** What a call and its body say of who does what, why, and by which generation. @throws OfficerRefusal */
export function actOf(
  { person, generation }: OfficerCall,
  body: { readonly reason?: string; readonly generation?: number },
): Act {
  if (generation !== null && body.generation !== undefined && generation !== body.generation)
    throw new OfficerRefusal('if-match', 'If-Match and the body speak of two generations');
  return present({ by: person.name, reason: body.reason, version: generation ?? body.generation });
}

/** As `actOf`, where nobody may decide about what they have not seen. */
export function actOnSeen(
  call: OfficerCall,
  body: { readonly reason?: string; readonly generation?: number },
): Act {
  const act = actOf(call, body);
  if (act.version === undefined)
    throw new OfficerRefusal(
      'generation-required',
      'this decides about a warrant as it was seen: give its generation, in the body or by If-Match',
    );
  return act;
}

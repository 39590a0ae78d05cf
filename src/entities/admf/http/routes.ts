/** What a route of the officers' interface is: who may call it, what it changes, and what it answers. */
import type {
  PersonAnswer,
  PersonCall,
  PersonRoute,
  PersonStreamRoute,
} from '../../../net/persons-server.ts';
import type { PersonRole } from '../../../net/tls.ts';
import { present } from '../../../bytes/present.ts';
import { ClavigerError } from '../../../bytes/errors.ts';
import type { Act } from '../acts.ts';

export type OfficerRefusalCode =
  /** The call must say of which generation of the warrant it speaks. */
  | 'generation-required'
  /** If-Match and the body speak of two generations. */
  | 'if-match'
  /** As many looks at other entities are under way as the person, or all together, may have. */
  | 'too-many-looks';

/** A call of the officers' interface that is refused by how it is made. */
export class OfficerRefusal extends ClavigerError<OfficerRefusalCode> {}

export interface OfficerCall extends Omit<PersonCall, 'params'> {
  /** Of the path. */
  readonly liid: string;
  /** Of the path, where it names one. */
  readonly entity: string;
}

export interface OfficerAnswer extends PersonAnswer {
  /** What goes out as JSON, or `PersonOctets`. */
  readonly body: object;
}

export interface OfficerRoute extends Omit<PersonRoute, 'answer'> {
  readonly answer: (call: OfficerCall) => OfficerAnswer | Promise<OfficerAnswer>;
}

export type OfficerStreamRoute = PersonStreamRoute;

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

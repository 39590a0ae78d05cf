/**
 * Where requests go (TS 103 120): `/` takes any, a workflow's path takes what belongs to it.
 *
 *     /li/authorisation/new            CREATE of one authorisation and of its tasks
 *     /li/authorisation/extension      UPDATE of one authorisation, with a later end, and of its tasks
 *     /li/authorisation/cancellation   UPDATE of one authorisation, to Cancelled
 *     /li/task/addition                CREATE of tasks
 *     /li/task/cancellation            UPDATE of tasks, each to Cancelled
 *     /li/task/change-delivery         UPDATE of tasks, each with DeliveryDetails
 *
 * Documents may come with each. GET and LIST are for `/`.
 */
import type { Hi1Request } from '../../../wire/hi1/messages.ts';
import type { Hi1KnownObject, Hi1ObjectKind } from '../../../wire/hi1/objects.ts';
import { Hi1Refusal } from './refusal.ts';

type Verb = 'CREATE' | 'UPDATE';

interface Workflow {
  /** What must be there, and how often at least and at most. */
  readonly needs: {
    readonly verb: Verb;
    readonly kind: Hi1ObjectKind;
    readonly min: number;
    readonly max: number;
  }[];
  /** What is missing in an object of the workflow; `null`: nothing. */
  readonly lacks: (object: Hi1KnownObject) => string | null;
}

const MANY = Infinity;
const nothing = (): null => null;

function lacksCancelled(object: Hi1KnownObject): string | null {
  if (object.kind === 'AuthorisationObject')
    return object.members.AuthorisationDesiredStatus?.Value === 'Cancelled'
      ? null
      : 'AuthorisationDesiredStatus Cancelled';
  if (object.kind !== 'LITaskObject') return null;
  return object.members.DesiredStatus?.Value === 'Cancelled' ? null : 'DesiredStatus Cancelled';
}

const WORKFLOWS: Readonly<Record<string, Workflow>> = {
  '/li/authorisation/new': {
    needs: [
      { verb: 'CREATE', kind: 'AuthorisationObject', min: 1, max: 1 },
      { verb: 'CREATE', kind: 'LITaskObject', min: 1, max: MANY },
    ],
    lacks: nothing,
  },
  '/li/authorisation/extension': {
    needs: [
      { verb: 'UPDATE', kind: 'AuthorisationObject', min: 1, max: 1 },
      { verb: 'UPDATE', kind: 'LITaskObject', min: 0, max: MANY },
    ],
    lacks: (object) =>
      object.kind === 'AuthorisationObject' && object.members.AuthorisationTimespan?.EndTime === undefined
        ? 'AuthorisationTimespan with a later EndTime'
        : null,
  },
  '/li/authorisation/cancellation': {
    needs: [{ verb: 'UPDATE', kind: 'AuthorisationObject', min: 1, max: 1 }],
    lacks: lacksCancelled,
  },
  '/li/task/addition': {
    needs: [{ verb: 'CREATE', kind: 'LITaskObject', min: 1, max: MANY }],
    lacks: nothing,
  },
  '/li/task/cancellation': {
    needs: [{ verb: 'UPDATE', kind: 'LITaskObject', min: 1, max: MANY }],
    lacks: lacksCancelled,
  },
  '/li/task/change-delivery': {
    needs: [{ verb: 'UPDATE', kind: 'LITaskObject', min: 1, max: MANY }],
    lacks: (object) =>
      object.kind === 'LITaskObject' && object.members.DeliveryDetails === undefined
        ? 'DeliveryDetails'
        : null,
  },
};

export const HI1_PATHS: readonly string[] = ['/', ...Object.keys(WORKFLOWS)];

/** @throws Hi1Refusal `unsupported`, `elementMissing` if the actions are not those of the path's workflow */
export function requireWorkflow(path: string, actions: readonly Hi1Request[]): void {
  const workflow = Object.hasOwn(WORKFLOWS, path) ? WORKFLOWS[path] : undefined;
  if (workflow === undefined) return;
  const counts = new Map<string, number>();
  for (const action of actions) {
    const { object } = 'object' in action ? action : { object: null };
    if (object === null || object.kind === 'other' || object.kind === 'NotificationObject')
      throw new Hi1Refusal('unsupported', `${action.action} of this is for /, not for ${path}`);
    if (object.kind === 'DocumentObject') continue;
    const isOurs = workflow.needs.some(({ verb, kind }) => verb === action.action && kind === object.kind);
    if (!isOurs) throw new Hi1Refusal('unsupported', `${action.action} of ${object.kind} is not for ${path}`);
    const lacking = workflow.lacks(object);
    if (lacking !== null) throw new Hi1Refusal('elementMissing', `${object.kind}: ${lacking} is missing`);
    counts.set(object.kind, (counts.get(object.kind) ?? 0) + 1);
  }
  for (const { verb, kind, min, max } of workflow.needs) {
    const count = counts.get(kind) ?? 0;
    if (count < min) throw new Hi1Refusal('elementMissing', `${verb} of ${kind} is missing`);
    if (count > max) throw new Hi1Refusal('unsupported', `${path} takes one ${kind}`);
  }
}

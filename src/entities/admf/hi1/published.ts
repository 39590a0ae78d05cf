/** Objects as they are given back: as they came, with what is ours: owner, generation, time of change, status. */
import { present } from '../../../bytes/present.ts';
import { etsiWord, objectTypeOf } from '../../../wire/hi1/dictionaries.ts';
import type { Hi1ListRecord } from '../../../wire/hi1/messages.ts';
import type { Hi1KnownObject } from '../../../wire/hi1/objects.ts';
import type { StoredObject } from './ports.ts';

/** In whole seconds, UTC. @param at Unix milliseconds */
export function qualifiedTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

export function published(stored: StoredObject): Hi1KnownObject {
  const { object, generation, lastChanged, status, reason } = stored;
  const base = { ...object.members, Generation: String(generation), LastChanged: qualifiedTime(lastChanged) };
  switch (object.kind) {
    case 'AuthorisationObject': {
      const AuthorisationStatus = status === null ? null : etsiWord('AuthorisationStatus', status);
      const ours = present({ AuthorisationStatus, AuthorisationInvalidReason: reason });
      return { ...object, members: { ...base, ...ours } };
    }
    case 'LITaskObject': {
      const Status = status === null ? null : etsiWord('TaskStatus', status);
      return { ...object, members: { ...base, ...present({ Status, InvalidReason: reason }) } };
    }
    default:
      return { ...object, members: base };
  }
}

export function listed({ object, generation, lastChanged }: StoredObject): Hi1ListRecord {
  const { CountryCode, OwnerIdentifier, ExternalIdentifier } = object.members;
  return {
    objectType: objectTypeOf(object.kind),
    identifier: object.identifier,
    ...present({ country: CountryCode, owner: OwnerIdentifier }),
    generation: String(generation),
    ...present({ external: ExternalIdentifier }),
    lastChanged: qualifiedTime(lastChanged),
  };
}

/** What tells an agency that the status of one of its objects has changed. @param identifier of the notification, a UUID */
export function notificationOf(changed: StoredObject, identifier: string, now: number): StoredObject {
  const { agency, object, status, reason } = changed;
  const { CountryCode, OwnerIdentifier } = object.members;
  const why = reason === null ? '' : `: ${reason.ErrorDescription}`;
  return {
    agency,
    object: {
      kind: 'NotificationObject',
      identifier,
      members: {
        ...present({ CountryCode, OwnerIdentifier }),
        AssociatedObjects: [object.identifier],
        NotificationDetails: `${object.kind} ${object.identifier} is ${status ?? 'changed'}${why}`,
        NotificationType: etsiWord('NotificationType', 'StatusChange'),
        NewNotification: true,
        NotificationTimestamp: qualifiedTime(now),
      },
      unknown: [],
    },
    ...{ generation: 1, lastChanged: now, status: null, reason: null, task: null },
  };
}

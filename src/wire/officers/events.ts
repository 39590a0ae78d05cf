/**
 * That something has changed, for whoever shows the officers' interface of an ADMF live (`api/admf.openapi.yaml`):
 *
 *     GET /v1/events     text/event-stream (HTML, "Server-sent events")
 *
 *     event: time        Time      at the beginning, and as a heartbeat
 *     event: system      System    how the system is: at the beginning, and when it is otherwise
 *     event: warrant     Change    a warrant is otherwise; not for those who may not read warrants
 *     event: resync      {}        more has changed than was told
 *
 * An event says that there is something to read, and not what it says: whoever wants to know asks for it, and that is on
 * record like every call. Streams and their bounds: `net/event-streams.ts`.
 */
import Type from 'typebox';
import type { StaticEncode } from 'typebox';
import { time, WARRANT_LIID } from './terms.ts';
import { SYSTEM_STATUS, WHOLE } from './system.ts';

export const EVENTS_PATH = '/v1/events';

export const TIME_EVENT = Type.Object(
  { time: time('The reading of the clock') },
  { title: 'TimeEvent', description: 'Data of the event time' },
);

const { warrants, pending, degraded, issues } = SYSTEM_STATUS.properties;

export const SYSTEM_EVENT = Type.Object(
  {
    ...{ warrants, pending, degraded, issues },
    away: Type.Array(Type.String(), { description: 'Elements that do not answer' }),
    revision: { ...WHOLE, description: 'Higher when anything of it, or of the alarms, is otherwise' },
  },
  { title: 'SystemEvent', description: 'Data of the event system' },
);

export const WARRANT_EVENT = Type.Object(
  { liid: WARRANT_LIID },
  { title: 'WarrantEvent', description: 'Data of the event warrant: it is otherwise than it was' },
);

/** One event as it is told. */
export type OfficerEvent =
  | { readonly event: 'time'; readonly data: StaticEncode<typeof TIME_EVENT> }
  | { readonly event: 'system'; readonly data: StaticEncode<typeof SYSTEM_EVENT> }
  | { readonly event: 'warrant'; readonly data: StaticEncode<typeof WARRANT_EVENT> }
  | { readonly event: 'resync'; readonly data: Readonly<Record<string, never>> };

/**
 * That something has changed, for whoever shows the officers' interface of an ADMF live (`api/admf.openapi.yaml`):
 *
 *     GET /v1/events     text/event-stream (HTML, "Server-sent events")
 *
 *     event: time        Time      at the beginning, and every `HEARTBEAT_MS`
 *     event: system      System    how the system is: at the beginning, and when it is otherwise
 *     event: warrant     Change    a warrant is otherwise; not for those who may not read warrants
 *     event: resync      {}        more has changed than was told
 *
 * An event says that there is something to read, and not what it says: whoever wants to know asks for it, and that is on
 * record like every call. The stream ends after `LONGEST_STREAM_MS` at the latest, and is then asked for anew.
 */
import Type from 'typebox';
import type { StaticEncode } from 'typebox';
import { utf8 } from '../../bytes/octets.ts';
import { time, WARRANT_LIID } from './terms.ts';
import { SYSTEM_STATUS, WHOLE } from './system.ts';

export const EVENTS_PATH = '/v1/events';
export const EVENTS_TYPE = 'text/event-stream';

export const HEARTBEAT_MS = 15_000;
export const LONGEST_STREAM_MS = 3_600_000;
/** After which a browser asks again when a stream has ended. */
const RETRY_MS = 3_000;

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

/** What a stream begins with: after which time it is asked for anew. */
export const EVENTS_HEAD: Uint8Array = utf8(`retry: ${RETRY_MS}\n\n`);

/** JSON has no line breaks of its own, so that each event is one line of data. */
export function encodeEvent({ event, data }: OfficerEvent): Uint8Array {
  return utf8(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** Meters of streams of events, for entities whose doors for people have them. */
import type { PersonStreams } from '../net/event-streams.ts';
import { meter, meterBy } from './meters.ts';
import type { Meter } from './operation.ts';

/** Streams of events to people, and what their bounds have done. */
export function eventStreamMeters(events: Pick<PersonStreams, 'open' | 'refused' | 'ends'>): Meter[] {
  return [
    meter('event_streams', 'Streams of events that are open.', () => events.open),
    meter(
      'event_streams_refused_total',
      'Streams of events that were refused: too many of one person, or in all.',
      () => events.refused,
    ),
    meterBy(
      'reason',
      'event_streams_ended_total',
      'Streams of events that were ended, by reason.',
      () => events.ends,
    ),
  ];
}

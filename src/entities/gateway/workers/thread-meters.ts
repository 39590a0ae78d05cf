/** What a gateway whose media pass in threads counts of them. */
import { meter } from '../../../host/meters.ts';
import type { Meter } from '../../../host/operation.ts';
import type { ThreadedRelay } from './threaded-relay.ts';

export function threadMeters(threaded: ThreadedRelay): Meter[] {
  return [
    meter('media_workers', 'Threads that relay media.', () => threaded.threads.running),
    meter(
      'media_workers_lost_total',
      'Threads that relayed media and ended, with their calls.',
      () => threaded.threads.lost,
    ),
    meter(
      'media_copies_missed_total',
      'Packets under interception that came faster from threads than they are taken.',
      () => threaded.threads.missed,
    ),
  ];
}

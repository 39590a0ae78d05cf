/** That video which came into a call was seen at the other end, octet for octet, and opened at the LEMF. */
import type { KeptVideo } from '../../../endpoint/video-stream.ts';
import { equalOctets } from '../../../bytes/octets.ts';
import { counted } from './check.ts';
import type { Check, CheckParts } from './check.ts';

export interface Shown {
  readonly user: string;
  readonly octets: Uint8Array;
  /** Whether the call had video before. */
  readonly had: boolean;
  /** What the other end has of it. */
  readonly seen: () => KeptVideo | null;
}

/** @param targets users with a warrant for content on them */
export function addedMediumChecks(
  { course }: CheckParts,
  shown: readonly Shown[],
  targets: readonly string[],
): Check[] {
  const seen = shown.map(({ user, octets, had, seen }) => {
    const kept = seen();
    return {
      name: `what ${user} showed came with the added line, octet for octet`,
      passed: !had && kept !== null && equalOctets(kept.octets, octets),
      detail:
        kept === null ? 'no video' : `${kept.octets.length} octets in ${counted(kept.packets, 'packet')}`,
    };
  });
  const sent = shown.reduce((sum, { seen }) => sum + (seen()?.packets ?? 0), 0);
  const opened = targets.map((user) => {
    const home = course.network.homeOf(user).name;
    const streams = course.recovered[home].calls.flatMap((call) => call.streams);
    const video = streams.filter(({ file, packets }) => file === null && packets > 0);
    const packets = video.reduce((sum, stream) => sum + stream.packets, 0);
    const authenticated = video.reduce((sum, stream) => sum + stream.authenticated, 0);
    return {
      name: `the LEMF of ${home} opened every packet of the added line`,
      passed: video.length === 2 && packets === sent && authenticated === sent,
      detail: `${authenticated} of ${counted(packets, 'packet')} in ${counted(video.length, 'stream')}, ${sent} sent`,
    };
  });
  return [...seen, ...opened];
}

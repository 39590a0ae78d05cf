/** What a call has sent and received. */
import type { SecuredStream, StreamStatistics } from '../../endpoint/secured-stream.ts';
import type { ReportStatistics } from '../../endpoint/stream-reports.ts';

/** Those of the audio, and of the video where there is some. */
export interface CallStatistics extends MediumStatistics {
  readonly video: MediumStatistics | null;
  /** CS IDs of the exchange with their SSRCs, in order. */
  readonly sessions: readonly { readonly csId: number; readonly ssrc: number; readonly suite: string }[];
}

/** What of a call is audio, or video. */
export interface MediumStatistics extends StreamStatistics {
  readonly reports: ReportStatistics;
}

export function statisticsOf({ statistics, reports }: SecuredStream): MediumStatistics {
  return { ...statistics, reports };
}

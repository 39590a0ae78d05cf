/** Of which processes a DF is that is measured. */

/** Of the calls of a DF, among which mediators share. */
export const PARTITIONS = 8;

/** How many processes of each role. */
export interface Layout {
  readonly intakes: number;
  /** On one database; 0: one, whose state is in files. */
  readonly mediators: number;
  /** 0: who mediates delivers. */
  readonly deliverers: number;
}

export function inWords({ intakes, mediators, deliverers }: Layout): string {
  const mediation = mediators === 0 ? '1 in files' : String(mediators);
  return `${intakes} / ${mediation} / ${deliverers === 0 ? '–' : deliverers}`;
}

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

/** A run for each place of the longest list: of the others the last number goes for those that follow. */
export function layoutsOf(
  ...lists: readonly [readonly number[], readonly number[], readonly number[]]
): Layout[] {
  const runs = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: runs }, (_, n) => {
    const [intakes = 1, mediators = 0, deliverers = 0] = lists.map((list) => list[n] ?? list.at(-1));
    return { intakes, mediators, deliverers };
  });
}

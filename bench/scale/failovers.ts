/** Ways in which a process that shares things with others goes, and whether one comes in its place. */
export const FAILOVERS = ['killed', 'ended', 'again', 'anew'] as const;
export type Failover = (typeof FAILOVERS)[number];

/** How many share how many things: what the model has to know of it. */
export const SHARING = { processes: 3, things: 8 } as const;

export const FAILOVER_WORDS: Readonly<Record<Failover, string>> = {
  killed: 'killed, and away',
  ended: 'ended in order, and away',
  again: 'killed, there again by its name',
  anew: 'killed, there again by another name',
};

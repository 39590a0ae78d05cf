/**
 * A bounded place that several owners share, so that none crowds another out. Whoever holds most gives way: of the
 * kinds of standing the lower, within it the party that holds most, within that its group that holds most, and there
 * what came last. One that would hold more than that gets no room.
 *
 *     standing  low ─┬─ party (task) ─┬─ group (session) ── 3, 7, 8 ◄─ the newest goes
 *               high │                └─ group            ── 5
 *                    └─ party …
 *
 * Who holds most is found in constant time by size class (powers of two), so it is the one that holds most within a
 * factor of two.
 */

/** Whose something is. */
export interface ShareOwner {
  /** Low gives way to high, whatever either holds. */
  readonly standing: 'low' | 'high';
  readonly party: string;
  /** Within the party. */
  readonly group: string;
}

interface Weighed {
  weight: number;
}

/** Things by how much they weigh. */
class Ranking<T extends Weighed> {
  readonly #classes: Set<T>[] = [];

  change(item: T, by: number): void {
    const before = classOf(item.weight);
    item.weight += by;
    const after = classOf(item.weight);
    if (before === after) return;
    if (before !== null) this.#classes[before]?.delete(item);
    if (after !== null) (this.#classes[after] ??= new Set()).add(item);
  }

  heaviest(): T | null {
    for (let at = this.#classes.length - 1; at >= 0; at--) {
      for (const item of this.#classes[at] ?? []) return item;
    }
    return null;
  }
}

/** `null`: it weighs nothing. */
function classOf(weight: number): number | null {
  return weight > 0 ? Math.floor(Math.log2(weight)) : null;
}

class Group {
  weight = 0;
  /** Weights by key, in the order of their coming. */
  readonly held = new Map<number, number>();
  /** Keys in that order; some may be held no more. */
  order: number[] = [];
}

class Party {
  weight = 0;
  readonly groups = new Map<string, Group>();
  readonly ranking = new Ranking<Group>();
}

class Standing {
  readonly parties = new Map<string, Party>();
  readonly ranking = new Ranking<Party>();
}

export class FairShares {
  readonly #standings = { low: new Standing(), high: new Standing() };

  /** `key` is from now on held by its owner; keys grow. */
  add({ standing, party: partyName, group: groupName }: ShareOwner, key: number, weight: number): void {
    const { parties, ranking } = this.#standings[standing];
    const party = parties.get(partyName) ?? new Party();
    const group = party.groups.get(groupName) ?? new Group();
    parties.set(partyName, party);
    party.groups.set(groupName, group);
    group.held.set(key, weight);
    group.order.push(key);
    party.ranking.change(group, weight);
    ranking.change(party, weight);
  }

  /** `key` is held no more. */
  remove({ standing, party: partyName, group: groupName }: ShareOwner, key: number): void {
    const { parties, ranking } = this.#standings[standing];
    const party = parties.get(partyName);
    const group = party?.groups.get(groupName);
    const weight = group?.held.get(key);
    if (party === undefined || group === undefined || weight === undefined) return;
    group.held.delete(key);
    if (group.order.at(-1) === key) group.order.pop();
    else if (group.order.length > 2 * group.held.size + 16) group.order = [...group.held.keys()];
    party.ranking.change(group, -weight);
    ranking.change(party, -weight);
    if (group.held.size === 0) party.groups.delete(groupName);
    if (party.groups.size === 0) parties.delete(partyName);
  }

  /** What has to go so that something of that weight may come; `null`: the newcomer has. */
  victim(owner: ShareOwner, weight: number): number | null {
    const low = this.#standings.low.ranking.heaviest();
    if (low !== null && owner.standing === 'high') return newestOf(low.ranking.heaviest());
    const { parties, ranking } = this.#standings[owner.standing];
    const own = parties.get(owner.party);
    const heaviest = ranking.heaviest();
    if (heaviest !== null && heaviest !== own && heaviest.weight > (own?.weight ?? 0) + weight) {
      return newestOf(heaviest.ranking.heaviest());
    }
    const ownGroup = own?.groups.get(owner.group);
    const group = own?.ranking.heaviest() ?? null;
    if (group === null || group === ownGroup || group.weight <= (ownGroup?.weight ?? 0) + weight) return null;
    return newestOf(group);
  }
}

function newestOf(group: Group | null): number | null {
  if (group === null) return null;
  for (;;) {
    const key = group.order.at(-1);
    if (key === undefined || group.held.has(key)) return key ?? null;
    group.order.pop();
  }
}

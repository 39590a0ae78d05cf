/** Figures into files that tell them: costs by their names, tables between the marks that name them. */

/** Of the run of `bench:scale` in `src/capacity/unit-costs.ts`. */
export interface CostRun {
  readonly cores: number;
  readonly processor: string;
  readonly load: number;
  readonly date: string;
}

/**
 * The text of `src/capacity/unit-costs.ts` with other costs of `bench:scale`. @throws where one of them is not in it, or
 * cannot be: nothing costs less than something
 */
export function withCosts(
  text: string,
  costs: Readonly<Partial<Record<string, number>>>,
  { cores, processor, load, date }: CostRun,
): string {
  let found = text;
  for (const [name, value] of Object.entries(costs)) {
    if (value === undefined || !Number.isFinite(value) || value <= 0)
      throw new Error(`${name} cannot be ${value}`);
    // Whatever stands there, negative or with an exponent.
    const pattern = new RegExp(`(\\n  ${name}: scale\\(\\s*)[^,\\s]+`);
    if (!pattern.test(found)) throw new Error(`no cost ${name}`);
    found = found.replace(pattern, `$1${value}`);
  }
  const machine = `${cores} cores of ${processor}, virtual, load ${load.toFixed(1)} when it began`;
  return found.replace(
    /(command: 'npm run bench:scale',\s*machine: ')[^']*(',\s*date: ')[^']*/,
    `$1${machine}$2${date}`,
  );
}

/** A page with other tables. @throws where it has no place for one of them */
export function withTables(page: string, tables: Readonly<Record<string, string>>): string {
  let found = page;
  for (const [name, table] of Object.entries(tables)) {
    const [begin, end] = [markOf(name), markOf(`end of ${name}`)];
    const [from, to] = [found.indexOf(begin), found.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`no place for ${name}`);
    found = `${found.slice(0, from + begin.length)}\n\n${table}\n\n${found.slice(to)}`;
  }
  return found;
}

/** Cells of a table of a page, line by line; `null`: it has no such table. */
export function tableOf(page: string, name: string): string[][] | null {
  const [begin, end] = [markOf(name), markOf(`end of ${name}`)];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  return from < 0 || to < from ? null : cellsOf(page.slice(from + begin.length, to));
}

/** Lines of a table without the spaces that align them, and without the line below its heads. */
export function cellsOf(table: string): string[][] {
  return table
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^[|\s:-]+$/.test(line))
    .map((line) => line.split('|').map((each) => each.trim()));
}

function markOf(name: string): string {
  return `<!-- figures: ${name} -->`;
}

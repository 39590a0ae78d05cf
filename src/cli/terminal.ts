/** Text for a terminal. */

/** Names may come from others, and must not speak to the terminal. */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
}

/** Rows under their heads, columns two spaces apart; nothing at the ends of lines. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heads, ...rows.map((row) => row.map(harmless))];
  const widths = heads.map((_, at) => Math.max(...all.map((row) => lengthOf(row[at] ?? ''))));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => cell + ' '.repeat(Math.max(0, (widths[at] ?? 0) - lengthOf(cell))))
      .join('  ')
      .trimEnd();
  return all.map((row) => `${line(row)}\n`).join('');
}

/** In characters, not in units of UTF-16. */
function lengthOf(text: string): number {
  return Array.from(text).length;
}

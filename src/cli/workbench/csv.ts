/** Rows of CSV (RFC 4180) that a spreadsheet takes as text, whatever a stranger wrote into them. */

export function csvRow(cells: readonly (string | number | null)[]): string {
  return `${cells.map(cellOf).join(',')}\r\n`;
}

function cellOf(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const printed = value.replace(/[\p{C}\u2028\u2029]/gu, '\ufffd');
  // What begins like this would be computed.
  const text = /^[=+\-@]/.test(printed) ? `'${printed}` : printed;
  return /[",]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

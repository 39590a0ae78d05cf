/** Bit diagrams as RFCs have them, 32 bits a row: of each field its name, and below it what it holds. */

const ROW = 32;
/** Fields of more octets are not drawn whole. */
const MOST_OCTETS = 40;

const RULER = [
  ' 0                   1                   2                   3',
  ' 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1',
];

/** @typedef {import('./trace.mjs').Field} Field */

/**
 * A piece of a field within a row.
 * @typedef {object} Cell
 * @property {object} owner what it is a piece of
 * @property {number} bits
 * @property {string} name
 * @property {string} value
 * @property {boolean} isCut whether it stands for more octets than are drawn
 */

/** @param {readonly Field[]} fields of one part, in order @returns {string[]} */
export function diagram(fields) {
  const rows = rowsOf(fields);
  const lines = rows.flatMap((row, at) => [ruled(rows[at - 1] ?? [], row), ...drawn(row)]);
  // Where a field goes on over whole rows nothing stands between them.
  const shown = [...lines, ruled(rows.at(-1) ?? [], [])].filter((line) => !/^[+|] +[+|]$/.test(line));
  return [...RULER, ...shown].map((line) => line.trimEnd());
}

/** @param {readonly Field[]} fields @returns {Cell[][]} */
function rowsOf(fields) {
  /** @type {Cell[][]} */
  const rows = [[]];
  const room = () => ROW - (rows.at(-1) ?? []).reduce((sum, { bits }) => sum + bits, 0);
  const put = (/** @type {Cell} */ cell) => {
    if (room() === 0) rows.push([]);
    rows.at(-1)?.push(cell);
  };
  for (const { name, bits, octets, value } of fields) {
    const owner = {};
    if (bits < 8 || bits % 8 !== 0) {
      put({ owner, bits, name, value: value.toString(16), isCut: false });
      continue;
    }
    const isLong = octets.length > MOST_OCTETS;
    let drawnOctets = 0;
    while (drawnOctets < octets.length) {
      const free = room() === 0 ? ROW : room();
      const isFirst = drawnOctets === 0;
      if (isLong && free === ROW) {
        const left = octets.length - drawnOctets;
        const text = isFirst ? `${name}, ${left} octets` : `… ${left} more octets`;
        put({
          owner,
          bits: ROW,
          name: text,
          value: hex(octets.subarray(drawnOctets, drawnOctets + 4)),
          isCut: true,
        });
        break;
      }
      const part = octets.subarray(drawnOctets, drawnOctets + free / 8);
      put({ owner, bits: 8 * part.length, name: isFirst ? name : '', value: hex(part), isCut: false });
      drawnOctets += part.length;
    }
  }
  return rows;
}

/** The two lines of a row. @param {Cell[]} row @returns {string[]} */
function drawn(row) {
  const line = (/** @type {(cell: Cell) => string} */ textOf) =>
    row
      .map((cell) => {
        const width = 2 * cell.bits - 1;
        const text = width > 1 ? ` ${textOf(cell)}` : textOf(cell);
        return `${cell.isCut ? '~' : '|'}${text.slice(0, width).padEnd(width)}`;
      })
      .join('') + (row.at(-1)?.isCut === true ? '~' : '|');
  return [line(({ name }) => name), line(({ value, isCut }) => (isCut ? `${value} …` : value))];
}

/** The line between two rows: nothing where a field goes on. @param {Cell[]} above @param {Cell[]} below */
function ruled(above, below) {
  const [upper, lower] = [ownersOf(above), ownersOf(below)];
  const isRuled = (/** @type {number} */ bit) =>
    upper[bit] !== lower[bit] && (upper[bit] !== undefined || lower[bit] !== undefined);
  let line = '';
  for (let bit = 0; bit <= ROW; bit++) {
    const isHere = isRuled(bit);
    const isEdge = bit === 0 || (bit === ROW && (upper[bit - 1] ?? lower[bit - 1]) !== undefined);
    line += isHere || (bit > 0 && isRuled(bit - 1)) || isEdge ? '+' : ' ';
    if (bit < ROW) line += isHere ? '-' : ' ';
  }
  return line;
}

/** What each bit of a row belongs to. @param {Cell[]} row @returns {(object | undefined)[]} */
function ownersOf(row) {
  return row.flatMap(({ owner, bits }) => Array.from({ length: bits }, () => owner));
}

/** @param {Uint8Array} octets */
export function hex(octets) {
  return [...octets].map((octet) => octet.toString(16).padStart(2, '0')).join(' ');
}

/** Lines of a text that comes in pieces: it may be longer than a string can be. */

const NEWLINE = 0x0a;

/**
 * Each line without its end, empty ones aside; the last one also if it does not end.
 * @param longest octets that are kept of a line that goes on: of one that is longer only its end is given
 */
export function* splitLines(pieces: Iterable<Uint8Array>, longest = Infinity): Generator<string, void> {
  let held: Uint8Array[] = [];
  let octets = 0;
  for (const piece of pieces) {
    let from = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, from)) {
      const line = text([...held, piece.subarray(from, end)]);
      held = [];
      octets = 0;
      from = end + 1;
      if (line !== '') yield line;
    }
    if (from === piece.length) continue;
    octets += piece.length - from;
    if (octets > longest) held = [];
    else held.push(piece.slice(from));
  }
  const last = text(held);
  if (last !== '') yield last;
}

function text(pieces: readonly Uint8Array[]): string {
  return Buffer.concat(pieces).toString('utf8');
}

/** What is done to good inputs: octet by octet, piece by piece, and to the lengths and numbers that are in them. */

/** Numbers from a seed (xorshift32 over its hash): the same seed, the same run. */
export class FuzzRandom {
  #state: number;

  constructor(seed: string) {
    let hash = 0x811c_9dc5;
    for (let at = 0; at < seed.length; at++) hash = Math.imul(hash ^ seed.charCodeAt(at), 0x0100_0193);
    this.#state = hash | 1;
  }

  /** From 0 to `limit` − 1; 0 for a limit of 0. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return limit <= 0 ? 0 : (this.#state >>> 0) % limit;
  }

  of<T>(list: readonly T[]): T {
    const chosen = list[this.below(list.length)];
    if (chosen === undefined) throw new RangeError('there is nothing to choose from');
    return chosen;
  }
}

type Mutator = (octets: Uint8Array, random: FuzzRandom, other: Uint8Array) => Uint8Array;

/** No input is longer than a message may be on most wires. */
const MOST_OCTETS = 1 << 16;

/** What grammars of text are about, and what breaks readers of numbers, lengths and structure. */
const TOKENS: readonly string[] = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\0',
    '\t',
    ' ',
    '"',
    '\\',
    "'",
    '<',
    '>',
    '/',
    ';',
    ',',
    ':',
    '=',
    '@',
    '?',
    '%',
    '&',
  ],
  ...[
    '\r\n ',
    '\r\n\r\n',
    '%00',
    '%',
    '&#0;',
    '&lt;',
    '<!--',
    ']]>',
    '<![CDATA[',
    '<!DOCTYPE x>',
    'xsi:nil="true"',
  ],
  ...[
    '{',
    '}',
    '[',
    ']',
    '[[[[',
    '{"',
    'null',
    'true',
    '-1',
    '0',
    '00',
    '1e999',
    '4294967296',
    '9007199254740993',
  ],
  ...[
    '99999999999999999999999',
    '-0',
    '0x10',
    'NaN',
    '.',
    '1.5',
    '"__proto__":',
    '"constructor":',
    '\\u0000',
    '\\ud800',
  ],
  ...[
    '\u00e9',
    '\ufeff',
    '\u0085',
    '\u{1f600}',
    'a'.repeat(300),
    '('.repeat(200),
    '"'.repeat(99),
    ' '.repeat(2000),
  ],
  ...[
    'a=',
    'm=audio 0',
    'c=IN IP4 ',
    'Content-Length: 9',
    'SIP/2.0',
    '127.0.0.1',
    '[::1]',
    '255.255.255.256',
  ],
];
const VALUES = [0, 1, 2, 0x1f, 0x30, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x88, 0xa0, 0xfe, 0xff];
const NUMBERS = [
  0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];

const MUTATORS: readonly Mutator[] = [
  (octets, random) => changed(octets, random.below(octets.length), (octet) => octet ^ (1 << random.below(8))),
  (octets, random) => changed(octets, random.below(octets.length), () => random.of(VALUES)),
  (octets, random) => changed(octets, random.below(octets.length), () => random.below(256)),
  (octets, random) => changed(octets, random.below(octets.length), (octet) => octet + random.of([-1, 1])),
  // A number of 2 or 4 octets, wherever it is.
  (octets, random) => {
    const copy = octets.slice();
    const [width, value] = [random.of([2, 4]), random.of(NUMBERS)];
    const at = random.below(copy.length);
    for (let k = 0; k < width && at + k < copy.length; k++) copy[at + k] = value >>> (8 * (width - 1 - k));
    return copy;
  },
  // Left out, repeated, moved, put in, taken from elsewhere, cut off.
  (octets, random) => {
    const [from, to] = span(octets, random);
    return join(octets.subarray(0, from), octets.subarray(to));
  },
  (octets, random) => {
    const [from, to] = span(octets, random);
    const times = random.of([1, 1, 2, 20, 500]);
    return join(
      octets.subarray(0, to),
      ...Array.from({ length: times }, () => octets.subarray(from, to)),
      octets.subarray(to),
    );
  },
  (octets, random) => {
    const [from, to] = span(octets, random);
    const rest = join(octets.subarray(0, from), octets.subarray(to));
    const at = random.below(rest.length + 1);
    return join(rest.subarray(0, at), octets.subarray(from, to), rest.subarray(at));
  },
  (octets, random) => {
    const at = random.below(octets.length + 1);
    const more = Uint8Array.from({ length: 1 + random.below(random.of([2, 16, 300])) }, () =>
      random.below(256),
    );
    return join(octets.subarray(0, at), more, octets.subarray(at));
  },
  (octets, random) => {
    const at = random.below(octets.length + 1);
    return join(
      octets.subarray(0, at),
      Buffer.from(random.of(TOKENS)),
      octets.subarray(at + random.of([0, 1, 4])),
    );
  },
  (octets, random, other) => {
    const [from, to] = span(other, random);
    const at = random.below(octets.length + 1);
    return join(
      octets.subarray(0, at),
      other.subarray(from, to),
      octets.subarray(at + random.of([0, to - from])),
    );
  },
  (octets, random, other) =>
    join(octets.subarray(0, random.below(octets.length + 1)), other.subarray(random.below(other.length))),
  (octets, random) => octets.subarray(0, random.below(octets.length + 1)),
  // Lines and elements: swapped letters of case, a number in text made another.
  (octets, random) => {
    const text = Buffer.from(octets).toString('latin1');
    const numbers = [...text.matchAll(/[0-9]+/g)];
    if (numbers.length === 0) return octets;
    const { index, 0: old } = random.of(numbers);
    const number = random.of([
      '0',
      '-1',
      '65536',
      '4294967296',
      '1'.repeat(40),
      `${old}0`,
      `+${old}`,
      `0${old}`,
      '',
    ]);
    return Buffer.from(text.slice(0, index) + number + text.slice(index + old.length), 'latin1');
  },
  (octets, random) => {
    const lines = Buffer.from(octets).toString('latin1').split('\n');
    const [from, to] = [random.below(lines.length), random.below(lines.length + 1)];
    lines.splice(to, 0, ...(random.below(2) === 0 ? lines.splice(from, 1) : [lines[from] ?? '']));
    return Buffer.from(lines.join('\n'), 'latin1');
  },
  (octets, random) => changed(octets, random.below(octets.length), (octet) => octet ^ 0x20),
];

/** A sample, changed in one to four ways. */
export function mutated(sample: Uint8Array, random: FuzzRandom, others: readonly Uint8Array[]): Uint8Array {
  let octets = sample;
  for (let left = 1 + random.below(4); left > 0; left--)
    octets = random.of(MUTATORS)(octets, random, random.of(others));
  return new Uint8Array(octets.subarray(0, MOST_OCTETS));
}

function changed(octets: Uint8Array, at: number, change: (octet: number) => number): Uint8Array {
  const copy = octets.slice();
  const octet = copy[at];
  if (octet !== undefined) copy[at] = change(octet);
  return copy;
}

/** A piece of it, mostly short. */
function span(octets: Uint8Array, random: FuzzRandom): readonly [from: number, to: number] {
  const from = random.below(octets.length);
  return [from, Math.min(octets.length, from + 1 + random.below(random.of([4, 16, 64, octets.length])))];
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts.map((part) => part.subarray(0, MOST_OCTETS)));
}

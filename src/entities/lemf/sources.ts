/**
 * Who sent which PDUs of a file: beside `hi2.ber` stands `hi2.sources`, one JSON line wherever another source begins.
 *
 *     { "at": offset in the file, "source": name in the certificate of the delivery function }
 *
 * Without it, the file says what the headers of its PDUs say: the network element that delivers.
 */
import Type from 'typebox';
import { jsonOf } from '../../bytes/json.ts';
import { Form } from '../../bytes/schema.ts';

export interface SourceMark {
  /** Octets before the first PDU of the source. */
  readonly at: number;
  readonly source: string;
}

/** `hi2.sources` of `hi2.ber`. */
export function sourcesPath(file: string): string {
  return `${file.replace(/\.ber$/, '')}.sources`;
}

/** The marks of a file, as far as it can be read. */
export function parseSources(text: string): SourceMark[] {
  return text.split('\n').flatMap((line) => {
    const mark = parsed(line);
    return mark === null ? [] : [mark];
  });
}

export function formatSource({ at, source }: SourceMark): string {
  return `${JSON.stringify({ at, source })}\n`;
}

/** The source of the PDU at an offset, for offsets that ascend, of marks that do. */
export class SourceLookup {
  readonly #marks: Iterator<SourceMark, undefined>;
  #next: SourceMark | null;
  #source: string | null = null;

  constructor(marks: Iterable<SourceMark>) {
    this.#marks = iterated(marks);
    this.#next = this.#marks.next().value ?? null;
  }

  /** `null` before the first mark. */
  at(offset: number): string | null {
    while (this.#next !== null && this.#next.at <= offset) {
      this.#source = this.#next.source;
      this.#next = this.#marks.next().value ?? null;
    }
    return this.#source;
  }
}

function* iterated(marks: Iterable<SourceMark>): Generator<SourceMark, undefined> {
  yield* marks;
}

const MARK = new Form(Type.Object({ at: Type.Number(), source: Type.String() }));

function parsed(line: string): SourceMark | null {
  const mark = MARK.read(jsonOf(line));
  return 'value' in mark ? mark.value : null;
}

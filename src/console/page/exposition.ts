/** What Prometheus reads of an entity (text format 0.0.4), as far as it is drawn: each metric, its labels added up. */

export interface ExposedMetric {
  readonly help: string;
  /** `counter`, `gauge`. */
  readonly type: string;
  /** The sum over all labels. */
  readonly value: number;
}

const COMMENT = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.*)$/;
/** A sample; a label's value may have braces. */
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{.*\})? (\S+)(?: -?\d+)?$/;

/** By name; what cannot be read as a sample is left out. */
export function exposedMetrics(text: string): Map<string, ExposedMetric> {
  const found = new Map<string, { help: string; type: string; value: number }>();
  const of = (name: string): { help: string; type: string; value: number } => {
    const known = found.get(name) ?? { help: '', type: 'untyped', value: 0 };
    found.set(name, known);
    return known;
  };
  for (const line of text.split('\n')) {
    const [, what, named = '', rest = ''] = COMMENT.exec(line) ?? [];
    if (what === 'HELP') of(named).help = rest.replaceAll('\\n', ' ').replaceAll('\\\\', '\\');
    else if (what === 'TYPE') of(named).type = rest;
    const [, name, value] = SAMPLE.exec(line) ?? [];
    if (name !== undefined && Number.isFinite(Number(value))) of(name).value += Number(value);
  }
  return found;
}

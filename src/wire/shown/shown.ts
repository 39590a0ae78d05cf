/** What is shown of a PDU: values by their names, as JSON or as a tree of text that does nothing to a terminal. */

export type ShownValue = string | number | boolean | null | readonly ShownValue[] | ShownFields;
export interface ShownFields {
  readonly [name: string]: ShownValue;
}

/** As text: a line each, what is within indented. */
export function renderFields(fields: ShownFields, indent = '  '): string {
  return Object.entries(fields)
    .map(([name, value]) => renderValue(`${indent}${name}:`, value, indent))
    .join('');
}

function renderValue(head: string, value: ShownValue, indent: string): string {
  const within = `${indent}  `;
  if (typeof value === 'string' && value.includes('\n')) {
    const lines = value.replace(/\r?\n$/, '').split(/\r?\n/);
    return `${head}\n${lines.map((line) => `${within}| ${escaped(line)}\n`).join('')}`;
  }
  if (typeof value !== 'object' || value === null) return `${head} ${escaped(String(value))}\n`;
  if (isList(value)) {
    return `${head}\n${value.map((each) => renderValue(`${within}-`, each, within)).join('')}`;
  }
  return `${head}\n${renderFields(value, within)}`;
}

function isList(value: ShownFields | readonly ShownValue[]): value is readonly ShownValue[] {
  return Array.isArray(value);
}

/** Text that does nothing to a terminal: what is not printed is written as `\u….` */
export function escaped(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

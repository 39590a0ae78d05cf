/** Fields of forms, each with its label, and how what is in them is read. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import type { ChangesJson, WarrantJson } from '../answers.ts';
import type { BridgeAnswer } from '../../beside.ts';
import { inputTime, localInput } from '../format.ts';
import { CONSOLE_TEXTS } from '../texts.ts';

const { form: WORDS } = CONSOLE_TEXTS;

/** Kinds of identity that are offered; X1 has further ones. */
const TARGET_NAMES = [
  'sipUri',
  'telUri',
  'impu',
  'impi',
  'e164Number',
  'imei',
  'nai',
] as const satisfies readonly WarrantJson['targets'][number]['name'][];

export interface FieldOptions {
  readonly value?: string;
  readonly isNeeded?: boolean;
  readonly type?: 'text' | 'number' | 'datetime-local';
  readonly most?: number;
  readonly pattern?: string;
  readonly hint?: string;
}

export function field(name: string, label: string, options: FieldOptions = {}): TemplateResult {
  const { value = '', isNeeded = false, type = 'text', most, pattern, hint } = options;
  const hintId = `hint-${name}`;
  // The hint describes the field, and is no part of its name.
  return html`<div class="field">
    <label class="field"
      ><span>${label}</span>
      <input
        name=${name}
        type=${type}
        value=${value}
        ?required=${isNeeded}
        maxlength=${most ?? nothing}
        pattern=${pattern ?? nothing}
        step=${type === 'datetime-local' ? '1' : nothing}
        min=${type === 'number' ? '1' : nothing}
        max=${type === 'number' ? '65535' : nothing}
        autocomplete="off"
        spellcheck="false"
        aria-describedby=${hint === undefined ? nothing : hintId}
      />
    </label>
    ${hint === undefined ? nothing : html`<small id=${hintId}>${hint}</small>`}
  </div>`;
}

export function reasonField(isNeeded: boolean): TemplateResult {
  return html`<label class="field wide"
    ><span>${WORDS.reason}</span>
    <input name="reason" maxlength="1000" ?required=${isNeeded} autocomplete="off" />
  </label>`;
}

export function checkbox(name: string, label: string, isOn: boolean): TemplateResult {
  return html`<label class="check"><input type="checkbox" name=${name} ?checked=${isOn} /> ${label}</label>`;
}

export function choiceField(
  name: string,
  label: string,
  options: Readonly<Record<string, string>>,
  chosen: string,
): TemplateResult {
  return html`<label class="field"
    ><span>${label}</span>
    <select name=${name}>
      ${Object.entries(options).map(
        ([value, text]) => html`<option value=${value} ?selected=${value === chosen}>${text}</option>`,
      )}
    </select>
  </label>`;
}

const LOCATIONS = {
  no: CONSOLE_TEXTS.locations.no,
  yes: CONSOLE_TEXTS.locations.yes,
  uponChange: CONSOLE_TEXTS.locations.uponChange,
};

/** As the interface takes it. */
const LEMF_NAME = '[A-Za-z0-9._\\-]{1,253}';

/**
 * What an entry and an amendment say alike.
 * @param warrant as it is, for an amendment
 * @param rows for further identities
 * @param usual where deliveries of a new warrant go unless the officer says otherwise; `null`: that is not known
 */
export function contentFields(
  warrant: WarrantJson | null,
  rows: number,
  more: () => void,
  usual: BridgeAnswer['lemf'] = null,
): TemplateResult {
  const { location = false, xk = false } = warrant ?? {};
  const lemf = warrant === null ? usual : warrant.lemf;
  const time = (iso: string | undefined): string => (iso === undefined ? '' : localInput(Date.parse(iso)));
  const where = location === 'uponChange' ? 'uponChange' : location ? 'yes' : 'no';
  const isNeeded = true;
  const port = (value: number | undefined): FieldOptions => ({
    ...{ type: 'number', value: value === undefined ? '' : String(value) },
  });
  return html`${targetFields(warrant?.targets ?? [], rows, more)}
    <div class="fields">
      ${choiceField('delivery', WORDS.delivery, CONSOLE_TEXTS.file.deliveries, warrant?.delivery ?? 'IRI+CC')}
      ${choiceField('location', WORDS.location, LOCATIONS, where)}
      ${field('from', WORDS.from, { type: 'datetime-local', value: time(warrant?.startTime) })}
      ${field('until', WORDS.until, { type: 'datetime-local', value: time(warrant?.endTime), isNeeded })}
      ${field('hi2Host', WORDS.hi2Host, { value: lemf?.hi2.host ?? '', isNeeded, most: 255 })}
      ${field('hi2Port', WORDS.hi2Port, { ...port(lemf?.hi2.port), isNeeded })}
      ${field('hi3Host', WORDS.hi3Host, { value: lemf?.hi3?.host ?? '', most: 255 })}
      ${field('hi3Port', WORDS.hi3Port, port(lemf?.hi3?.port))}
      ${field('xk', WORDS.xk, { value: xk === false ? '' : xk, most: 253, pattern: LEMF_NAME, hint: WORDS.xkHint })}
    </div>`;
}

function targetFields(targets: WarrantJson['targets'], rows: number, more: () => void): TemplateResult {
  const count = targets.length + rows;
  return html`<fieldset>
    <legend>${WORDS.targets}</legend>
    ${Array.from({ length: count }, (_, at) => {
      const { name, value } = targets[at] ?? { name: TARGET_NAMES[0], value: '' };
      const names = [...new Set<string>([...TARGET_NAMES, name])];
      return html`<div class="fields pair">
        ${choiceField('targetName', WORDS.targetName, Object.fromEntries(names.map((each) => [each, each])), name)}
        ${field('targetValue', WORDS.targetValue, { value, isNeeded: count === 1, most: 1024 })}
      </div>`;
    })}
    <p><button type="button" @click=${more}>${WORDS.addTarget}</button></p>
  </fieldset>`;
}

/** What the form of a warrant's contents says; what is empty is not said. */
export function contentsOf(form: HTMLFormElement): ChangesJson {
  const data = new FormData(form);
  const text = (name: string): string => textOf(data.get(name));
  const [startTime, endTime] = [inputTime(text('from')), inputTime(text('until'))];
  const names = data.getAll('targetName').map(textOf);
  const values = data.getAll('targetValue').map(textOf);
  const targets = values.flatMap((value, at) => (value === '' ? [] : [{ name: names[at] ?? '', value }]));
  const [hi2, hi3] = (['hi2', 'hi3'] as const).map((way) => {
    const [host, port] = [text(`${way}Host`), text(`${way}Port`)];
    return host === '' && port === '' ? undefined : { host, port: Number(port) };
  });
  const location = text('location');
  return {
    targets,
    delivery: text('delivery') === 'IRI' ? 'IRI' : 'IRI+CC',
    ...(startTime === null ? {} : { startTime }),
    ...(endTime === null ? {} : { endTime }),
    ...(hi2 === undefined ? {} : { lemf: { hi2, ...(hi3 === undefined ? {} : { hi3 }) } }),
    location: location === 'uponChange' ? location : location === 'yes',
    xk: text('xk') === '' ? false : text('xk'),
  };
}

/** Those of the contents that are otherwise than the warrant has them. */
export function changesTo(warrant: WarrantJson, contents: ChangesJson): ChangesJson {
  const { startTime, endTime } = warrant;
  // The form has whole seconds: what was not touched is what it was.
  const isTouched = (before: string, after: string | undefined): boolean =>
    after !== undefined && Math.floor(Date.parse(before) / 1000) !== Math.floor(Date.parse(after) / 1000);
  const isOther = (name: 'targets' | 'delivery' | 'lemf' | 'location' | 'xk'): boolean =>
    contents[name] !== undefined && canonical(contents[name]) !== canonical(warrant[name]);
  return {
    ...(isOther('targets') ? { targets: contents.targets } : {}),
    ...(isOther('delivery') ? { delivery: contents.delivery } : {}),
    ...(isTouched(startTime, contents.startTime) ? { startTime: contents.startTime } : {}),
    ...(isTouched(endTime, contents.endTime) ? { endTime: contents.endTime } : {}),
    ...(isOther('lemf') ? { lemf: contents.lemf } : {}),
    ...(isOther('location') ? { location: contents.location } : {}),
    ...(isOther('xk') ? { xk: contents.xk } : {}),
  };
}

/** A field that was left empty is not said. */
export function textOf(value: FormDataEntryValue | null): string {
  return typeof value === 'string' ? value.trim() : '';
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

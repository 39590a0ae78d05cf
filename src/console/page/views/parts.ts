/** Small things that several views draw. What comes from records is put in as text, and set apart by direction. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import type { WarrantJson } from '../answers.ts';
import { plainText, timeText } from '../format.ts';
import { CONSOLE_TEXTS } from '../texts.ts';

/** A text from a record. */
export function told(text: string): TemplateResult {
  return html`<bdi>${plainText(text)}</bdi>`;
}

/** Texts from records, one after the other. */
export function toldAll(texts: readonly string[], none: string): TemplateResult {
  if (texts.length === 0) return html`${none}`;
  return html`${texts.map((text, at) => html`${at === 0 ? '' : ', '}${told(text)}`)}`;
}

export function timeOf(iso: string): TemplateResult {
  return html`<time datetime=${iso}>${timeText(iso)}</time>`;
}

/** The state of a warrant, and what is particular about it. */
export function stateMarks({ state, degraded, changing, lapses, erased }: WarrantJson): TemplateResult {
  const mark = (kind: string, text: string): TemplateResult =>
    html`<span class="mark ${kind}">${text}</span>`;
  return html`<span class="marks">
    ${mark(`state-${state}`, CONSOLE_TEXTS.states[state])}
    ${degraded ? mark('bad', CONSOLE_TEXTS.marks.degraded) : nothing}
    ${changing ? mark('busy', CONSOLE_TEXTS.marks.changing) : nothing}
    ${lapses === undefined ? nothing : mark('bad', CONSOLE_TEXTS.marks.emergency)}
    ${erased ? mark('quiet', CONSOLE_TEXTS.marks.erased) : nothing}
  </span>`;
}

/** A number that is seen from afar. @param isBad whether any is too many */
export function tile(count: number, name: string, isBad = false): TemplateResult {
  return html`<div class="tile ${isBad && count > 0 ? 'bad' : ''}">
    <dd>${count}</dd>
    <dt>${name}</dt>
  </div>`;
}

export interface Column {
  readonly title: string;
  /** Of cells that are read by digits. */
  readonly isNumber?: boolean;
}

/** A table whose rows become cards where there is no room. */
export function plainTable(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly unknown[])[],
): TemplateResult {
  return html`<div class="scroll">
    <table class="cards">
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map(({ title }) => html`<th scope="col">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (cells) =>
            html`<tr>
              ${cells.map((cell, at) => {
                const { title = '', isNumber = false } = columns[at] ?? {};
                return html`<td data-title=${title} class=${isNumber ? 'number' : ''}>${cell}</td>`;
              })}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** Why something was refused, read out at once. */
export function refusalNote(refusal: string | null): TemplateResult | typeof nothing {
  return refusal === null ? nothing : html`<p class="refusal" role="alert">${refusal}</p>`;
}

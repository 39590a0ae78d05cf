/** The dialog in which the reader says how something is to be done about a warrant, and why. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import { keyed } from 'lit-html/directives/keyed.js';
import type { ActName, WarrantJson } from '../answers.ts';
import { changeLines, inputTime, localInput, timeText } from '../format.ts';
import type { OfficerPage } from '../officer-page.ts';
import type { PageState } from '../state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { changesTo, contentFields, contentsOf, field, reasonField, textOf } from './fields.ts';
import { refusalNote, told } from './parts.ts';

const { form: WORDS, file: FILE } = CONSOLE_TEXTS;

export function actDialog(state: PageState, page: OfficerPage): TemplateResult | typeof nothing {
  const { act, file, isSending, refusal } = state;
  if (act === null || file === null) return nothing;
  const { warrant } = file;
  const { title, name } = CONSOLE_TEXTS.acts[act];
  const send = (event: Event): void => {
    event.preventDefault();
    const body = bodyOf(act, warrant, event.target as HTMLFormElement);
    if (body === null) page.set({ refusal: WORDS.nothing });
    else void page.act(act, body);
  };
  const leave = (event: Event): void => {
    event.preventDefault();
    page.begin(null);
  };
  const more = (): void => page.set({ targetRows: state.targetRows + 1 });
  return html`<dialog data-modal aria-labelledby="act-title" @cancel=${leave}>
    <form @submit=${send}>
      <h2 id="act-title">${title}: ${told(warrant.liid)}</h2>
      ${keyed(`${act} ${warrant.liid}`, actFields(act, warrant, state.targetRows, more))}
      ${refusalNote(refusal)}
      <div class="buttons">
        <button type="submit" class="act ${act}" ?disabled=${isSending}>
          ${isSending ? WORDS.sending : name}
        </button>
        <button type="button" @click=${leave}>${WORDS.cancel}</button>
      </div>
    </form>
  </dialog>`;
}

function actFields(act: ActName, warrant: WarrantJson, rows: number, more: () => void): TemplateResult {
  switch (act) {
    case 'submit':
      return reasonField(false);
    case 'approve':
      return html`${approved(warrant)} ${reasonField(false)}`;
    case 'amend':
      return html`<p>${WORDS.widens}</p>
        ${contentFields(warrant, rows, more)} ${reasonField(true)}`;
    case 'extend':
      return html`<div class="fields">
          ${warrant.state === 'ended' ? field('from', WORDS.from, { type: 'datetime-local' }) : nothing}
          ${field('until', WORDS.until, {
            ...{ type: 'datetime-local', isNeeded: true, value: localInput(Date.parse(warrant.endTime)) },
          })}
        </div>
        ${reasonField(true)}`;
    case 'withdraw':
      return reasonField(warrant.state !== 'draft');
    default:
      return reasonField(true);
  }
}

/** What is approved, all of it: nobody approves what they have not seen. */
function approved(warrant: WarrantJson): TemplateResult {
  const { targets, delivery, startTime, endTime, lemf, location, xk, pending, generation } = warrant;
  if (pending !== undefined) {
    const lines = [
      CONSOLE_TEXTS.waits[pending.kind],
      ...changeLines(pending.changes),
      ...(pending.startTime === undefined ? [] : [`${FILE.from}: ${timeText(pending.startTime)}`]),
      ...(pending.endTime === undefined ? [] : [`${FILE.until}: ${timeText(pending.endTime)}`]),
    ];
    return html`<p>${WORDS.approvesChange}</p>
      <ul>
        ${lines.map((line) => html`<li>${told(line)}</li>`)}
      </ul>`;
  }
  const asking = xk === false ? {} : { xk };
  const lines = changeLines({ targets, delivery, startTime, endTime, lemf, location, ...asking });
  return html`<p>${WORDS.approves(generation)}</p>
    <ul>
      ${lines.map((line) => html`<li>${told(line)}</li>`)}
    </ul>`;
}

/** What is sent; `null`: nothing would change. */
function bodyOf(act: ActName, warrant: WarrantJson, form: HTMLFormElement): object | null {
  const data = new FormData(form);
  const reason = textOf(data.get('reason'));
  const why = reason === '' ? {} : { reason };
  if (act === 'amend') {
    const changes = changesTo(warrant, contentsOf(form));
    return Object.keys(changes).length === 0 ? null : { ...why, changes };
  }
  if (act !== 'extend') return why;
  const [startTime, endTime] = ['from', 'until'].map((name) => inputTime(textOf(data.get(name))));
  if (endTime === null || endTime === undefined) return null;
  return { ...why, endTime, ...(startTime === null || startTime === undefined ? {} : { startTime }) };
}

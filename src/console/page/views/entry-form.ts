/** Entering a warrant. */
import { html } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import type { OfficerPage } from '../officer-page.ts';
import type { PageState } from '../state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { checkbox, contentFields, contentsOf, field, reasonField, textOf } from './fields.ts';
import { refusalNote } from './parts.ts';

const { form: WORDS } = CONSOLE_TEXTS;

/** A LIID of letters and signs; the longer form of digits is for the command line. */
const LIID = '[!-~]{1,25}|[0-9a-f]{26,50}';

export function entryView(state: PageState, page: OfficerPage): TemplateResult {
  const { isSending, refusal, targetRows, beside } = state;
  const send = (event: Event): void => {
    event.preventDefault();
    void page.enter(entryOf(event.target as HTMLFormElement));
  };
  return html`<h1>${CONSOLE_TEXTS.enter}</h1>
    <form class="entry" @submit=${send}>
      <div class="fields">
        ${field('liid', WORDS.liid, { isNeeded: true, most: 50, pattern: LIID, hint: WORDS.liidHint })}
        ${field('reference', WORDS.reference, { most: 256 })}
      </div>
      ${contentFields(null, targetRows + 1, () => page.set({ targetRows: targetRows + 1 }), beside?.lemf ?? null)}
      ${reasonField(false)} ${checkbox('submit', WORDS.submit, true)}
      ${checkbox('emergency', WORDS.emergency, false)} ${refusalNote(refusal)}
      <div class="buttons">
        <button type="submit" class="act submit" ?disabled=${isSending}>
          ${isSending ? WORDS.sending : WORDS.send}
        </button>
      </div>
    </form>`;
}

function entryOf(form: HTMLFormElement): object {
  const data = new FormData(form);
  const text = (name: string): string => textOf(data.get(name));
  const said = (name: string): object => (text(name) === '' ? {} : { [name]: text(name) });
  return {
    warrant: { liid: text('liid'), ...contentsOf(form) },
    submit: data.has('submit'),
    emergency: data.has('emergency'),
    ...said('reference'),
    ...said('reason'),
  };
}

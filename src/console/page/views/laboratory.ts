/** The laboratory's phones: calling again, and what came of the calls. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import type { LaboratoryAnswer } from '../../beside.ts';
import type { OfficerPage } from '../officer-page.ts';
import type { PageState } from '../state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { choiceField } from './fields.ts';
import { plainTable, refusalNote, timeOf, told } from './parts.ts';

const { laboratoryView: WORDS } = CONSOLE_TEXTS;

export function laboratoryView(
  { laboratory, refusal, isSending }: PageState,
  page: OfficerPage,
): TemplateResult {
  const head = html`<h1>${CONSOLE_TEXTS.laboratory}</h1>`;
  if (laboratory === null)
    return html`${head}
      <p>${CONSOLE_TEXTS.loading}</p>`;
  const { people, calls } = laboratory;
  const isBusy = calls[0]?.state === 'under-way';
  const send = (event: Event): void => {
    event.preventDefault();
    const data = new FormData(event.target as HTMLFormElement);
    const [caller, callee] = ['caller', 'callee'].map((name) => {
      const value = data.get(name);
      return typeof value === 'string' ? value : '';
    });
    void page.callAgain(caller ?? '', callee ?? '');
  };
  const names = Object.fromEntries(people.map((each) => [each, each]));
  return html`${head}
    <p>${WORDS.explained}</p>
    <form class="entry" @submit=${send}>
      <div class="fields">
        ${choiceField('caller', WORDS.caller, names, calls[0]?.caller ?? people[0] ?? '')}
        ${choiceField('callee', WORDS.callee, names, calls[0]?.callee ?? people[1] ?? '')}
      </div>
      ${refusalNote(refusal)}
      <div class="buttons">
        <button type="submit" class="act submit" ?disabled=${isSending || isBusy}>${WORDS.again}</button>
      </div>
    </form>
    <p role="status">${isBusy ? WORDS.underWay : nothing}</p>
    ${calls.length === 0 ? nothing : callTable(calls)}`;
}

function callTable(calls: LaboratoryAnswer['calls']): TemplateResult {
  const columns = [WORDS.at, WORDS.caller, WORDS.callee, WORDS.state, WORDS.told];
  const kinds = { 'under-way': 'busy', over: 'good', failed: 'bad' } as const;
  return plainTable(
    WORDS.calls,
    columns.map((title) => ({ title })),
    calls.map(({ at, caller, callee, state, told: what }) => [
      ...[timeOf(new Date(at).toISOString()), told(caller), told(callee)],
      html`<span class="mark ${kinds[state]}">${WORDS.states[state]}</span>`,
      told(what),
    ]),
  );
}

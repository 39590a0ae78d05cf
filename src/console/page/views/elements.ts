/** The elements: whether they answer, how many tasks each must hold, and whether it does. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import type { OfficerPage } from '../officer-page.ts';
import type { PageState } from '../state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { plainTable, told } from './parts.ts';

const { elementsView: WORDS } = CONSOLE_TEXTS;

export function elementsView(state: PageState, page: OfficerPage): TemplateResult {
  return html`<h1>${CONSOLE_TEXTS.elements}</h1>
    ${answering(state)}
    <div class="buttons">
      <button type="button" @click=${() => void page.askElements()}>${WORDS.ask}</button>
      <button type="button" ?disabled=${state.differences === 'asking'} @click=${() => void page.compare()}>
        ${WORDS.compare}
      </button>
    </div>
    <div role="status">${compared(state)}</div>`;
}

function answering({ elements, system }: PageState): TemplateResult {
  if (elements === null) return html`<p>${CONSOLE_TEXTS.loading}</p>`;
  const columns = [
    { title: WORDS.identifier },
    { title: WORDS.kind },
    { title: WORDS.answers },
    { title: WORDS.tasks, isNumber: true },
  ];
  const rows = elements.map(({ identifier, kind, answers, tasks }) => {
    const isThere = answers && system?.away.includes(identifier) !== true;
    return [
      told(identifier),
      WORDS.kinds[kind] ?? kind,
      html`<span class="mark ${isThere ? 'good' : 'bad'}">${isThere ? WORDS.yes : WORDS.no}</span>`,
      tasks,
    ];
  });
  return plainTable(WORDS.caption, columns, rows);
}

function compared({ differences }: PageState): TemplateResult | typeof nothing {
  if (differences === null) return nothing;
  if (differences === 'asking') return html`<p>${WORDS.comparing}</p>`;
  if (differences.length === 0) return html`<p class="good">${WORDS.alike}</p>`;
  const columns = [WORDS.element, WORDS.problem, WORDS.id].map((title) => ({ title }));
  const rows = differences.map(({ element, problem, id }) => [
    told(element),
    html`<span class="mark bad">${WORDS.problems[problem]}</span>`,
    id === undefined ? '–' : html`<code>${told(id)}</code>`,
  ]);
  return plainTable(WORDS.differences, columns, rows);
}

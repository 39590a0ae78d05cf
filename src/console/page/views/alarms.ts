/** What is wrong: warrants that are not carried whole, and what elements report. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import { readsWarrants, warrantAddress } from '../state.ts';
import type { PageState } from '../state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { plainTable, timeOf, told } from './parts.ts';

const { alarmsView: WORDS } = CONSOLE_TEXTS;

export function alarmsView({ alarms, self }: PageState): TemplateResult {
  const head = html`<h1>${CONSOLE_TEXTS.alarms}</h1>`;
  if (alarms === null)
    return html`${head}
      <p>${CONSOLE_TEXTS.loading}</p>`;
  const { degraded, issues } = alarms;
  if (degraded.length + issues.length === 0)
    return html`${head}
      <p class="good">${WORDS.quiet}</p>`;
  return html`${head}
  ${
    degraded.length === 0
      ? nothing
      : html`<section aria-labelledby="degraded">
          <h2 id="degraded">${WORDS.degraded}</h2>
          <ul class="liids">
            ${degraded.map(
              (liid) =>
                html`<li>
                  ${readsWarrants(self) ? html`<a href=${warrantAddress(liid)}>${told(liid)}</a>` : told(liid)}
                </li>`,
            )}
          </ul>
        </section>`
  }
  ${issues.length === 0 ? nothing : issueTable(issues)}`;
}

function issueTable(issues: NonNullable<PageState['alarms']>['issues']): TemplateResult {
  const columns = [WORDS.element, WORDS.about, WORDS.severity, WORDS.description, WORDS.time];
  const rows = issues.map(({ element, about, id, severity, description, time }) => [
    told(element),
    html`${about} ${id === undefined ? nothing : html`<code>${told(id)}</code>`}`,
    html`<span class="mark ${severity === 'Warning' ? 'busy' : 'bad'}">${told(severity)}</span>`,
    told(description),
    timeOf(time),
  ]);
  return plainTable(
    WORDS.issues,
    columns.map((title) => ({ title })),
    rows,
  );
}

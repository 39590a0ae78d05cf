/** Warrants in a table: which there are, in which state, how long still, and what waits. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import type { WarrantJson } from '../answers.ts';
import { targetLabel, timeLeft, waitsFor } from '../format.ts';
import type { OfficerPage } from '../officer-page.ts';
import { listedWarrants } from '../select.ts';
import { warrantAddress } from '../state.ts';
import type { ListWishes, PageState, SortKey } from '../state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { stateMarks, told, toldAll } from './parts.ts';

const { list: WORDS } = CONSOLE_TEXTS;
/** Rows that one more press shows. */
const MORE = 200;

export function warrantList({ warrants, wishes }: PageState, page: OfficerPage): TemplateResult {
  if (warrants === null)
    return html`<h1>${CONSOLE_TEXTS.warrants}</h1>
      <p>${CONSOLE_TEXTS.loading}</p>`;
  const found = listedWarrants(warrants.values(), wishes);
  const shown = found.slice(0, wishes.rows);
  const left = found.length - shown.length;
  return html`<h1>${CONSOLE_TEXTS.warrants}</h1>
    ${wishesForm(wishes, page)}
    <div class="scroll">
      <table class="cards">
        <caption>
          ${WORDS.caption(found.length, warrants.size)}
        </caption>
        <thead>
          <tr>
            ${sortedBy('liid', WORDS.columns.liid, wishes, page)}
            ${sortedBy('state', WORDS.columns.state, wishes, page)}
            <th scope="col">${WORDS.columns.target}</th>
            <th scope="col">${WORDS.columns.delivery}</th>
            ${sortedBy('left', WORDS.columns.left, wishes, page)}
            <th scope="col">${WORDS.columns.waits}</th>
            <th scope="col">${WORDS.columns.by}</th>
          </tr>
        </thead>
        <tbody>
          ${repeat(
            shown,
            ({ liid }) => liid,
            (warrant) => row(warrant, page.now()),
          )}
        </tbody>
      </table>
    </div>
    ${found.length === 0 ? html`<p class="empty">${WORDS.empty}</p>` : nothing}
    ${
      left === 0
        ? nothing
        : html`<button type="button" @click=${() => page.wish({ rows: wishes.rows + MORE })}>
            ${WORDS.more(Math.min(left, MORE))}
          </button>`
    }`;
}

function row(warrant: WarrantJson, now: number): TemplateResult {
  const { liid, targets, delivery, authors } = warrant;
  const { columns } = WORDS;
  const waits = waitsFor(warrant);
  return html`<tr>
    <th scope="row" data-title=${columns.liid}><a href=${warrantAddress(liid)}>${told(liid)}</a></th>
    <td data-title=${columns.state}>${stateMarks(warrant)}</td>
    <td data-title=${columns.target} class="target">
      ${toldAll(targets.map(targetLabel), CONSOLE_TEXTS.file.deleted)}
    </td>
    <td data-title=${columns.delivery}>${delivery}</td>
    <td data-title=${columns.left} class="number">${timeLeft(warrant, now) || '–'}</td>
    <td data-title=${columns.waits}>
      ${waits === null ? '–' : html`<span class="mark waits">${waits}</span>`}
    </td>
    <td data-title=${columns.by}>${toldAll(authors, CONSOLE_TEXTS.nobody)}</td>
  </tr>`;
}

function sortedBy(key: SortKey, title: string, wishes: ListWishes, page: OfficerPage): TemplateResult {
  const isHere = wishes.sort === key;
  const order = isHere ? (wishes.isDescending ? 'descending' : 'ascending') : 'none';
  const turn = (): void => page.wish({ sort: key, isDescending: isHere && !wishes.isDescending });
  return html`<th scope="col" aria-sort=${order}>
    <button type="button" class="sort" @click=${turn}>${title}<span aria-hidden="true"></span></button>
  </th>`;
}

function wishesForm(wishes: ListWishes, page: OfficerPage): TemplateResult {
  const valueOf = (event: Event): string => (event.target as HTMLInputElement).value;
  const states = { open: WORDS.openStates, any: WORDS.anyState, ...CONSOLE_TEXTS.states };
  return html`<form class="wishes" role="search" @submit=${(event: Event) => event.preventDefault()}>
    <label
      >${WORDS.search}
      <input
        type="search"
        .value=${wishes.search}
        @input=${(event: Event) => page.wish({ search: valueOf(event) })}
    /></label>
    <label
      >${WORDS.state}
      <select @change=${(event: Event) => page.wish({ state: valueOf(event) as ListWishes['state'] })}>
        ${Object.entries(states).map(
          ([name, text]) => html`<option value=${name} ?selected=${name === wishes.state}>${text}</option>`,
        )}
      </select>
    </label>
    <label class="check">
      <input
        type="checkbox"
        .checked=${wishes.onlyPending}
        @change=${(event: Event) => page.wish({ onlyPending: (event.target as HTMLInputElement).checked })}
      />
      ${WORDS.onlyPending}
    </label>
  </form>`;
}
